"""The admin listener, on the real site over a connection in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.web.test.requesthelper import DummyRequest

from gateway.admin.resources import REQUEST_BODY, AdminRoot
from gateway.admin.service import KEPT, TIMEOUT, AdminSite
from gateway.answering.health import Health, State
from gateway.composition.lifecycle import GatewayService


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection(NamedTuple):
    """One that is open."""

    protocol: Any
    transport: StringTransport


class Admin:
    """A site and what is asked of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.health = Health()
        self.accepted: list[bytes] = []
        self.ids = 0
        views = {"routes": lambda: [{"name": "users"}], "broken": self._broken}
        self.names: tuple[str, ...] = ()
        root = AdminRoot(self.health, self._exposition, views, names=lambda: self.names)
        self.site = AdminSite(root, self.clock, self._new_id)
        self.transport = StringTransport()

    def _exposition(self, accept: bytes) -> tuple[bytes, bytes]:
        self.accepted.append(accept)
        return b"text/plain; version=0.0.4", b"up 1\n"

    def _new_id(self) -> str:
        self.ids += 1
        return f"id{self.ids}"

    def _broken(self) -> Any:
        raise RuntimeError("secret")

    def send(self, data: bytes) -> bytes:
        """Send octets over a new connection; return what comes back."""
        protocol = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
        self.transport = StringTransport()
        protocol.makeConnection(self.transport)
        protocol.dataReceived(data)
        sent: bytes = self.transport.value()
        return sent

    def connect(self) -> Connection:
        """Open a connection that stays."""
        protocol = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
        transport = StringTransport()
        protocol.makeConnection(transport)
        return Connection(protocol, transport)

    def ask(self, method: str, path: str, *fields: str, host: str = "localhost:9090") -> Answer:
        """Make a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields, "", ""]
        head, _, body = self.send("\r\n".join(lines).encode()).partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        return Answer(int(first.split()[1]), headers, body)


@pytest.fixture
def admin() -> Admin:
    """Starting, as a gateway does."""
    return Admin()


def test_metrics_come_in_the_format_that_accept_asks_for(admin: Admin) -> None:
    """The field is handed on, the media type handed back."""
    answer = admin.ask("GET", "/metrics", "Accept: application/openmetrics-text")

    assert (answer.status, answer.body) == (200, b"up 1\n")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
    assert admin.accepted == [b"application/openmetrics-text"]


def test_without_accept_there_are_metrics_too(admin: Admin) -> None:
    """What curl sends is enough, and so is a path that ends in a slash."""
    assert admin.ask("GET", "/metrics/").body == b"up 1\n"
    assert admin.accepted == [b""]


@pytest.mark.parametrize("path", ["/ready", "/health/ready", "/health/startup"])
def test_health_follows_the_state(admin: Admin, path: str) -> None:
    """503 until the gateway runs."""
    assert admin.ask("GET", path).status == 503

    admin.health.state = State.RUNNING
    answer = admin.ask("GET", path)
    assert (answer.status, answer.json["status"]) == (200, "ok")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_view_is_json(admin: Admin) -> None:
    """What its function returned."""
    assert admin.ask("GET", "/routes").json == [{"name": "users"}]


def test_head_is_get_without_the_body(admin: Admin) -> None:
    """The length is that of the body which GET has; nothing is logged about it."""
    with capturedLogs() as events:
        answer = admin.ask("HEAD", "/metrics")

    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "5")
    assert events == []


def test_every_answer_names_its_request(admin: Admin) -> None:
    """In the field, and in the document of what is refused."""
    assert admin.ask("GET", "/routes").headers["X-Request-Id"] == "id1"

    answer = admin.ask("GET", "/nothing")
    assert answer.headers["X-Request-Id"] == answer.json["request_id"] == "id2"


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "BREW"])
def test_reading_is_all_there_is(admin: Admin, method: str) -> None:
    """Other methods are refused, and told which are not."""
    answer = admin.ask(method, "/metrics", "Content-Length: 0")

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.json["type"].endswith("route.method")


@pytest.mark.parametrize("path", ["/nothing", "/metrics/more", "/health/other", "/%2fmetrics", "*"])
def test_an_unknown_path_is_a_problem(admin: Admin, path: str) -> None:
    """404 as the listeners make it."""
    answer = admin.ask("GET", path)

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Gateway-Reason"] == "route.none"
    assert answer.json["status"] == 404


def test_a_view_that_fails_shows_nothing_of_it(admin: Admin) -> None:
    """500 for the client, the traceback for the log."""
    with capturedLogs() as events:
        answer = admin.ask("GET", "/broken")

    assert (answer.status, answer.json["type"].endswith("internal")) == (500, True)
    assert b"secret" not in answer.body
    assert ["secret" in event["log_failure"].getErrorMessage() for event in events] == [True]


@pytest.mark.parametrize("path", ["/metrics", "/nothing", "/broken", "*"])
def test_the_server_does_not_say_what_it_is_made_of(admin: Admin, path: str) -> None:
    """No library, no version."""
    assert b"wisted" not in admin.send(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (REQUEST_BODY + 1),
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n"
        + b"x" * 0x20000
        + b"\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90000,
    ],
    ids=["said", "chunked", "said and sent"],
)
def test_long_content_is_refused_before_it_is_kept(admin: Admin, request_: bytes) -> None:
    """413, once, and the connection ends."""
    answer = admin.send(request_)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert admin.transport.disconnecting


def test_short_content_is_read_over(admin: Admin) -> None:
    """A GET with a body is odd, not wrong."""
    answer = admin.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_query_is_not_logged(admin: Admin) -> None:
    """Stock Site writes a line for each request, secrets in its query included."""
    with capturedLogs() as events:
        admin.ask("GET", "/metrics?token=secret")

    assert events == []


def test_an_idle_connection_is_closed(admin: Admin) -> None:
    """A connection that asks nothing does not stay."""
    admin.ask("GET", "/metrics")
    protocol = admin.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
    transport = StringTransport()
    protocol.makeConnection(transport)

    admin.clock.advance(TIMEOUT + 1)

    assert transport.disconnecting


def test_only_http_1_is_spoken(admin: Admin) -> None:
    """On TLS, with ALPN, whatever else is installed."""
    assert admin.site.acceptableProtocols() == [b"http/1.1"]


@pytest.mark.parametrize("path", ["/config", "/routes", "/metrics", "/health", "/", "/none"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_name_that_is_not_known_to_be_ours_is_refused(method: str, path: str) -> None:
    """A page in a browser may let its own name point here; it learns nothing, not even which paths there are."""
    admin = Admin()
    admin.names = ("gateway.internal",)

    foreign, own = (
        admin.ask(method, path, host="attacker.example:9090"),
        admin.ask(method, path, host="gateway.internal"),
    )

    assert (foreign.status, foreign.headers["Gateway-Reason"]) == (403, "auth.forbidden")
    assert "`admin.hosts`" in foreign.json["detail"]
    assert own.status != 403


def test_without_host_it_is_no_browser() -> None:
    """HTTP/1.0 of a script."""
    assert b" 200 " in Admin().send(b"GET /routes HTTP/1.0\r\n\r\n").split(b"\r\n")[0]


def test_idle_connections_lock_nobody_out() -> None:
    """However many: that which has asked nothing for the longest time makes room, who has asked stays."""
    admin = Admin()
    asked = admin.connect()
    idle = [admin.connect() for _ in range(KEPT - 1)]
    asked.protocol.dataReceived(b"GET /routes HTTP/1.1\r\nHost: localhost\r\n\r\n")

    late = [admin.connect() for _ in range(10)]

    assert [each.transport.disconnected for each in idle] == [True] * 10 + [False] * (KEPT - 11)
    assert not any(each.transport.disconnected for each in [asked, *late])
    for each in late:
        each.protocol.dataReceived(b"GET /routes HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in each.transport.value()


def test_half_a_request_is_none() -> None:
    """Octets now and then do not keep a connection from making room."""
    admin = Admin()
    dawdles = admin.connect()
    for _ in range(KEPT):
        dawdles.protocol.dataReceived(b"G")
        admin.connect()

    assert dawdles.transport.disconnected


def test_the_root_tells_what_there_is() -> None:
    """A page for browsers, text for curl, JSON for programs; under the rule for names as everything else."""
    admin = Admin()

    assert "GET /routes " in admin.ask("GET", "/").body.decode()
    page = admin.ask("GET", "/", "Accept: text/html,*/*;q=0.8")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert '<a href="/metrics">' in page.body.decode()
    listed = admin.ask("GET", "/", "Accept: application/json").json["links"]
    for link in listed:
        assert admin.ask("GET", link["path"]).status in (200, 500, 503)  # /broken is one of this test's
    assert admin.ask("GET", "/", host="evil.example").status == 403
    assert admin.ask("POST", "/").status == 405


def test_the_root_knows_what_each_thing_is() -> None:
    """Those that a gateway has, writes included."""
    service = GatewayService({})
    request: Any = DummyRequest([b""])
    request.requestHeaders.setRawHeaders(b"accept", ["application/json"])
    root = service._admin_root()

    page = root.leaf(b"/").answer(request)
    assert isinstance(page, bytes)

    links = json.loads(page)["links"]

    assert all(link["words"] for link in links)
    assert {(link["method"], link["path"]) for link in links} >= {
        ("GET", "/upstreams"),
        ("DELETE", "/auth/cache"),
        ("POST", "/cache/purge"),
    }
