"""Access records: the fields that were promised, and no secret in them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.body import Body
from gateway.config.records import DEFAULT_RECORD
from gateway.errors import BackendTimeout
from gateway.exchange import Exchange
from gateway.message import Response
from gateway.middleware.access_log import AccessLog
from gateway.middleware.log_fields import FIELDS, clock_text
from gateway.principal import Principal

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange


def logged(exchange: Exchange, fields: Sequence[str] = DEFAULT_RECORD, **options: Any) -> dict[str, Any]:
    """The record of an exchange, as a reader of the log gets it."""
    lines: list[bytes] = []
    AccessLog(lines.append, fields=fields, wall_clock=lambda: 1_700_000_000.0625, **options).on_finish(exchange)
    (line,) = lines
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    record: dict[str, Any] = json.loads(line)
    return record


def test_the_record_of_a_proxied_request(make: MakeExchange) -> None:
    """Every field of the default schema (C-17)."""
    exchange = make([(b"User-Agent", b"curl/8.0")], target=b"/users/7?page=2")
    exchange.request_id, exchange.trace_id = "6f1c", "4bf9"
    exchange.response = Response(200)
    exchange.upstream, exchange.backend, exchange.attempts = "users", "http://10.0.0.1:80", 2
    exchange.upstream_started, exchange.upstream_finished = 100.125, 100.1875
    exchange.bytes_sent = 126
    exchange.request.body = Body()
    exchange.request.body.push(b"four")
    exchange.principal = Principal("alice")
    exchange.client_address = "203.0.113.9"

    assert logged(exchange) == {
        "timestamp": "2023-11-14T22:13:20.062Z",
        "level": "info",
        "service": "api-gateway",
        "request_id": "6f1c",
        "trace_id": "4bf9",
        "method": "GET",
        "path": "/users/7",
        "query": "page=2",
        "status_code": 200,
        "response_time_ms": 250.0,
        "client_ip": "203.0.113.9",
        "user_agent": "curl/8.0",
        "upstream_service": "users",
        "upstream_response_time_ms": 62.5,
        "backend": "http://10.0.0.1:80",
        "route": "users",
        "reason": None,
        "bytes_sent": 126,
        "bytes_received": 4,
        "attempts": 2,
        "user_id": "alice",
        "host": "api.example.com",
        "protocol": "HTTP/1.1",
    }


def test_the_record_of_a_request_that_came_to_nothing(make: MakeExchange) -> None:
    """Without a route, an answer and an upstream there is a record too, with nulls."""
    exchange = make(version=b"1.0")
    exchange.route = None

    record = logged(exchange)

    assert record["status_code"] == 499
    assert record["protocol"] == "HTTP/1.0"
    for field in ("route", "upstream_service", "upstream_response_time_ms", "backend", "user_agent", "reason"):
        assert record[field] is None


def test_an_error_gives_its_reason_and_level(make: MakeExchange) -> None:
    """The reason is the token that the client got too."""
    exchange = make()
    exchange.error = BackendTimeout()
    exchange.response = Response(504)

    record = logged(exchange)

    assert (record["reason"], record["level"], record["status_code"]) == ("upstream.timeout", "error", 504)


def test_fields_can_be_chosen_and_keep_their_order(make: MakeExchange) -> None:
    """A list in the configuration is the record."""
    record = logged(make([(b"X-Tenant", b"acme")]), ["status", "duration_ms", "request.headers.X-Tenant", "method"])

    assert list(record.items()) == [
        ("status", 499),
        ("duration_ms", 250.0),
        ("request.headers.X-Tenant", "acme"),
        ("method", "GET"),
    ]


def test_every_known_field_can_be_logged(make: MakeExchange) -> None:
    """Every expression compiles and runs."""
    assert set(logged(make(), sorted(FIELDS))) == FIELDS


@pytest.mark.parametrize("field", ["stauts", "", "request.headers.", "__import__('os')", "request.body"])
def test_an_unknown_field_is_refused_at_load(field: str) -> None:
    """The error names it."""
    with pytest.raises(ValueError, match=re.escape(repr(field))):
        AccessLog(lambda line: None, fields=[field])


@pytest.mark.parametrize("name", ["X'); import os; ('", 'a"b', "a\\", "{x}", "a\nb"])
def test_a_field_name_is_never_code(make: MakeExchange, name: str) -> None:
    """Any other name of a field in the configuration is looked up as a header field's name."""
    assert logged(make(), ["request.headers." + name]) == {"request.headers." + name: None}


def test_chosen_header_fields_are_redacted(make: MakeExchange) -> None:
    """The configured names, in any case; a field that is absent is null and not a secret."""
    exchange = make([(b"Authorization", b"Bearer s3cret"), (b"X-Other", b"s3cret")])
    fields = ["request.headers.authorization", "request.headers.X-Other", "request.headers.cookie"]

    assert logged(exchange, fields, redact_headers=["AUTHORIZATION", "x-other", "cookie"]) == {
        "request.headers.authorization": "REDACTED",
        "request.headers.X-Other": "REDACTED",
        "request.headers.cookie": None,
    }


def test_a_url_in_a_header_field_is_redacted_like_our_own(make: MakeExchange) -> None:
    """`Referer` repeats the query of an earlier request."""
    exchange = make([(b"Referer", b"https://a.example/x?api_key=s3cret&page=2")])

    assert logged(exchange, ["request.headers.referer"]) == {
        "request.headers.referer": "https://a.example/x?api_key=REDACTED&page=2"
    }


def test_fields_of_credentials_are_redacted_whatever_is_configured(make: MakeExchange) -> None:
    """A list of one's own takes nothing away; a field that is absent is null."""
    exchange = make([(b"Authorization", b"Bearer s3cret"), (b"X-Auth-Token", b"s3cret"), (b"X-Tenant", b"seen")])
    names = ("authorization", "X-Auth-Token", "x-tenant", "proxy-authorization")

    record = logged(exchange, [f"request.headers.{name}" for name in names], redact_headers=["x-other"])

    assert list(record.values()) == ["REDACTED", "REDACTED", "seen", None]


def test_secrets_in_the_query_are_redacted(make: MakeExchange) -> None:
    """Those that are configured, and those that are known by their names."""
    record = logged(make(target=b"/users/7?page=2&token=s3cret&badge=s3cret"), redact_query=["badge"])

    assert record["query"] == "page=2&token=REDACTED&badge=REDACTED"


def test_octets_that_are_no_text_are_spelled_out(make: MakeExchange) -> None:
    """As hexadecimal escapes, so that every request can be logged as JSON."""
    exchange = make([(b"User-Agent", b"\xff\x80\xed\xa0\x80")], target=b"/?q=\xfe")

    record = logged(exchange)

    assert record["query"] == "q=\\xfe"
    assert record["user_agent"] == "\\xff\\x80\\xed\\xa0\\x80"


def test_text_that_is_no_unicode_does_not_lose_the_record(make: MakeExchange) -> None:
    """A claim may have a lone surrogate: it is written as a JSON escape."""
    exchange = make()
    exchange.principal = Principal("\udcff")

    assert logged(exchange)["user_id"] == "\udcff"


def test_a_body_is_never_a_field() -> None:
    """R-LOG-04: no field of a record has a body."""
    assert not [field for field in FIELDS if "body" in field]


@given(st.floats(min_value=0, max_value=4e9))
def test_time_is_iso_8601_to_the_millisecond(now: float) -> None:
    """In UTC; the fraction is cut, not rounded, so that it never reaches 1000 ms."""
    text = clock_text(lambda: now)()

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)


def test_the_date_follows_the_clock() -> None:
    """Forwards, and backwards where somebody sets the clock."""
    times = iter([59.5, 60.25, 60.75, 59.0])
    timestamp = clock_text(lambda: next(times))

    assert [timestamp()[14:] for _ in range(4)] == ["00:59.500Z", "01:00.250Z", "01:00.750Z", "00:59.000Z"]


def test_the_guide_shows_the_default_record() -> None:
    """The example in the guide has the fields that a record has, in their order."""
    guide = Path(__file__).parents[2] / "docs" / "guides" / "observability.md"
    (example,) = re.findall(r"```json\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)

    assert tuple(json.loads(example)) == DEFAULT_RECORD
