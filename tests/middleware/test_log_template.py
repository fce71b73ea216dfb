"""Lines as nginx and Apache write them, and clients that try to write one of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange import Exchange
from gateway.message import Response
from gateway.middleware.access_log import AccessLog
from gateway.middleware.log_template import COMBINED, COMMON, column, quoted
from gateway.principal import Principal
from tests.middleware.conftest import exchange_for

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange

# What log readers use for the format: fluentd's `nginx` parser and GoAccess's `%h %^[%d:%t %^] "%r" %s %b "%R" "%u"`
# read a quoted value up to the next quote.
READER = re.compile(
    rb'(?P<host>\S+) - (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>\S+) (?P<protocol>HTTP/\d\.\d)"'
    rb' (?P<status>\d{3}) (?P<bytes>\d+) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"\n'
)


def line_of(exchange: Exchange, template: str = COMBINED) -> bytes:
    """The line of an exchange at a known time."""
    lines: list[bytes] = []
    AccessLog(lines.append, template=template, wall_clock=lambda: 971_186_136.5).on_finish(exchange)
    (line,) = lines
    return line


def test_the_combined_format(make: MakeExchange) -> None:
    """As the manuals of nginx and Apache have it."""
    exchange = make(
        [(b"Referer", b"https://a.example/?password=s3cret"), (b"User-Agent", b"Mozilla/5.0 (X11)")],
        target=b"/a%20b?api_key=s3cret&page=2",
    )
    exchange.client_address, exchange.principal = "203.0.113.9", Principal("frank")
    exchange.response, exchange.bytes_sent = Response(200), 2326

    assert line_of(exchange) == (
        b'203.0.113.9 - frank [10/Oct/2000:13:55:36 +0000] "GET /a%20b?api_key=REDACTED&page=2 HTTP/1.1" 200 2326'
        b' "https://a.example/?password=REDACTED" "Mozilla/5.0 (X11)"\n'
    )


def test_the_common_format_with_nothing_known(make: MakeExchange) -> None:
    """What is not there is a hyphen."""
    exchange = make(version=b"1.0")
    exchange.client_address, exchange.response = "::1", Response(304)

    assert line_of(exchange, COMMON) == b'::1 - - [10/Oct/2000:13:55:36 +0000] "GET /users/7 HTTP/1.0" 304 0\n'


@pytest.mark.parametrize(
    ("value", "between_quotes", "as_a_column"),
    [
        (None, "-", "-"),
        ("", "-", "-"),
        (0, "0", "0"),
        (1.5, "1.5", "1.5"),
        ("a b", "a b", r"a\x20b"),
        ('a"b', r"a\x22b", r"a\x22b"),
        ("a\\b", r"a\x5Cb", r"a\x5Cb"),
        ("a\r\nb\tc\x00\x1b[2J\x7f", r"a\x0D\x0Ab\x09c\x00\x1B[2J\x7F", r"a\x0D\x0Ab\x09c\x00\x1B[2J\x7F"),
        ("é", r"\xC3\xA9", r"\xC3\xA9"),
        ("\udcff", r"\xFF", r"\xFF"),
        ("\ud800", r"\xED\xA0\x80", r"\xED\xA0\x80"),
        ("\u2028", r"\xE2\x80\xA8", r"\xE2\x80\xA8"),
    ],
)
def test_escapes_are_those_of_nginx(value: object, between_quotes: str, as_a_column: str) -> None:
    r"""`"`, `\\`, below 32 and above 126, octet by octet; a blank where it would begin another column."""
    assert quoted(value) == between_quotes
    assert column(value) == as_a_column


def test_octets_that_are_no_text_are_written_as_they_came(make: MakeExchange) -> None:
    """Each as one escape, not as the escape of an escape."""
    exchange = make([(b"User-Agent", b"\xff\xc3\xa9"), (b"Referer", b"/\xfe")], target=b"/?q=\xfe")

    line = line_of(exchange)

    assert rb'"/\xFE" "\xFF\xC3\xA9"' in line
    assert rb"GET /?q=\xFE HTTP/1.1" in line


FORGED = b'x" 200 5 "-" "-"\r\n10.0.0.1 - root [10/Oct/2000:13:55:36 +0000] "GET /admin HTTP/1.1" 200 5 "-" "-'


@given(st.one_of(st.binary(max_size=40), st.just(FORGED)), st.one_of(st.text(max_size=40), st.just(FORGED.decode())))
def test_nobody_can_forge_a_line(octets: bytes, user: str) -> None:
    """Whatever octets are in fields, query and claims: one line, each value in its place."""
    exchange = exchange_for([(b"User-Agent", octets), (b"Referer", octets)])
    exchange.principal, exchange.response = Principal(user), Response(403)

    line = line_of(exchange)

    read = READER.fullmatch(line)
    assert read
    assert (read["path"], read["status"], read["bytes"]) == (b"/users/7", b"403", b"0")
    back = re.sub(rb"\\x([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), read["agent"])
    assert back == (octets or b"-")


def test_a_template_of_the_operators_own(make: MakeExchange) -> None:
    """Any field of a record, any text around it; a percent sign is one."""
    exchange = make([(b"X-Tenant", b"a b"), (b"Cookie", b"s3cret")])
    template = '100% né %{method} t=%{request.headers.X-Tenant} "%{request.headers.x-tenant}" %{request.headers.cookie}'

    line = line_of(exchange, template + " %{upstream_service} %s {x}")

    assert line.decode() == '100% né GET t=a\\x20b "a b" REDACTED - %s {x}\n'


def test_an_unknown_field_is_refused(make: MakeExchange) -> None:
    """When the step is made."""
    with pytest.raises(ValueError, match="stauts"):
        line_of(make(), "%{stauts}")
