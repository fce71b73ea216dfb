"""PROXY headers on real sockets, from and to who speaks them: HAProxy in front and behind, nginx behind, curl."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.pki import Authority, key_pem, pem
from tests.system.gateway_process import GatewayProcess, running, until
from tests.system.ports import free_port

PATH = f"{os.environ['PATH']}:/usr/sbin:/usr/bin"
BALANCER, CLIENT, OTHER = "127.0.0.1", "127.0.0.8", "127.0.0.9"


def needs(program: str) -> pytest.MarkDecorator:
    """Leave a test out where a program is not installed; `make test` installs it where it may."""
    return pytest.mark.skipif(shutil.which(program, path=PATH) is None, reason=f"no {program}")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short name, for sockets, with a certificate for `localhost`."""
    with tempfile.TemporaryDirectory(prefix="gw", dir="/tmp") as made:
        certificate, key = Authority().issue("localhost")
        Path(made, "both.pem").write_bytes(pem(certificate) + key_pem(key))
        yield Path(made)


@contextmanager
def program(*command: str | Path, ready: Sequence[str]) -> Iterator[None]:
    """Run a program, from when it answers a request of curl's (with these arguments) on."""
    process = subprocess.Popen(command, env={**os.environ, "PATH": PATH})
    try:
        until(lambda: ask(*ready)[1] != 0, f"{command[0]} does not come up")
        yield
    finally:
        process.terminate()
        process.wait(9)


@contextmanager
def haproxy(place: Path, configuration: str, *ready: str) -> Iterator[None]:
    """Run HAProxy."""
    file = place / "haproxy.cfg"
    file.write_text(f"defaults\n timeout client 9s\n timeout server 9s\n timeout connect 9s\n{configuration}")
    with program("haproxy", "-db", "-f", file, ready=ready):
        yield


@contextmanager
def nginx(place: Path, servers: str, *ready: str) -> Iterator[None]:
    """Run nginx."""
    temporary = "".join(f"{kind}_temp_path {place}/t;\n" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    file = place / "nginx.conf"
    file.write_text(
        f"daemon off; user {getpass.getuser()}; error_log {place}/error.log; pid {place}/nginx.pid; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {place}/t;\n{temporary}{servers}\n}}\n"
    )
    with program("nginx", "-c", file, ready=ready):
        yield


def ask(*arguments: str) -> tuple[str, int]:
    """Ask by curl; returns what came, and the status (0 for none)."""
    command = ["curl", "--silent", "--insecure", "--max-time", "5", "--write-out", "\n%{http_code}", *arguments]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    content, _, status = said.rpartition("\n")
    return content, int(status)


def from_(address: str, url: str) -> list[str]:
    """Arguments of curl for a request from an address of this machine."""
    return ["--interface", address, url]


def answering(listeners: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A configuration of a gateway that answers by itself."""
    return {
        "listeners": listeners,
        "routes": [{"name": "all", "path": "/*", "respond": {"status": 200}}],
        "trusted_proxies": [BALANCER],
        **more,
    }


def told(gateway: GatewayProcess, field: str = "client_ip") -> list[str]:
    """The clients in the access log, or another field, as far as it is written."""
    return [record[field] for record in gateway.logs] if gateway.access_log.exists() else []


@needs("haproxy")
@pytest.mark.parametrize("sends", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl proxy-v2-options crc32c,ssl"])
def test_behind_haproxy(place: Path, sends: str) -> None:
    """At a port, over TLS that ends here, and at a UNIX socket; its checks, which send headers too, are no requests."""
    plain, secure, socket = free_port(), free_port(), place / "gateway.sock"
    fronts = [free_port() for _ in range(3)]
    targets = [
        f"127.0.0.1:{plain} {sends} check",
        f"127.0.0.1:{secure} {sends} ssl verify none check",
        f"unix@{socket} {sends} check",
    ]
    balancing = "".join(
        f"listen l{front}\n mode tcp\n bind 127.0.0.1:{front}\n server s {target} inter 200\n"
        for front, target in zip(fronts, targets, strict=True)
    )
    keys = f"privateKey={place}/both.pem:certKey={place}/both.pem"
    said = answering(
        [
            {"endpoint": f"tcp:{plain}:interface=127.0.0.1", "proxy_protocol": True},
            {"endpoint": f"ssl:{secure}:interface=127.0.0.1:{keys}", "proxy_protocol": True},
            {"endpoint": f"unix:{socket}:mode=600", "proxy_protocol": True},
        ],
        trusted_proxies=[BALANCER, "unix:"],
    )
    urls = [f"http://127.0.0.1:{front}/" for front in fronts]
    with running(place, **said) as gateway, haproxy(place, balancing, urls[0]):
        for address in (CLIENT, OTHER):
            for url in urls:
                until(lambda url=url: ask(url)[1] == 200)
                assert ask(*from_(address, url))[1] == 200
        until(lambda: [told(gateway).count(address) for address in (CLIENT, OTHER)] == [3, 3])
        assert gateway.metric("gateway_proxy_protocol_refused_total") == 0


@pytest.mark.parametrize("secure", [False, True])
def test_curl_is_let_in_with_a_header_and_from_a_trusted_address_only(place: Path, secure: bool) -> None:
    """Before TLS too, and before HTTP/2: by prior knowledge, or as the two agree in the handshake."""
    port = free_port()
    keys = f"privateKey={place}/both.pem:certKey={place}/both.pem"
    endpoint = f"ssl:{port}:{keys}:interface=127.0.0.1" if secure else f"tcp:{port}:interface=127.0.0.1"
    url = f"{'https' if secure else 'http'}://127.0.0.1:{port}/"
    how = "--http2" if secure else "--http2-prior-knowledge"
    listener = {"endpoint": endpoint, "proxy_protocol": True, "http2": True}
    with running(place, **answering([listener])) as gateway:
        assert ask("--haproxy-protocol", "--http1.1", url)[1] == 200
        assert ask("--haproxy-protocol", how, url)[1] == 200
        until(lambda: told(gateway, "protocol") == ["HTTP/1.1", "HTTP/2"])
        assert ask(url)[1] == 0
        assert ask("--haproxy-protocol", *from_(CLIENT, url))[1] == 0
        assert gateway.metric("gateway_proxy_protocol_refused_total") == 2
        assert "127.0.0.8 to a listener with `proxy_protocol`: it is not in `trusted_proxies`" in gateway.errors


def test_a_reload_turns_it_on_and_off(place: Path) -> None:
    """At the same port, without a moment at which nobody listens."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"

    def said(introduced: bool) -> dict[str, Any]:
        return answering([{"endpoint": f"tcp:{port}:interface=127.0.0.1", "proxy_protocol": introduced}])

    with running(place, **said(False)) as gateway:
        for introduced in (True, False):
            gateway.configure(**said(introduced))
            gateway.signal(signal.SIGHUP)
            until(lambda now=introduced: (ask("--haproxy-protocol", url)[1] == 200) is now)
            assert (ask(url)[1] == 200) is not introduced


@needs("nginx")
@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("secure", [False, True])
def test_before_nginx(place: Path, version: str, secure: bool) -> None:
    """It sees each client by its address, and the checks by the gateway's own; TLS comes behind the header."""
    port, inner = free_port(), free_port()
    ssl = f"ssl_certificate {place}/both.pem; ssl_certificate_key {place}/both.pem;" if secure else ""
    server = (
        f"server {{ listen 127.0.0.1:{inner} proxy_protocol{' ssl' if secure else ''}; {ssl}\n"
        'location / { return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port"; } }'
    )
    said = {
        "listeners": [{"endpoint": f"tcp:{port}:interface=127.0.0.1"}],
        "upstreams": [
            {
                "name": "all",
                "backends": [{"url": f"{'https' if secure else 'http'}://127.0.0.1:{inner}"}],
                "proxy_protocol": version,
                "tls": {"verify": False},
                "health_check": {"path": "/", "interval": "200ms"},
            }
        ],
        "routes": [{"name": "all", "path": "/*", "upstream": "all"}],
    }
    url = f"http://127.0.0.1:{port}/"
    direct = ("--haproxy-protocol", f"{'https' if secure else 'http'}://127.0.0.1:{inner}/")
    with nginx(place, server, *direct), running(place, **said) as gateway:
        for address in (CLIENT, OTHER, CLIENT, OTHER):
            content, status = ask(*from_(address, url))
            assert status == 200
            source, source_port, here = content.split(" ")
            assert (source, int(here), int(source_port) > 0) == (address, port, True)
        assert gateway.metric("gateway_backend_healthy") == 1
        assert gateway.metric("gateway_pool_connections") == 2


@needs("haproxy")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_before_haproxy(place: Path, version: str) -> None:
    """With checks by connection, of which it does not complain either."""
    port, inner = free_port(), free_port()
    behind = (
        f"frontend f\n mode http\n bind 127.0.0.1:{inner} accept-proxy\n"
        ' http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst_port]"\n'
    )
    said = {
        "listeners": [{"endpoint": f"tcp:{port}:interface=127.0.0.1"}],
        "upstreams": [
            {
                "name": "all",
                "backends": [{"url": f"http://127.0.0.1:{inner}"}],
                "proxy_protocol": version,
                "health_check": {"type": "tcp", "interval": "200ms"},
            }
        ],
        "routes": [{"name": "all", "path": "/*", "upstream": "all"}],
        "trusted_proxies": [BALANCER],
    }
    url = f"http://127.0.0.1:{port}/"
    with haproxy(place, behind, "--haproxy-protocol", f"http://127.0.0.1:{inner}/"), running(place, **said) as gateway:
        content, status = ask(*from_(CLIENT, url))
        assert (status, content.split(" ")[0], content.split(" ")[2]) == (200, CLIENT, str(port))
        for address in ("2001:db8::7", "203.0.113.7"):
            assert ask("--header", f"X-Forwarded-For: {address}", url) == (
                f"{address}  ",
                200,
            )  # it writes 0 as nothing
        assert gateway.metric("gateway_backend_healthy") == 1


@needs("haproxy")
def test_from_haproxy_to_haproxy(place: Path) -> None:
    """Through the gateway, both ends of the client's connection arrive as they were."""
    port, front, inner = free_port(), free_port(), free_port()
    around = (
        f"listen front\n mode tcp\n bind 127.0.0.1:{front}\n server s 127.0.0.1:{port} send-proxy-v2\n"
        f"frontend inner\n mode http\n bind 127.0.0.1:{inner} accept-proxy\n"
        ' http-request return status 200 content-type text/plain lf-string "%[src] %[dst] %[dst_port]"\n'
    )
    said = {
        "listeners": [{"endpoint": f"tcp:{port}:interface=127.0.0.1", "proxy_protocol": True}],
        "upstreams": [
            {"name": "all", "backends": [{"url": f"http://127.0.0.1:{inner}"}], "proxy_protocol": "v2"},
        ],
        "routes": [{"name": "all", "path": "/*", "upstream": "all"}],
        "trusted_proxies": [BALANCER],
    }
    url = f"http://127.0.0.1:{front}/"
    with running(place, **said), haproxy(place, around, "--haproxy-protocol", f"http://127.0.0.1:{inner}/"):
        assert ask(*from_(CLIENT, url)) == (f"{CLIENT} 127.0.0.1 {front}", 200)
