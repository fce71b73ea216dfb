"""HTTP/2 by ALPN at every kind of port that speaks TLS: asked for by curl, with client certificates and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pki import Authority
from tests.system import backends
from tests.system.gateway_process import GatewayProcess, one_upstream
from tests.system.ports import free_port
from tests.system.test_http2 import curl

LARGE = 5_000_000

PORTS = {
    "ssl": "ssl:{port}:interface=127.0.0.1:privateKey={identity}:certKey={identity}",
    "ssl, as Twisted serves it": (
        "ssl:{port}:interface=127.0.0.1:privateKey={identity}:certKey={identity}:sslmethod=TLS_METHOD"
    ),
    "sni": "sni:{port}:interface=127.0.0.1:certificates={place}/live",
    "sni, for clients with certificates": (
        "sni:{port}:interface=127.0.0.1:certificates={place}/live:clientCA={place}/ca.pem"
    ),
    "tls of Twisted's": "tls:{place}/live:port={port}:interface=\\:\\:1",
}
"""What serves TLS: Python's OpenSSL the first and the third, pyOpenSSL the others."""


@pytest.mark.parametrize("kind", PORTS)
def test_curl_agrees_on_http2(tmp_path: Path, kind: str) -> None:
    """Downloads and uploads larger than any window, and HTTP/1.1 for whoever asks for that."""
    authority = Authority()
    ca = authority.write(tmp_path / "ca.pem")
    identity = authority.write_identity(tmp_path / "client.pem", "localhost", "127.0.0.1")
    (tmp_path / "live").mkdir()
    authority.write_identity(tmp_path / "live/localhost.pem", "localhost", "127.0.0.1")
    (tmp_path / "sent").write_bytes(bytes(LARGE))
    port = free_port()
    endpoint = PORTS[kind].format(port=port, identity=identity, place=tmp_path)
    url = f"https://localhost:{port}"
    trusting: list[str | Path] = [
        "--cacert",
        ca,
        "--resolve",
        f"localhost:{port}:{'[::1]' if kind.startswith('tls') else '127.0.0.1'}",
    ]
    if "clientCA" in endpoint:
        trusting += ["--cert", identity]
    told: list[str | Path] = ["-w", "%{http_version} %{size_download}", "-o", tmp_path / "got"]
    with backends.backend() as origin:
        gateway = GatewayProcess(tmp_path)
        plain = {"endpoint": f"tcp:{gateway.port}:interface=127.0.0.1"}
        limits = {"request_body": 0}
        gateway.configure(listeners=[plain, {"endpoint": endpoint}], limits=limits, **one_upstream(origin.url))
        try:
            gateway.start()
            assert curl("--http2", *trusting, *told, f"{url}/bytes/{LARGE}") == b"2 %d" % LARGE
            assert curl("--http2", *trusting, "--data-binary", f"@{tmp_path}/sent", f"{url}/sink") == b"%d" % LARGE
            assert curl("--http1.1", *trusting, *told, f"{url}/bytes/10") == b"1.1 10"
        finally:
            gateway.stop()
