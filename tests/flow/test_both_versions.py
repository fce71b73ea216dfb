"""Clients of 1.1 and 2, backends of 1.1 and 2: the same must hold in all four pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.headers import Headers
from gateway.memory.backend import Asked, FakeBackend
from gateway.memory.client import parse_responses
from gateway.testing import FakeClient, Harness
from tests.flow.test_http2 import connect
from tests.http2.client import Http2Answer, Http2Client
from tests.http2.server import Asked2, Http2Backend

Pairs = list[tuple[str, str]]


class Answer:
    """What a client got."""

    def __init__(
        self, status: int, headers: Headers, body: bytes, trailers: Headers, interims: int, complete: bool, broken: bool
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.trailers = trailers
        self.interims = interims
        self.complete = complete
        self.broken = broken


class Side:
    """One gateway between a client and a backend, whatever they speak.

    Args:
        make: Makes gateways.
        client: The client's version.
        backend: The backend's.
    """

    def __init__(self, make: Callable[..., Harness], client: str, backend: str) -> None:
        scheme = "h2c" if backend == "2" else "http"
        self.gateway = make(
            "orders", upstreams=[{"name": "orders", "backends": [{"url": f"{scheme}://127.0.0.1:9001"}]}]
        )
        self.client_version, self.backend_version = client, backend
        self.one: FakeBackend = self.gateway.backend("orders")
        self.one.stall()
        self.two = Http2Backend(self.gateway.network, "127.0.0.1", 9001) if backend == "2" else None
        if self.two is not None:
            self.two.on_whole = lambda asked: None
        self._client: Any = None
        self._asked: Http2Answer | None = None
        self._method = ""

    # The client.

    def ask(
        self, method: str = "GET", fields: Pairs | None = None, body: bytes | None = None, end: bool = True
    ) -> None:
        """Send a request; content of which the length is not known, where there is some."""
        self._method = method
        fields = fields or []
        if self.client_version == "2":
            client: Http2Client = connect(self.gateway)
            self._client = client
            lower = [(name.lower(), value) for name, value in fields]
            self._asked = client.request(method, "/orders/7?a=b", lower, body, end)
        else:
            self._client = self.gateway.client()
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
            if body is not None:
                lines += "Transfer-Encoding: chunked\r\n"
            head = f"{method} /orders/7?a=b HTTP/1.1\r\nHost: gateway.test\r\n{lines}\r\n".encode()
            self._client.send(head + (self._chunked(body, end) if body is not None else b""))
        self.gateway.network.pump()

    def send(self, body: bytes, end: bool = True, trailers: Pairs | None = None) -> None:
        """Send more content."""
        if self._asked is not None:
            self._client.write(self._asked, body, end and not trailers)
            if trailers:
                self._client.peer.send_headers(self._asked.sid, trailers, end_stream=True)
                self._client.flush()
        else:
            self._client.send(self._chunked(body, end, trailers))
        self.gateway.network.pump()

    def give_up(self) -> None:
        """The client goes."""
        if self._asked is not None:
            self._client.cancel(self._asked)
        else:
            self._client.reset()
        self.gateway.network.pump()

    @staticmethod
    def _chunked(body: bytes, end: bool, trailers: Pairs | None = None) -> bytes:
        data = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        lines = "".join(f"{name}: {value}\r\n" for name, value in trailers or []).encode()
        return data + (b"0\r\n%b\r\n" % lines if end else b"")

    @property
    def got(self) -> Answer:
        """What it got so far."""
        if self._asked is not None:
            asked = self._asked
            broken = asked.reset is not None
            return Answer(
                asked.status, asked.headers, asked.body, asked.trailers, len(asked.interims), asked.complete, broken
            )
        client: FakeClient = self._client
        data, interims = client.received, 0
        while data.startswith(b"HTTP/1.1 1"):
            data, interims = data.partition(b"\r\n\r\n")[2], interims + 1
        found = parse_responses(data, (self._method.encode(),), ended=False)
        if not found:
            return Answer(0, Headers(), b"", Headers(), interims, False, client.closed is not None)
        one = found[0]
        broken = client.closed is not None and not one.complete
        return Answer(one.status, one.headers, one.body, one.trailers, interims, one.complete, broken)

    @property
    def said_before(self) -> list[tuple[bytes, bytes]]:
        """The fields of the interim answer that it got first."""
        if self._asked is not None:
            return self._asked.said_before
        lines = self._client.received.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]

    # The backend.

    @property
    def asked(self) -> Asked | Asked2:
        """What the backend was asked last."""
        return self.one.last if self.two is None else self.two.last

    def interim(self, *more: str) -> None:
        """103."""
        asked = self.asked
        if isinstance(asked, Asked2):
            asked.connection.interim(asked, 103, [("link", "</a>"), *((name.lower(), "made up") for name in more)])
        else:
            lines = "".join(f"{name}: made up\r\n" for name in more)
            asked.connection.send(f"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n{lines}\r\n".encode())
        self.gateway.network.pump()

    def head(self, fields: Pairs | None = None, status: int = 200) -> None:
        """Begin an answer of which the length is not known."""
        asked = self.asked
        if isinstance(asked, Asked2):
            asked.connection.head(asked, [(name.lower(), value) for name, value in fields or []], status)
        else:
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields or [])
            asked.connection.send(f"HTTP/1.1 {status} X\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode())
        self.gateway.network.pump()

    def data(self, body: bytes, end: bool = True, trailers: Pairs | None = None) -> None:
        """Go on with it."""
        asked = self.asked
        if isinstance(asked, Asked2):
            asked.connection.data(asked, body, end, trailers)
        else:
            asked.connection.send(self._chunked(body, end, trailers))
        self.gateway.network.pump()

    def break_off(self) -> None:
        """The backend goes."""
        asked = self.asked
        if isinstance(asked, Asked2):
            asked.connection.give_up(asked)
        else:
            asked.connection.reset()
        self.gateway.network.pump()


@pytest.fixture(params=[(client, backend) for client in "12" for backend in "12"], ids=lambda pair: "-".join(pair))
def side(request: pytest.FixtureRequest, make: Callable[..., Harness]) -> Side:
    """Each pair of versions."""
    return Side(make, *request.param)


def test_fields_pass(side: Side) -> None:
    """Those of the message both ways, several of one name too; those of a connection not at all."""
    fields = [("X-One", "1"), ("X-Two", "a"), ("X-Two", "b"), ("Cookie", "a=b; c=d"), ("TE", "trailers")]
    side.ask(fields=fields)
    asked = side.asked
    assert (asked.method, asked.target) == (b"GET", b"/orders/7?a=b")
    assert asked.headers.get(b"x-one") == b"1"
    assert asked.headers.get_all(b"x-two") == [b"a", b"b"]
    assert asked.headers.get_all(b"cookie") == [b"a=b; c=d"]
    assert asked.headers.get(b"te") == b"trailers"
    assert b"content-length" not in asked.headers
    side.head([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-From", "backend")])
    side.data(b"seven")

    got = side.got
    assert (got.status, got.body, got.complete) == (200, b"seven", True)
    assert got.headers.get_all(b"set-cookie") == [b"a=1", b"b=2"]
    assert got.headers.get(b"x-from") == b"backend"


def test_content_passes_as_it_comes(side: Side) -> None:
    """Both ways at the same time, as in a conversation."""
    side.ask("POST", body=b"one", end=False)
    assert side.asked.body == b"one"
    side.head()
    side.data(b"first", end=False)
    assert side.got.body == b"first"
    side.send(b"two", end=False)
    assert side.asked.body == b"onetwo"
    side.data(b"second", end=False)
    assert side.got.body == b"firstsecond"
    side.send(b"three")
    assert side.asked.complete
    side.data(b"third")

    assert (side.got.body, side.got.complete) == (b"firstsecondthird", True)


def test_much_content(side: Side) -> None:
    """More than all windows hold."""
    megabytes = bytes(range(256)) * 8192
    side.ask()
    side.head()
    side.data(megabytes)

    assert side.got.body == megabytes


def test_trailers_pass(side: Side) -> None:
    """Both ways, but for those that would change what has been said."""
    side.ask("POST", [("TE", "trailers")], b"abc", end=False)
    side.send(b"", trailers=[("x-sum", "3"), ("host", "no")])
    assert list(side.asked.trailers) == [(b"x-sum", b"3")]
    side.head()
    side.data(b"ok", trailers=[("x-sum", "2"), ("content-type", "no")])

    assert side.got.complete
    assert [(name.lower(), value) for name, value in side.got.trailers] == [(b"x-sum", b"2")]


def test_interim_answers_pass(side: Side) -> None:
    """Before the answer."""
    side.ask()
    side.interim()
    assert side.got.interims == 1
    side.head()
    side.data(b"ok")

    assert (side.got.interims, side.got.status, side.got.body) == (1, 200, b"ok")


@pytest.mark.parametrize("name", ["Gateway-Reason", "GATEWAY_REASON"])
def test_no_backend_gives_a_reason_in_the_gateways_place(side: Side, name: str) -> None:
    """Neither before the answer, nor in its head, nor behind its content: a client must know who speaks."""
    side.ask("POST", [("Content-Type", "application/grpc"), ("TE", "trailers")], b"abc")
    side.interim(name)
    side.head([("Content-Type", "application/grpc"), (name, "made up")])
    side.data(b"ok", trailers=[("grpc-status", "0"), (name.lower(), "made up")])

    got = side.got
    assert (got.interims, got.body, got.complete) == (1, b"ok", True)
    assert [(name.lower(), value) for name, value in got.trailers] == [(b"grpc-status", b"0")]
    said = side.said_before + list(got.headers)
    assert (b"link", b"</a>") in [(name.lower(), value) for name, value in said]
    assert all(b"reason" not in name.lower() for name, _ in said)


def test_a_client_that_gives_up(side: Side) -> None:
    """Its backend is told at once."""
    side.ask()
    side.give_up()
    asked = side.asked

    if isinstance(asked, Asked2):
        assert asked.reset == 8
    else:
        assert asked.connection.closed is not None
    assert side.gateway.last_log["status_code"] == 499


def test_a_client_that_gives_up_within_its_content(side: Side) -> None:
    """What it had begun to send is never taken for whole."""
    side.ask("POST", body=b"abc", end=False)
    side.give_up()
    asked = side.asked

    assert not asked.complete
    assert asked.reset == 8 if isinstance(asked, Asked2) else asked.connection.closed is not None


def test_a_backend_that_breaks_off_before_its_answer(side: Side) -> None:
    """502."""
    side.ask("POST", body=b"abc")
    side.break_off()

    assert side.got.status == 502
    assert side.got.headers.get(b"gateway-reason") == b"upstream.reset"


def test_a_backend_that_breaks_off_within_its_answer(side: Side) -> None:
    """What has come is not taken for whole."""
    side.ask()
    side.head()
    side.data(b"abc", end=False)
    assert side.got.body == b"abc"
    side.break_off()

    assert side.got.broken
    assert not side.got.complete
    assert side.gateway.last_log["reason"] == "upstream.reset"


@pytest.mark.parametrize("status", [400, 503])
def test_statuses_pass(side: Side, status: int) -> None:
    """Those of errors, too."""
    side.ask("POST", body=b"abc")
    side.head(status=status)
    side.data(b"no")

    assert (side.got.status, side.got.body) == (status, b"no")


def test_an_upgrade_is_asked_by_http1(make: Callable[..., Harness]) -> None:
    """Where the version is agreed on, it has connections of its own, which are counted with the others."""
    gateway = make("orders", upstreams=[{"name": "orders", "backends": [{"url": "https://127.0.0.1:9001"}]}])
    backend = gateway.backend("orders")
    assert gateway.get("/orders/7").status == 200
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
    backend.answer_head = lambda asked: switch if b"upgrade" in asked.headers else None
    client = gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
    assert client.received.startswith(b"HTTP/1.1 101")
    assert len(backend.connections) == 2
    pool = gateway.gateway.foundation.pool.pools()[0]
    assert (pool.in_flight, pool.busy, pool.idle, len(pool.parts())) == (1, 1, 1, 2)
    client.send(b"to")
    gateway.network.pump()
    assert backend.connection.received.endswith(b"to")
    gateway.apply(upstreams=[{"name": "orders", "backends": [{"url": "https://127.0.0.1:9002"}]}])
    assert backend.connections[0].closed is not None
    assert backend.connections[1].closed is None
    backend.connection.close()
    gateway.network.pump()

    assert pool.in_flight == 0
    assert not gateway.gateway.foundation.pool._leaving
