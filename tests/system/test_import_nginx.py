"""What `gateway import nginx` makes, beside nginx itself: the same requests, the same backends, the same outcome."""

from __future__ import annotations

import os
import shutil
from itertools import product
from pathlib import Path

import pytest

from tests.system.gateway_process import ROOT
from tests.system.ports import free_port
from tests.system.side_by_side import backends, imported, outcome, process

SOURCE = ROOT / "tests" / "imports" / "nginx" / "shop.conf"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")

MAIN = """
daemon off;
error_log stderr;
pid nginx.pid;
events {}
http {
    access_log off;
    root /nowhere;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path u; scgi_temp_path s;
    include site.conf;
}
"""

HOSTS = (
    "shop.example.com",
    "eu.shop.example.com",
    "www.shop.example.com",
    "shop.example",
    "tools.example.com",
    "x.test",
)
PATHS = (
    *("/", "/a", "/a/b?c=d", "/status", "/status/", "/statu", "/gone.html", "/gone.htm", "/legacy", "/legacy/x?y=1"),
    *("/orders", "/orders/", "/orders/7?full=1", "/orders/a/b/", "/checkout", "/checkout/now", "/v2/users/ada"),
    *("/v2/users/7", "/v22/users/ada/", "/v2/usersx", "/a/b.png", "/a/B.PNG", "/orders/x.jpeg", "/static/x.png"),
    *("/static/a/b", "/static", "/api/v1/people/7", "/api/v1/people/x", "/api/v1/", "/api/v1", "/chat", "/chat/room"),
    *("/reports/", "/reports", "/reports/old", "/reports/x/y", "/caf%C3%A9", "/orders/caf%C3%A9", "/a%20b", "/a;x=1"),
)


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_the_result_does_what_nginx_does(tmp_path: Path) -> None:
    """240 requests: the same status, the same backend, the same path and fields there, the same `Location`."""
    assert len(HOSTS) * len(PATHS) == 240
    assert NGINX is not None  # for the type checker
    with backends("orders", "orders", "orders", "site") as ports:
        at_nginx, at_gateway = free_port(), free_port()
        text = SOURCE.read_text()
        for number, port in enumerate(ports, 9001):
            text = text.replace(f":{number}", f":{port}")
        (tmp_path / "nginx").mkdir()
        (tmp_path / "nginx" / "nginx.conf").write_text(MAIN)
        (tmp_path / "nginx" / "site.conf").write_text(text.replace("listen 8080", f"listen 127.0.0.1:{at_nginx}"))
        source = tmp_path / "shop.conf"
        source.write_text(text.replace("listen 8080", f"listen 127.0.0.1:{at_gateway}"))
        with (
            process(at_nginx, NGINX, "-p", tmp_path / "nginx", "-c", "nginx.conf", directory=tmp_path / "nginx"),
            imported("nginx", source, at_gateway, tmp_path),
        ):
            differ = {}
            for host, path in product(HOSTS, PATHS):
                expected, found = outcome(at_nginx, host, path), outcome(at_gateway, host, path)
                if expected != found:
                    differ[f"{host}{path}"] = (expected, found)
    assert differ == {}
