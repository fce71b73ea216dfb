"""What names in the configuration stand for."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.message import Response
from gateway.middleware.runtime_values import RuntimeValues, in_field, in_path, in_query, in_segment
from gateway.principal import Principal
from tests.middleware.conftest import exchange_for

VALUES = RuntimeValues(lambda: 100.0123, lambda: 1700000000.9, "only")


def said(name: str, **claims: Any) -> bytes:
    """The value of a name in one exchange."""
    exchange = exchange_for([(b"X-One", b"1"), (b"x-one", b"2")], b"/users/7?a=1&%61=2&b=c+d")
    exchange.request_id = "the-id"
    exchange.params = {"id": "7/8"}
    exchange.response = Response(404)
    exchange.principal = Principal("ann", claims=claims)
    return VALUES.value(name)(exchange)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latency", b"12.3"),
        ("request_id", b"the-id"),
        ("client_ip", b"192.0.2.7"),
        ("route", b"users"),
        ("upstream", b"only"),
        ("method", b"GET"),
        ("path", b"/users/7"),
        ("status", b"404"),
        ("now", b"1700000000"),
        ("param.id", b"7/8"),
        ("param.none", b""),
        ("header.X-One", b"1, 2"),
        ("header.none", b""),
        ("query.a", b"1"),
        ("query.b", b"c d"),
        ("query.none", b""),
        ("claim.plan", b"pro"),
        ("claim.a.b", b"3"),
        ("claim.list", b"x,1"),
        ("claim.object", b'{"k":"\xc3\xa9"}'),
        ("claim.yes", b"true"),
        ("claim.none", b""),
    ],
)
def test_what_names_stand_for(name: str, value: bytes) -> None:
    """One with no value is the empty text."""
    assert said(name, plan="pro", a={"b": 3}, list=["x", 1], object={"k": "é"}, yes=True) == value


def test_a_text_without_names_is_octets() -> None:
    """Nothing is done per request."""
    assert VALUES.template("a $${b} é", in_field) == "a ${b} é".encode()
    assert VALUES.template("/é x", in_segment, in_path) == b"/%C3%A9%20x"


def test_a_template_in_parts() -> None:
    """Literals and values in their order; each value is escaped."""
    made = VALUES.template("<${query.b}>${param.id}", in_segment, in_path)
    assert callable(made)
    exchange = exchange_for((), b"/?b=c+d")
    exchange.params = {"id": "7/8"}
    assert made(exchange) == b"%3Cc%20d%3E7%2F8"


@given(st.binary())
def test_no_value_ends_what_it_stands_in(value: bytes) -> None:
    """Whatever a client has sent."""
    assert all(0x20 <= octet <= 0x7E for octet in in_field(value))
    assert not set(in_segment(value)) & set(b"/?#;\\ \r\n\0")
    assert not set(in_query(value)) & set(b"&=;#+ \r\n\0")
    assert unquote_to_bytes(in_query(value)) == unquote_to_bytes(in_segment(value)) == value
