"""What is a call of gRPC, and what its errors and timeouts are."""

from __future__ import annotations

from math import inf
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    BackendTimeout,
    CallNotTaken,
    Forbidden,
    GatewayError,
    HeaderTooLarge,
    LimitExceeded,
    NoBackendAvailable,
    RouteNotFound,
)
from gateway.headers import Headers
from gateway.http import grpc
from gateway.message import Request


@pytest.mark.parametrize(
    ("said", "is_one"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"Application/GRPC; charset=x", True),
        (b"application/grpc-web", False),
        (b"application/grpcx", False),
        (b"application/json", False),
        (None, False),
    ],
)
def test_what_is_a_call(said: bytes | None, is_one: bool) -> None:
    """By its content type."""
    headers = Headers([] if said is None else [(b"Content-Type", said)])

    assert grpc.is_grpc(headers) is is_one


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LimitExceeded(), 8),
        (HeaderTooLarge(), 8),
        (CallNotTaken(), 12),
        (BackendTimeout(), 4),
        (Forbidden(), 7),
        (RouteNotFound(), 12),
        (NoBackendAvailable(), 14),
        (GatewayError(), 2),
    ],
)
def test_the_status_of_an_error(error: GatewayError, status: int) -> None:
    """Its own, or that of gRPC's table."""
    assert grpc.status_of(error) == status


@given(st.text())
def test_a_message_can_be_read_again(text: str) -> None:
    """And is printable ASCII."""
    written = grpc.message(text)

    assert all(0x20 <= octet < 0x7F for octet in written)
    assert unquote(written.decode()) == text


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (b"1S", 1.0),
        (b"200m", 0.2),
        (b"2H", 7200.0),
        (b"3M", 180.0),
        (b"5u", 5e-6),
        (b"7n", 7e-9),
        (b"99999999S", 99999999.0),
    ],
)
def test_timeouts(said: bytes, seconds: float) -> None:
    """In each unit."""
    assert grpc.seconds(said) == pytest.approx(seconds)


@pytest.mark.parametrize("said", [b"", b"S", b"1", b"1s", b"123456789S", b"-1S", b"1.5S", b" 1S"])
def test_malformed_timeouts_say_nothing(said: bytes) -> None:
    """A client that cannot write one gets no deadline from it."""
    assert grpc.seconds(said) is None


@pytest.mark.parametrize(
    ("method", "content_type", "said", "until"),
    [
        (b"POST", b"application/grpc", b"2S", 102.0),
        (b"POST", b"application/grpc+proto", b"2S", 102.0),
        (b"POST", b"application/grpc", b"0S", 100.0),
        (b"POST", b"application/grpc", b"soon", inf),
        (b"POST", b"application/grpc", None, inf),
        (b"POST", b"application/grpc-web", b"2S", inf),
        (b"POST", b"application/json", b"2S", inf),
        (b"GET", b"application/grpc", b"2S", inf),
    ],
)
def test_the_deadline_of_a_call(method: bytes, content_type: bytes, said: bytes | None, until: float) -> None:
    """Who makes no call has none."""
    headers = Headers([(b"Content-Type", content_type)])
    if said is not None:
        headers.add(b"grpc-timeout", said)

    assert grpc.deadline_of(Request(method, b"/pkg.S/M", headers), 100.0) == until


@given(st.floats(min_value=-1, max_value=1e12))
def test_what_is_left_is_said(left: float) -> None:
    """Never more than there is (but something), and hardly less."""
    said = grpc.seconds(grpc.timeout(left))

    assert said is not None
    assert 0 < said <= max(left * (1 + 1e-12), 1e-6)
    assert left >= 1e8 or left - said <= max(1e-6, left * 1e-4)
