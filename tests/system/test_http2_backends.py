"""A real gateway in front of real backends of HTTP/2, which `h2` serves: in the clear, and by what TLS agrees on."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.pki import Authority
from tests.system import backends
from tests.system.gateway_process import GatewayProcess
from tests.system.http2_backends import Http2Origin, http2_backend
from tests.system.test_http2 import curl

LARGE = 5_000_000


class World(NamedTuple):
    """A gateway with a route for each way to reach a backend: `/clear`, `/agreed`, `/old`, `/only`."""

    gateway: GatewayProcess
    origins: dict[str, Http2Origin]


def old_backend(identity: Path, stack: ExitStack) -> int:
    """Run a backend over TLS that knows HTTP/1.1 alone, and offers nothing by ALPN; it takes WebSockets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    listening = socket.create_server(("127.0.0.1", 0))
    stack.callback(listening.close)
    stack.callback(listening.shutdown, socket.SHUT_RDWR)

    def serve(plain: socket.socket) -> None:
        try:
            with context.wrap_socket(plain, server_side=True) as wire:
                while head := wire.recv(1 << 16):
                    if b"Upgrade: " in head:
                        wire.sendall(
                            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                            b"Upgrade: websocket\r\n\r\nhello"
                        )
                    elif b"application/grpc" in head:
                        break  # which speaks HTTP/2 only, and has nothing to say to this
                    else:
                        wire.sendall(b"HTTP/1.1 200 OK\r\nX-Version: 1.1\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            plain.close()

    def accept() -> None:
        try:
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
        except OSError:
            return

    threading.Thread(target=accept, daemon=True).start()
    port: int = listening.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With four upstreams."""
    place = tmp_path_factory.mktemp("http2-backends")
    authority = Authority()
    ca = authority.write(place / "ca.pem")
    identity = authority.write_identity(place / "identity.pem", "localhost", "127.0.0.1")
    with ExitStack() as stack:
        clear = stack.enter_context(http2_backend())
        agreed = stack.enter_context(http2_backend(identity, ("h2", "http/1.1")))
        old = old_backend(identity, stack)
        tls = {"tls": {"ca": str(ca)}}

        def upstream(name: str, url: str, **more: Any) -> dict[str, Any]:
            return {"name": name, "backends": [{"url": url}], **more}

        gateway = GatewayProcess(place)
        gateway.configure(
            listeners=[{"endpoint": f"tcp:{gateway.port}:interface=127.0.0.1"}],
            limits={"request_body": 0},
            upstreams=[
                upstream("clear", f"h2c://127.0.0.1:{clear.port}"),
                upstream("agreed", f"https://127.0.0.1:{agreed.port}", **tls),
                upstream("old", f"https://127.0.0.1:{old}", **tls),
                upstream("only", f"https://127.0.0.1:{old}", protocol="http2", **tls),
            ],
            routes=[{"path": f"/{name}/*", "upstream": name} for name in ("clear", "agreed", "old", "only")],
        )
        try:
            yield World(gateway.start(), {"clear": clear, "agreed": agreed})
        finally:
            gateway.stop()


@pytest.mark.parametrize("way", ["clear", "agreed"])
@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_content_passes_both_ways(world: World, way: str, version: str, tmp_path: Path) -> None:
    """More than any window holds."""
    url = f"{world.gateway.url}/{way}"
    curl(version, "-o", tmp_path / "got", f"{url}/bytes/{LARGE}")
    (tmp_path / "sent").write_bytes(bytes(LARGE))

    assert (tmp_path / "got").read_bytes() == (backends.PIECE * (LARGE // len(backends.PIECE) + 1))[:LARGE]
    assert curl(version, "--data-binary", f"@{tmp_path}/sent", f"{url}/sink") == b"%d" % LARGE


def test_many_at_once_share_a_connection(world: World) -> None:
    """What TLS has agreed on is HTTP/2, on each of few connections."""
    origin = world.origins["agreed"]
    with httpx.Client() as client:
        answers: list[httpx.Response] = []
        threads = [
            threading.Thread(target=lambda: answers.append(client.get(f"{world.gateway.url}/agreed/bytes/1000")))
            for _ in range(30)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert [(answer.status_code, answer.headers["x-version"]) for answer in answers] == [(200, "2")] * 30
    assert set(origin.agreed) == {"h2"}
    assert len(origin.agreed) <= 3


def test_a_backend_without_http2_is_asked_by_http1(world: World) -> None:
    """Nothing was agreed on; so WebSockets pass, too."""
    answer = httpx.get(f"{world.gateway.url}/old/x")
    assert (answer.status_code, answer.headers["x-version"]) == (200, "1.1")
    with socket.create_connection(("127.0.0.1", world.gateway.port), 10) as client:
        client.sendall(
            b"GET /old/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        said = b""
        while not said.endswith(b"hello"):
            part = client.recv(4096)
            assert part, said
            said += part

    assert said.startswith(b"HTTP/1.1 101")


def test_calls_of_grpc_to_a_backend_that_agrees_on_http1(world: World) -> None:
    """Its client is told what is missing, and not just that something broke off."""
    grpc = pytest.importorskip("grpc")
    with grpc.insecure_channel(f"127.0.0.1:{world.gateway.port}") as channel:
        ask = channel.unary_unary("/old/Get", lambda message: message, lambda message: message)
        with pytest.raises(grpc.RpcError) as failed:
            ask(b"x", timeout=20)

    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "HTTP/1.1" in failed.value.details()
    assert ("gateway-reason", "upstream.protocol") in failed.value.initial_metadata() + failed.value.trailing_metadata()


def test_a_backend_that_has_to_speak_http2(world: World) -> None:
    """`protocol: http2` leaves no other way: a 502 that says why."""
    answer = httpx.get(f"{world.gateway.url}/only/x")

    assert answer.status_code == 502
    assert answer.headers["gateway-reason"] == "upstream.tls"
