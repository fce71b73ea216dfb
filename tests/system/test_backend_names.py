"""Backends over TLS that serve by name, as a SaaS or an ingress does: who they are asked as."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.pki import Authority
from tests.system.gateway_process import running, until

SHOP = "shop.example.com"


class Shop(ThreadingHTTPServer):
    """Serves one name only: 421 for every other `Host`, and notes which name TLS was asked for."""

    daemon_threads = True

    def __init__(self, identity: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.names: list[str | None] = []
        self.asked: list[tuple[str | None, str]] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        context.sni_callback = lambda connection, name, context: self.names.append(name)
        self.socket = context.wrap_socket(self.socket, server_side=True)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Shop

    def do_GET(self) -> None:
        host = self.headers["Host"]
        self.server.asked.append((host, self.path))
        self.send_response(302 if host.partition(":")[0] == SHOP else 421)
        self.send_header("Location", f"https://{host}/v2/login")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""


@contextlib.contextmanager
def shop(directory: Path) -> Iterator[tuple[Shop, Path]]:
    """Run a shop whose certificate is for its name alone; with it comes the file of who signed that."""
    authority = Authority()
    server = Shop(authority.write_identity(directory / "shop.pem", SHOP))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, authority.write(directory / "ca.pem")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("host_header", "sent"), [(SHOP, SHOP), (f"{SHOP}:8443", f"{SHOP}:8443")])
def test_host_sni_and_certificate_are_one_name(tmp_path: Path, host_header: str, sent: str) -> None:
    """Of traffic and of checks; a redirect of the backend to itself leads to where the client has asked."""
    with shop(tmp_path) as (server, ca):
        url = f"https://127.0.0.1:{server.server_address[1]}/v2"
        upstream = {
            "name": "shop",
            "backends": [{"url": url}],
            "host_header": host_header,
            "rewrite_responses": True,
            "tls": {"ca": str(ca)},
            "health_check": {"path": "/health", "interval": "100ms", "timeout": "100ms"},
        }
        with running(tmp_path, upstreams=[upstream], routes=[{"path": "/*", "upstream": "shop"}]) as gateway:
            answer = requests.get(f"{gateway.url}/cart?x=1", timeout=5, allow_redirects=False)
            until(lambda: (sent, "/v2/health") in server.asked, "it is not checked")

    assert (answer.status_code, answer.headers["Location"]) == (302, f"{gateway.url}/login")
    assert (sent, "/v2/cart?x=1") in server.asked
    assert set(server.names) == {SHOP}
    assert {host for host, _ in server.asked} == {sent}


def test_its_own_name_is_what_its_certificate_is_for(tmp_path: Path) -> None:
    """Without a name the one in the URL is asked for, and the certificate is for another: nothing is sent."""
    with shop(tmp_path) as (server, ca):
        url = f"https://127.0.0.1:{server.server_address[1]}"
        upstream = {"name": "shop", "backends": [{"url": url}], "host_header": "backend", "tls": {"ca": str(ca)}}
        with running(tmp_path, upstreams=[upstream], routes=[{"path": "/*", "upstream": "shop"}]) as gateway:
            answer = requests.get(f"{gateway.url}/", timeout=5)

    assert (answer.status_code, answer.headers["Gateway-Reason"]) == (502, "upstream.tls")
    assert server.asked == []
