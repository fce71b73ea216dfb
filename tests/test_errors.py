from __future__ import annotations

import re

import pytest

from gateway.errors import (
    AuthorityRefused,
    GatewayError,
    HeaderTooLarge,
    MalformedRequest,
    MethodNotAllowed,
    MethodUnknown,
    NotCached,
    PoolExhausted,
    RequestTimeout,
    RequestTooLarge,
    Retry,
    Source,
    VersionUnsupported,
    reasons,
)
from gateway.message import Response

KINDS = list(reasons())


def _made(kind: type[GatewayError]) -> GatewayError:
    if kind is AuthorityRefused:
        return AuthorityRefused(Response(403))
    return kind(("GET", "HEAD")) if kind is MethodNotAllowed else kind()


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_status_a_reason_and_a_sentence(kind: type[GatewayError]) -> None:
    """The page of reasons and the bodies of error responses are made of them."""
    error = _made(kind)
    assert 400 <= error.status < 600
    assert re.fullmatch(r"[a-z]+(\.[a-z_]+)?", error.reason)
    assert (kind.__doc__ or "").strip().endswith(".")
    assert isinstance(error.source, Source)
    assert error.detail == ""


@pytest.mark.parametrize("kind", KINDS)
def test_the_status_tells_whose_fault_it_is(kind: type[GatewayError]) -> None:
    """4xx for clients, 5xx for backends and the gateway; but 501, 505 and `only-if-cached` are a client's doing too."""
    error = _made(kind)
    assert (
        (error.status < 500) == (error.source is Source.DOWNSTREAM) or error.status in (501, 505) or kind is NotCached
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.source is Source.DOWNSTREAM])
def test_what_the_client_did_is_not_tried_again(kind: type[GatewayError]) -> None:
    """Another backend would not help."""
    assert kind.retry is Retry.NEVER


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.status == 503 and not kind.close])
def test_a_503_says_when_to_come_back(kind: type[GatewayError]) -> None:
    """`Retry-After`, by the table of configuration.md."""
    assert dict(_made(kind).headers)[b"Retry-After"].isdigit()


@pytest.mark.parametrize(
    "kind", [MalformedRequest, MethodUnknown, VersionUnsupported, HeaderTooLarge, RequestTooLarge, RequestTimeout]
)
def test_what_was_not_read_to_its_end_ends_the_connection(kind: type[GatewayError]) -> None:
    """RFC 9112 section 11.2: nothing says where the next request begins."""
    assert kind.close


def test_a_detail_is_for_the_client_and_the_log() -> None:
    """Without a detail the log shows the reason."""
    assert str(PoolExhausted("All 5 are busy.")) == "All 5 are busy."
    assert PoolExhausted("All 5 are busy.").detail == "All 5 are busy."
    assert str(PoolExhausted()) == "pool.exhausted"


def test_no_method_names_those_that_are() -> None:
    """RFC 9110 section 15.5.6: `Allow` names the methods."""
    assert MethodNotAllowed(("GET", "PUT")).headers == ((b"Allow", b"GET, PUT"),)
