"""Members of JSON records: the octets that `orjson` would make of the whole record."""

from __future__ import annotations

import struct
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.body import Body
from gateway.config.records import DEFAULT_RECORD
from gateway.errors import BackendRefused, LimitExceeded, MalformedRequest
from gateway.exchange import Exchange
from gateway.message import Response
from gateway.middleware.access_log import JSONLine
from gateway.middleware.log_fields import FIELDS
from gateway.middleware.log_members import Nanoseconds
from gateway.middleware.log_values import Octets, Texts, milliseconds, number
from gateway.principal import Principal
from tests.middleware.conftest import exchange_for

NOW = 1_700_000_000.0625

text = st.one_of(
    st.sampled_from(["", "users", 'a"b\\c', "\x00\x1f\x7f\x80", "é€\U0001f600", "\u2028", "\ud800x", "x" * 600]),
    st.text(max_size=8),
)
octets = st.one_of(
    st.sampled_from([b"", b"curl/8.0", b'"\\\x00\x1f\x7f', b"\xff\xc3\xa9\xe2", "é€".encode(), b"u" * 600]),
    st.binary(max_size=8),
)
seconds = st.one_of(st.sampled_from([0.0, 0.25, 1e-7, 0.001, 0.0105, 12.34567, 1e9, -0.5]), st.floats(-10, 1e12))
count = st.one_of(st.sampled_from([0, 1999, 2000, 2**40]), st.integers(0, 10**6))


class Named:
    """A route."""

    request_timeout = 30.0

    def __init__(self, name: str) -> None:
        self.name = name
        self.pattern = name + "/:id"


@st.composite
def exchanges(draw: Any) -> Exchange:
    """Make exchanges that ended in every way."""
    fields = draw(
        st.lists(st.tuples(st.sampled_from([b"User-Agent", b"Referer", b"Authorization"]), octets), max_size=2)
    )
    target = draw(st.sampled_from([b"/a", b"/a?api_key=1&x=%22", b'/"\\?', b"/\xe9?\xff", b"*"]))
    made = exchange_for(fields, target, draw(st.sampled_from([b"GET", b"M-SEARCH", b"", b'"'])))
    made.request.version = draw(st.sampled_from([b"1.1", b"1.0", b"2", b"\xff"]))
    made.request.host = draw(octets)
    made.request_id, made.trace_id, made.client_address = draw(text), draw(text), draw(text)
    made.upstream, made.backend = draw(st.none() | text), draw(st.none() | text)
    made.principal = draw(st.none() | text.map(Principal))
    made.route = draw(st.none() | text.map(Named))
    made.error = draw(st.sampled_from([None, MalformedRequest(), BackendRefused(), LimitExceeded("over")]))
    made.response = draw(st.none() | st.sampled_from([200, 404, 999]).map(Response))
    made.attempts, made.bytes_sent = draw(count), draw(count)
    made.finished = made.started + draw(seconds)
    made.upstream_started = draw(st.sampled_from([0.0, 100.0]))
    made.upstream_finished = draw(st.sampled_from([0.0, 100.1, 100.000001]))
    if draw(st.booleans()):
        made.request.body = Body()
        made.request.body.push(b"x" * draw(st.integers(0, 3000)))
    if draw(st.booleans()):
        made.would_have("auth", "auth.missing")
    return made


EVERY = (
    '="9.3.0"',
    '=["web"]',
    *DEFAULT_RECORD,
    *sorted(FIELDS - {*DEFAULT_RECORD}),
    "request.headers.Referer",
    "request.headers.authorization",
)


@settings(max_examples=200)
@given(
    st.lists(exchanges(), max_size=6),
    st.one_of(st.just(DEFAULT_RECORD), st.just(EVERY), st.lists(st.sampled_from(EVERY), max_size=5)),
    text.filter(lambda text: "\ud800" not in text),
)
def test_a_record_is_what_orjson_makes_of_it(made: list[Exchange], fields: tuple[str, ...], service: str) -> None:
    """To the octet, whatever was written before: each record twice and again, so that values are remembered."""
    line = JSONLine(service, [(f, f) for f in fields], {"authorization"}, ("api_key",), lambda: NOW)
    for exchange in made * 3:
        assert line.line(exchange) == line.whole(exchange)


@given(st.floats(-1e3, 1e16))
@example(0.0)
@example(struct.unpack("d", struct.pack("d", 0.0015))[0])
@example(999_999_999_999.999)
@example(1e12)
def test_milliseconds_are_written_as_a_float_is(seconds: float) -> None:
    """With the digits of the nearest float, and no others."""
    assert milliseconds(seconds) == orjson.dumps(int(seconds * 1e6) / 1e3)


@given(st.integers(-(10**18), 10**18))
@example(1999)
@example(2000)
@example(-1)
def test_numbers_are_written_in_digits(value: int) -> None:
    """Those of a table and others."""
    assert number(value) == orjson.dumps(value)


def test_what_is_remembered_of_clients_is_bounded() -> None:
    """Texts that come once are not kept, and no more are kept than there is room for."""
    line = JSONLine("s", [(f, f) for f in ("user_agent", "host", "client_ip", "user_id")], (), (), lambda: NOW)
    known = [member._known for member in line._record._members]  # type: ignore[attr-defined]  # those of its subclasses
    for count in range(3000):
        exchange = exchange_for([(b"User-Agent", b"%d" % count)])
        exchange.request.host = b"h%d" % count
        exchange.client_address = f"192.0.2.{count}"
        exchange.principal = Principal(f"u{count}")
        line.line(exchange)
        if count == 500:
            assert [len(memo) for memo in known] == [0, 0, 0, 0]
        if count >= 500:
            line.line(exchange)
        if count == 501:
            assert [len(memo) for memo in known] == [2, 2, 2, 2]
    assert all(len(memo) <= memo.most for memo in known)
    assert {Octets.longest, Texts.longest} == {512}


@pytest.mark.parametrize("seconds", [0.25, -1.0, 1e8])
def test_nanoseconds_are_whole_microseconds(seconds: float) -> None:
    """As an integer; a year of seconds, and a clock that went back."""
    made = exchange_for()
    made.finished = made.started + seconds

    assert Nanoseconds().value(made) == b"%d" % (round(seconds * 1e6) * 1000)


def test_an_integer_that_is_too_large_is_left_to_others() -> None:
    """`orjson` refuses it, and the whole record is written in another way then."""
    made = exchange_for()
    made.finished = made.started + 1e12

    with pytest.raises(TypeError):
        Nanoseconds().value(made)
