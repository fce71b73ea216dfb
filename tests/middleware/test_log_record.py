"""Records of hits: the same octets, whether they are made anew or of what was said the last time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.config.records import DEFAULT_RECORD
from gateway.errors import ClientAborted
from gateway.exchange import Exchange
from gateway.headers import HeaderBlock, Headers
from gateway.message import Repeat, RepeatedRequest, Request, Response
from gateway.middleware.access_log import JSONLine
from gateway.middleware.log_fields import FIELDS
from gateway.middleware.log_members import REPEATED
from gateway.principal import Principal
from tests.middleware.conftest import exchange_for

EVERY = (*DEFAULT_RECORD, *sorted(FIELDS - {*DEFAULT_RECORD}), "request.headers.Referer")


class Named:
    """A route."""

    name = "users"
    pattern = "/users/:id"
    request_timeout = 30.0


ROUTE = Named()
NOW = [1_700_000_000.25]


def lines(fields: tuple[str, ...] = EVERY) -> JSONLine:
    """Make what writes the records."""
    return JSONLine("s", [(field, field) for field in fields], {"authorization"}, ("api_key",), lambda: NOW[0])


def known() -> Repeat:
    """Make what is known of a request."""
    fields = [(b"Host", b"a.test"), (b"User-Agent", b'curl"'), (b"Referer", b"https://b.test/?api_key=1")]
    return Repeat(b"GET", b"/users/7?api_key=1&x=y", b"a.test", HeaderBlock(Headers(fields)))


def hit(repeat: Repeat, number: int = 0) -> Exchange:
    """Make an exchange with a hit."""
    made = exchange_for()
    made.request = RepeatedRequest(repeat)
    made.path = made.request.path
    made.route = ROUTE
    made.cached = "hit"
    made.response = Response(200, Headers(), b"x" * 10)
    made.bytes_sent = 10
    made.request_id, made.trace_id = f"id-{number}", f"trace-{number}"
    made.client_address = f"192.0.2.{number}"
    made.finished = made.started + 0.001 * number
    made.principal = None if number % 2 else Principal(f"u{number}")
    return made


@pytest.mark.parametrize(
    "fields", [EVERY, DEFAULT_RECORD, ("path",), ("path", "timestamp"), ("timestamp", "trace_id"), ()]
)
def test_the_records_of_hits_are_those_of_others(fields: tuple[str, ...]) -> None:
    """To the octet, whoever asks and whenever; and they are made of what was said before."""
    line, repeat = lines(fields), known()
    for number in range(5):
        NOW[0] += 0.7
        assert line.line(hit(repeat, number)) == line.whole(hit(repeat, number))
    assert repeat.record is not None


def _answered(status: int, body: bytes) -> Callable[[Exchange], None]:
    def change(exchange: Exchange) -> None:
        exchange.response = Response(status, Headers(), body)
        exchange.bytes_sent = len(body)

    return change


def _set(name: str, value: Any) -> Callable[[Exchange], None]:
    return lambda exchange: setattr(exchange, name, value)


def _set_of_request(name: str, value: Any) -> Callable[[Exchange], None]:
    return lambda exchange: setattr(exchange.request, name, value)


def _fetched(exchange: Exchange) -> None:
    exchange.upstream, exchange.backend, exchange.attempts = "users", "http://b", 1
    exchange.upstream_started, exchange.upstream_finished = 1.0, 1.5


CHANGES: list[Callable[[Exchange], None]] = [
    _answered(200, b"another"),
    _answered(206, b"x" * 10),
    _answered(304, b""),
    _set("response", None),
    _set("error", ClientAborted()),
    _set("upstream", "canary"),
    _set("route", None),
    _set("cached", "stale"),
    _set("bytes_sent", 3),
    _fetched,
    _set_of_request("target", b"/other"),
    _set_of_request("host", b"b.test"),
    _set_of_request("headers", Headers([(b"User-Agent", b"other")])),
    _set("request", Request(b"PUT", b"/users/8", Headers(), b"b.test")),
    lambda exchange: exchange.request.headers.set(b"User-Agent", b"other"),
    lambda exchange: exchange.would_have("auth", "auth.missing"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_otherwise_is_in_the_record(change: Callable[[Exchange], None]) -> None:
    """In that of an exchange between two hits, and the hit after it is told as the one before."""
    line, repeat = lines(), known()
    for _ in range(2):
        for number in range(2):
            assert line.line(hit(repeat, number)) == line.whole(hit(repeat, number))
        other = hit(repeat, 3)
        change(other)
        assert line.line(other) == line.whole(other)


def test_another_log_has_another_record() -> None:
    """After a reload with other fields, or another route."""
    repeat = known()
    for line in (lines(("path", "route")), lines(("route", "path")), lines(("path", "route"))):
        for route in (ROUTE, Named(), ROUTE):
            made = hit(repeat)
            made.route = route
            assert line.line(made) == line.whole(made)


def test_what_is_said_each_time_is_the_smaller_part() -> None:
    """Of the default record six members: the others are joined once."""
    members = lines(DEFAULT_RECORD)._record._members

    assert sum(not isinstance(member, REPEATED) for member in members) == 6
    assert len(members) == len(DEFAULT_RECORD)
