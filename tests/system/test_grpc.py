"""Real clients and servers of gRPC (grpcio), with the gateway between them: octets for messages, no code generated."""

from __future__ import annotations

import base64
import http.client
import re
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.pki import Authority
from tests.system.gateway_process import GatewayProcess
from tests.system.ports import free_port

grpc = pytest.importorskip("grpc")


# As grpcio-reflection 1.85.1 says them.
LIST_SERVICES = b":\0"
SERVICES = b"\x12\x02:\x002;\n*\n(grpc.reflection.v1alpha.ServerReflection\n\r\n\x0btest.Orders"

_Handler: Any = grpc.GenericRpcHandler


class Service(_Handler):  # type: ignore[misc]  # grpcio has no types
    """Methods of each of the four kinds."""

    def service(self, details: Any) -> Any:
        return {
            "/test.Orders/Unary": grpc.unary_unary_rpc_method_handler(self._unary),
            "/test.Orders/Down": grpc.unary_stream_rpc_method_handler(self._down),
            "/test.Orders/Up": grpc.stream_unary_rpc_method_handler(self._up),
            "/test.Orders/Both": grpc.stream_stream_rpc_method_handler(self._both),
            "/test.Orders/Fail": grpc.unary_unary_rpc_method_handler(self._fail),
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": (
                grpc.stream_stream_rpc_method_handler(self._reflect)
            ),
            "/test.Orders/Slow": grpc.unary_unary_rpc_method_handler(self._slow),
        }.get(details.method)

    def _unary(self, request: bytes, context: Any) -> bytes:
        sent = dict(context.invocation_metadata())
        context.send_initial_metadata([("x-said", sent.get("x-say", ""))])
        context.set_trailing_metadata([("x-sum", str(len(request)))])
        return request

    def _down(self, request: bytes, context: Any) -> Iterator[bytes]:
        yield from (b"%d" % number for number in range(int(request)))

    def _up(self, requests: Iterator[bytes], context: Any) -> bytes:
        return b"%d" % sum(map(len, requests))

    def _both(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        for request in requests:
            yield request.upper()

    def _fail(self, request: bytes, context: Any) -> bytes:
        context.set_trailing_metadata([("x-why", "because")])
        context.abort(grpc.StatusCode.NOT_FOUND, "no such order: \u2713")
        return b""

    def _reflect(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        for request in requests:
            assert request == LIST_SERVICES
            yield SERVICES

    def _slow(self, request: bytes, context: Any) -> bytes:
        time.sleep(5)
        return request


class World(NamedTuple):
    """A gateway in front of a server, and how clients reach it."""

    gateway: GatewayProcess
    port: int
    roots: bytes | None


@pytest.fixture(scope="module", params=["in the clear", "over TLS"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """On both sides by prior knowledge, or by what TLS agrees on."""
    place: Path = tmp_path_factory.mktemp("grpc")
    secure = request.param == "over TLS"
    authority = Authority()
    ca = authority.write(place / "ca.pem")
    identity = authority.write_identity(place / "identity.pem", "localhost", "127.0.0.1")
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Service()])
    if secure:
        both = identity.read_bytes()
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(both, both)]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    gateway, tls_port = GatewayProcess(place), free_port()
    clear = {"endpoint": f"tcp:{gateway.port}:interface=127.0.0.1"}
    tls = {"endpoint": f"ssl:{tls_port}:interface=127.0.0.1:privateKey={identity}:certKey={identity}"}
    scheme = "https" if secure else "h2c"
    gateway.configure(
        listeners=[clear, tls],
        limits={"request_body": 0},
        upstreams=[
            {"name": "orders", "backends": [{"url": f"{scheme}://127.0.0.1:{port}"}], "tls": {"ca": str(ca)}},
            {"name": "gone", "backends": [{"url": "h2c://127.0.0.1:1"}]},
        ],
        routes=[
            {"path": "/test.Orders/*", "upstream": "orders", "grpc_web": True},
            {"path": "/grpc.reflection.v1alpha.ServerReflection/*", "upstream": "orders"},
            {"path": "/test.Gone/*", "upstream": "gone", "grpc_web": True},
        ],
    )
    try:
        gateway.start()
        yield World(gateway, tls_port if secure else gateway.port, ca.read_bytes() if secure else None)
    finally:
        gateway.stop()
        server.stop(None)


@pytest.fixture(scope="module")
def gateway(world: World) -> GatewayProcess:
    """The gateway; its first listener is in the clear."""
    return world.gateway


@pytest.fixture(scope="module")
def channel(world: World) -> Iterator[Any]:
    """A client's channel to it."""
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    target = f"localhost:{world.port}"
    if world.roots is None:
        made = grpc.insecure_channel(target, options)
    else:
        made = grpc.secure_channel(target, grpc.ssl_channel_credentials(world.roots), options)
    with made:
        yield made


def test_unary(channel: Any) -> None:
    """Metadata before and behind, and the message."""
    answer, call = channel.unary_unary("/test.Orders/Unary").with_call(b"seven", metadata=[("x-say", "it")], timeout=20)

    assert answer == b"seven"
    assert dict(call.initial_metadata())["x-said"] == "it"
    assert dict(call.trailing_metadata())["x-sum"] == "5"


def test_large_messages(channel: Any) -> None:
    """More than any window holds, both ways."""
    message = bytes(3_500_000)

    assert channel.unary_unary("/test.Orders/Unary")(message, timeout=30) == message


def test_compressed_messages(channel: Any) -> None:
    """They pass as they are; the gateway's limits count what comes."""
    call = channel.unary_unary("/test.Orders/Unary", None, None)
    assert call(bytes(1_000_000), timeout=30, compression=grpc.Compression.Gzip) == bytes(1_000_000)


def test_streams(channel: Any) -> None:
    """From the server, from the client."""
    assert list(channel.unary_stream("/test.Orders/Down")(b"100", timeout=20)) == [b"%d" % n for n in range(100)]
    assert channel.stream_unary("/test.Orders/Up")(iter([b"abc"] * 50), timeout=20) == b"150"


def test_a_conversation(channel: Any) -> None:
    """Each message is answered before the next one is said."""
    said: list[bytes] = []

    def requests() -> Iterator[bytes]:
        for number in range(20):
            while len(said) < number:
                time.sleep(0.001)
            yield b"m%d" % number

    for answer in channel.stream_stream("/test.Orders/Both")(requests(), timeout=20):
        said.append(answer)  # noqa: PERF402  # who asks looks at what was said so far

    assert said == [b"M%d" % number for number in range(20)]


def test_reflection(channel: Any) -> None:
    """What grpcurl asks first: a conversation on a route of its own."""
    asked = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")

    assert list(asked(iter([LIST_SERVICES, LIST_SERVICES]), timeout=20)) == [SERVICES, SERVICES]


def test_errors_of_the_server(channel: Any) -> None:
    """Status, message and trailing metadata are its own."""
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/test.Orders/Fail")(b"", timeout=20)

    assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    assert failed.value.details() == "no such order: \u2713"
    assert dict(failed.value.trailing_metadata())["x-why"] == "because"


@pytest.mark.parametrize(
    ("method", "status", "reason"),
    [
        ("/test.Orders/Nothing", "UNIMPLEMENTED", None),
        ("/test.Other/Get", "UNIMPLEMENTED", "route.none"),
        ("/test.Gone/Get", "UNAVAILABLE", "upstream.connect"),
    ],
)
def test_errors_of_the_gateway(channel: Any, method: str, status: str, reason: str | None) -> None:
    """Clients read them as they read the server's."""
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary(method)(b"", timeout=20)

    assert failed.value.code() is grpc.StatusCode[status]
    metadata = {**dict(failed.value.initial_metadata()), **dict(failed.value.trailing_metadata())}
    assert metadata.get("gateway-reason") == reason


def test_a_deadline(channel: Any) -> None:
    """The client's own."""
    before = time.monotonic()
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/test.Orders/Slow")(b"", timeout=0.5)

    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - before < 4


def test_a_call_that_is_cancelled(channel: Any) -> None:
    """Its server is told; other calls go on."""
    call = channel.unary_unary("/test.Orders/Slow").future(b"")
    assert channel.unary_unary("/test.Orders/Unary")(b"a", timeout=20) == b"a"
    assert call.cancel()

    assert call.code() is grpc.StatusCode.CANCELLED
    assert channel.unary_unary("/test.Orders/Unary")(b"b", timeout=20) == b"b"


def web_call(gateway: GatewayProcess, method: str, message: bytes, text: bool) -> tuple[str, list[tuple[int, bytes]]]:
    """Make a call as a page does, over HTTP/1.1; return the outcome that the head has, and the frames."""
    kind = "application/grpc-web-text" if text else "application/grpc-web+proto"
    body = b"\0" + len(message).to_bytes(4, "big") + message
    asked = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    asked.request("POST", method, base64.b64encode(body) if text else body, {"Content-Type": kind, "X-Grpc-Web": "1"})
    answer = asked.getresponse()
    content = answer.read()
    asked.close()
    assert (answer.status, (answer.getheader("Content-Type") or "").partition("+")[0]) == (200, kind.partition("+")[0])
    if text:
        content = b"".join(base64.b64decode(group) for group in re.findall(rb"[^=]+=*", content))
    frames = []
    while content:
        size = int.from_bytes(content[1:5], "big")
        frames.append((content[0], content[5 : 5 + size]))
        content = content[5 + size :]
    return answer.getheader("grpc-status") or "", frames


@pytest.mark.parametrize("text", [False, True])
def test_calls_of_pages(gateway: GatewayProcess, text: bool) -> None:
    """gRPC-Web in octets and in text: messages, then the trailers, and every kind of error."""
    outcome, (message, trailers) = web_call(gateway, "/test.Orders/Unary", b"seven", text)
    assert (outcome, message) == ("", (0, b"seven"))
    assert trailers[0] == 0x80
    assert set(trailers[1].split(b"\r\n")) >= {b"grpc-status: 0", b"x-sum: 5"}

    _, frames = web_call(gateway, "/test.Orders/Down", b"100", text)
    assert [content for flags, content in frames if flags == 0] == [b"%d" % number for number in range(100)]

    outcome, frames = web_call(gateway, "/test.Orders/Fail", b"", text)
    said = outcome.encode() + b"".join(content for _, content in frames)
    assert said == b"5" or b"grpc-status: 5\r\n" in said

    assert web_call(gateway, "/test.Gone/Get", b"", text) == ("14", [])
