"""PROXY headers before HTTP: whom everything takes for the client, and who is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from twisted.logger import LogEvent, capturedLogs, formatEvent

from gateway.memory.client import FakeClient
from gateway.peer import Ends
from gateway.testing import Harness
from gateway.transport.proxy_greeting import OF_ITSELF, Version, greeting
from gateway.transport.proxy_header import PROXY, UNIX, V2
from tests.http2.client import Http2Client

Make = Callable[..., Harness]

PROXY_ADDRESS = "10.0.0.2"
CLIENT = Ends("203.0.113.7", 40000, "198.51.100.1", 443)
ASK = b"GET /orders HTTP/1.1\r\nHost: gateway.test\r\n%b\r\n"
OF_A_SOCKET = V2 + bytes((PROXY, UNIX, 0, 216)) + bytes(216)


def behind(make: Make, **settings: Any) -> Harness:
    """A gateway behind a load balancer of four octets."""
    listeners = [{"name": "balanced", "endpoint": "tcp:8080", "proxy_protocol": True}]
    more = {"forwarded": {"forwarded": True}, "trusted_proxies": [PROXY_ADDRESS], **settings}
    return make("orders", listeners=listeners, **more)


def ask(gateway: Harness, first: bytes, address: str = PROXY_ADDRESS, fields: bytes = b"") -> FakeClient:
    """Send a request behind a header."""
    return gateway.send(first + ASK % fields, gateway.client(address))


def status(client: FakeClient) -> int:
    """The status of the first answer; 0 for none."""
    found = client.responses()
    return found[0].status if found else 0


def refused(gateway: Harness) -> dict[str, float]:
    """How many were closed, by cause."""
    causes = ("untrusted", "invalid", "timeout")
    found = {cause: gateway.metric("gateway_proxy_protocol_refused_total", cause=cause) for cause in causes}
    return {cause: count for cause, count in found.items() if count}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_client_is_whom_the_header_names(make: Make, version: Version) -> None:
    """In the log and for the backend; later requests of the connection are the same client's."""
    gateway = behind(make)
    client = ask(gateway, greeting(version, CLIENT))
    gateway.send(ASK % b"", client)

    assert [answer.status for answer in client.responses()] == [200, 200]
    assert [record["client_ip"] for record in gateway.logs] == ["203.0.113.7"] * 2
    for asked in gateway.backend("orders").requests:
        assert asked.headers.get(b"x-forwarded-for") == b"203.0.113.7"
        assert asked.headers.get(b"x-real-ip") == b"203.0.113.7"
        assert asked.headers.get(b"forwarded") == b'for=203.0.113.7;proto=http;host="gateway.test"'
    assert refused(gateway) == {}


def test_a_client_of_ipv6(make: Make) -> None:
    """Behind a proxy of IPv4."""
    gateway = behind(make)
    ask(gateway, b"PROXY TCP6 2001:DB8:0::7 2001:db8::1 40000 443\r\n")

    assert gateway.last_log["client_ip"] == "2001:db8::7"
    assert gateway.backend("orders").last.headers.get(b"forwarded") == (
        b'for="[2001:db8::7]";proto=http;host="gateway.test"'
    )


def test_what_the_client_says_of_others_is_not_believed(make: Make) -> None:
    """It is the proxy who is trusted, and the proxy has said who this is."""
    gateway = behind(make)
    ask(gateway, greeting("v2", CLIENT), fields=b"X-Forwarded-For: 192.0.2.99\r\nX-Forwarded-Proto: https\r\n")

    assert gateway.last_log["client_ip"] == "203.0.113.7"
    headers = gateway.backend("orders").last.headers
    assert headers.get(b"x-forwarded-for") == b"192.0.2.99, 203.0.113.7"
    assert headers.get(b"x-forwarded-proto") == b"http"


def test_a_trusted_proxy_behind_the_proxy_is_believed(make: Make) -> None:
    """A content network comes by the load balancer, and names its client in a field."""
    gateway = behind(make, trusted_proxies=[PROXY_ADDRESS, "203.0.113.0/24"])
    ask(gateway, greeting("v1", CLIENT), fields=b"X-Forwarded-For: 192.0.2.99\r\n")

    assert gateway.last_log["client_ip"] == "192.0.2.99"


@pytest.mark.parametrize(
    ("first", "client"),
    [
        (OF_ITSELF["v1"], "10.0.0.2"),
        (b"PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n", "10.0.0.2"),
        (OF_A_SOCKET, "10.0.0.2"),
        (greeting("v2", Ends("", 0, "", 0)), "10.0.0.2"),
        (OF_ITSELF["v2"], "192.0.2.99"),
    ],
)
def test_a_client_of_whom_nothing_is_said_has_the_proxy_s_address_and_no_say(
    make: Make, first: bytes, client: str
) -> None:
    """Except where the proxy speaks for itself (LOCAL): it is trusted, and may name others."""
    gateway = behind(make)
    fields = b"X-Forwarded-For: 192.0.2.99\r\nX-Forwarded-Proto: https\r\n"
    for _ in range(2):
        assert status(ask(gateway, first, fields=fields)) == 200
        assert gateway.last_log["client_ip"] == client
    said = gateway.backend("orders").last.headers.get(b"x-forwarded-proto")
    assert said == (b"https" if client == "192.0.2.99" else b"http")

    gateway.gateway.site.part()  # those of whom nothing is said are told as all others
    answer = ask(gateway, first).responses()[0]
    assert (answer.status, answer.headers.get(b"connection")) == (200, b"close")


def test_rules_and_limits_go_by_the_client(make: Make) -> None:
    """Not by the load balancer, which would be one client for all."""
    gateway = behind(
        make, ip_deny=["203.0.113.9"], rate_limits=[{"endpoint": "/*", "scope": "ip", "limit": 2, "window": "60s"}]
    )
    others = [CLIENT._replace(source=f"203.0.113.{last}") for last in (7, 7, 7, 8, 9)]

    assert [status(ask(gateway, greeting("v1", ends))) for ends in others] == [200, 200, 429, 200, 403]


def test_who_is_not_trusted_is_closed_unread(make: Make) -> None:
    """Whatever it says, and also where nobody is trusted."""
    gateway = behind(make)
    with capturedLogs() as logs:
        strangers = [ask(gateway, greeting("v1", CLIENT), "192.0.2.66") for _ in range(3)]

    assert [(client.closed is not None, client.received) for client in strangers] == [(True, b"")] * 3
    assert gateway.backend("orders").requests == []
    assert refused(gateway) == {"untrusted": 3.0}
    assert lines(logs) == [
        "Closed a connection of 192.0.2.66 to a listener with `proxy_protocol`: it is not in `trusted_proxies`"
    ]
    gateway.apply(trusted_proxies=[])
    assert ask(gateway, greeting("v1", CLIENT)).closed is not None
    gateway.apply(trusted_proxies=["192.0.2.66"])
    assert status(ask(gateway, greeting("v1", CLIENT), "192.0.2.66")) == 200


def test_what_is_turned_away_again_and_again_is_told_once_a_minute(make: Make) -> None:
    """With how often: a flood must not fill the disk."""
    gateway = behind(make)
    with capturedLogs() as logs:
        for _ in range(5):
            gateway.client("192.0.2.66")
        gateway.advance(61)
        gateway.client("192.0.2.66")

    assert [line.partition("`: ")[2] for line in lines(logs)] == [
        "it is not in `trusted_proxies`",
        "it is not in `trusted_proxies`; and 4 more since this was said last",
    ]


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"PROXY TCP4 203.0.113.7 198.51.100.1 40000 443\n",
        b"PROXY TCP4 203.0.113.256 198.51.100.1 40000 443\r\n",
        b"PROXY " + b"x" * 120,
        b"\r\n" + greeting("v1", CLIENT),
        greeting("v2", CLIENT)[:13] + b"\x12" + greeting("v2", CLIENT)[14:],
    ],
)
def test_what_is_no_header_is_closed(make: Make, first: bytes) -> None:
    """A request without one too: nobody guesses whether there is one. No answer is made: nobody speaks HTTP yet."""
    gateway = behind(make)
    client = ask(gateway, first)

    assert (client.closed is not None, client.received) == (True, b"")
    assert gateway.backend("orders").requests == []
    assert refused(gateway) == {"invalid": 1.0}


@pytest.mark.parametrize("first", [b"", b"PROXY TCP4 203.0.113.7", greeting("v2", CLIENT)[:-1]])
def test_what_does_not_come_in_time_is_closed(make: Make, first: bytes) -> None:
    """`timeouts.client_header` counts from the connection: a proxy has the header at hand."""
    gateway = behind(make, timeouts={"client_header": "3s"})
    client = gateway.client(PROXY_ADDRESS)
    if first:
        gateway.send(first, client)
    gateway.advance(2.5)
    assert client.closed is None
    gateway.advance(1)

    assert client.closed is not None
    assert refused(gateway) == {"timeout": 1.0}


def test_octet_by_octet_it_is_a_header_all_the_same(make: Make) -> None:
    """And the request behind it is read as ever, with its own time."""
    gateway = behind(make, timeouts={"client_header": "3s"})
    client = gateway.client(PROXY_ADDRESS)
    for octet in greeting("v1", CLIENT) + (ASK % b""):
        gateway.send(bytes((octet,)), client)
        gateway.advance(0.03)

    assert status(client) == 200
    assert gateway.last_log["client_ip"] == "203.0.113.7"


def test_a_check_of_the_proxy_is_no_offence(make: Make) -> None:
    """A load balancer that connects and closes, or says who it is and closes, only looks whether we are there."""
    gateway = behind(make)
    for first in (b"", OF_ITSELF["v2"], greeting("v1", CLIENT)):
        client = gateway.client(PROXY_ADDRESS)
        if first:
            gateway.send(first, client)
        client.close()
        gateway.network.pump()

    assert refused(gateway) == {}
    client = gateway.send(b"PROX", gateway.client(PROXY_ADDRESS))
    client.close()
    gateway.network.pump()
    assert refused(gateway) == {"invalid": 1.0}


def test_the_header_is_for_the_first_octets_only(make: Make) -> None:
    """A second one is a bad request: a client could send it."""
    gateway = behind(make)
    client = ask(gateway, greeting("v1", CLIENT) + greeting("v1", CLIENT))

    assert status(client) == 400
    assert gateway.last_log["client_ip"] == "203.0.113.7"


def test_other_listeners_know_of_no_headers(make: Make) -> None:
    """There such a line is a bad request, whoever sends it."""
    listeners: list[dict[str, Any]] = [
        {"name": "balanced", "endpoint": "tcp:8080", "proxy_protocol": True},
        {"name": "direct", "endpoint": "tcp:8081"},
    ]
    gateway = make("orders", listeners=listeners, trusted_proxies=[PROXY_ADDRESS])
    client = gateway.send(greeting("v1", CLIENT) + ASK % b"", gateway.client(PROXY_ADDRESS, "direct"))
    assert status(client) == 400
    client = gateway.send(ASK % b"", gateway.client("192.0.2.1", "direct"))
    assert (status(client), gateway.last_log["client_ip"]) == (200, "192.0.2.1")


class IntroducedHttp2Client(Http2Client):
    """Speaks HTTP/2 behind a header, at once or a turn later."""

    def __init__(self, first: bytes) -> None:
        super().__init__()
        self._first = first

    def connectionMade(self) -> None:
        self.send(self._first)
        super().connectionMade()


@pytest.mark.parametrize(
    ("first", "client"), [(greeting("v1", CLIENT), "203.0.113.7"), (OF_ITSELF["v1"], "10.0.0.2"), (b"", None)]
)
def test_a_client_of_http2(make: Make, first: bytes, client: str | None) -> None:
    """Its preface comes behind the header; every stream is the same client's, and is believed as in HTTP/1.1."""
    listeners = [{"endpoint": "tcp:8080", "proxy_protocol": True, "http2": True}]
    gateway = make("orders", listeners=listeners, trusted_proxies=[PROXY_ADDRESS])
    connection = IntroducedHttp2Client(first)
    gateway.memory.accept(connection, PROXY_ADDRESS)
    answers = [connection.request("GET", "/orders", {"x-forwarded-for": "192.0.2.99"}) for _ in range(2)]
    gateway.network.pump()

    if client is None:
        assert (connection.closed is not None, refused(gateway)) == (True, {"invalid": 1.0})
        return
    assert [answer.status for answer in answers] == [200, 200]
    assert [(record["client_ip"], record["protocol"]) for record in gateway.logs] == [(client, "HTTP/2")] * 2


def test_who_waits_for_its_header_does_not_hold_up_the_end(make: Make) -> None:
    """There is no exchange to finish."""
    gateway = behind(make)
    client = gateway.client(PROXY_ADDRESS)
    assert gateway.metric("gateway_active_connections") == 1
    drained = gateway.gateway.site.drain()
    gateway.network.pump()

    assert drained.called
    assert client.closed is not None
    assert gateway.metric("gateway_active_connections") == 0


def lines(logs: Sequence[LogEvent]) -> list[str]:
    """What was said."""
    return list(said(logs))


def said(logs: Sequence[LogEvent]) -> Iterator[str]:
    """What was said of closed connections."""
    for event in logs:
        if "to a listener" in formatEvent(event):
            yield formatEvent(event)
