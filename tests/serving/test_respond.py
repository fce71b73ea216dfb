from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import (
    AuthorityRefused,
    BackendRefused,
    ClientRefused,
    GatewayError,
    InternalError,
    MethodNotAllowed,
    PoolExhausted,
    TokenRefused,
    reasons,
)
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Request, Response
from gateway.serving.respond import PROBLEM_TYPE, problem, render_error, render_token_error


class OneExchange:
    """As much of an exchange as an error needs."""

    request_id = "5b0d"

    def __init__(self, request: Request) -> None:
        self.request = request


EXCHANGE: Any = OneExchange(Request(b"GET", b"/", Headers([])))
CALL: Any = OneExchange(Request(b"POST", b"/pkg.S/M", Headers([(b"Content-Type", b"application/grpc+proto")])))


def test_an_error_is_a_problem_document() -> None:
    """RFC 9457, with the reason as type and the request id to ask about."""
    response = render_error(EXCHANGE, PoolExhausted("All 5 are busy."))
    assert response.status == 503
    assert response.headers.get(b"Content-Type") == b"application/problem+json"
    assert response.headers.get(b"Gateway-Reason") == b"pool.exhausted"
    assert response.headers.get(b"Cache-Control") == b"no-store"
    assert response.headers.get(b"Retry-After") == b"1"
    assert isinstance(response.body, bytes)
    assert response.length == len(response.body)
    assert json.loads(response.body) == {
        "type": PROBLEM_TYPE + "pool.exhausted",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "All 5 are busy.",
        "request_id": "5b0d",
    }


def test_a_call_of_grpc_gets_a_status_of_grpc_in_a_head_without_content() -> None:
    """With what the operator needs beside it."""
    response = render_error(CALL, PoolExhausted("All 5 are büsy."))

    assert (response.status, response.body) == (200, None)
    assert response.headers.get(b"Content-Type") == b"application/grpc"
    assert response.headers.get(b"grpc-status") == b"14"
    assert response.headers.get(b"grpc-message") == b"All 5 are b%C3%BCsy."
    assert response.headers.get(b"Gateway-Reason") == b"pool.exhausted"
    assert response.headers.get(b"Retry-After") == b"1"


def test_the_fields_of_an_error_are_sent() -> None:
    """RFC 9110 section 15.5.6: a 405 says what is allowed."""
    assert render_error(EXCHANGE, MethodNotAllowed(("GET", "HEAD"))).headers.get(b"Allow") == b"GET, HEAD"


def test_without_a_detail_the_client_gets_the_docstring_up_to_its_semicolon() -> None:
    """What stands behind it is for the operator."""
    document = json.loads(problem(InternalError(), "1"))
    assert document["detail"] == "The gateway itself failed."
    assert json.loads(problem(BackendRefused(), "1"))["detail"].endswith("did not resolve.")


@pytest.mark.parametrize("kind", [kind for kind in reasons() if kind is not AuthorityRefused])
def test_every_error_can_be_told(kind: type[GatewayError]) -> None:
    """A sentence, a title, and no line break that could split a field."""
    error = MethodNotAllowed(("GET",)) if kind is MethodNotAllowed else kind()
    document = json.loads(problem(error, ""))
    assert document["detail"][0].isupper()
    assert document["detail"].endswith(".")
    assert document["title"] not in ("", "Error")
    assert document["status"] == error.status
    assert not any(b"\r" in value or b"\n" in value for _, value in render_error(EXCHANGE, error).headers)


def test_an_authority_speaks_for_itself() -> None:
    """Its answer is the client's, with our reason beside it."""
    answer = Response(302, Headers([(b"Location", b"https://login.example.com/")]), b"go there")

    response = render_error(EXCHANGE, AuthorityRefused(answer))

    assert (response.status, response.body) == (302, b"go there")
    assert response.headers.get(b"Location") == b"https://login.example.com/"
    assert response.headers.get(b"Gateway-Reason") == b"auth.refused"


def test_the_token_endpoint_has_words_of_its_own() -> None:
    """RFC 6749 section 5.2; what it has no words for is a problem document there too."""
    response = render_token_error(EXCHANGE, TokenRefused("invalid_scope", "No."))

    assert response.status == 400
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {"error": "invalid_scope", "error_description": "No."}
    assert response.headers.get(b"Content-Type") == b"application/json"
    assert (response.headers.get(b"Cache-Control"), response.headers.get(b"Pragma")) == (b"no-store", b"no-cache")
    assert response.headers.get(b"Gateway-Reason") == b"oauth.refused"
    other = render_token_error(EXCHANGE, PoolExhausted())
    assert other.headers.get(b"Content-Type") == b"application/problem+json"


def test_a_client_that_is_not_known_is_asked_to_show_itself() -> None:
    """RFC 9110 section 15.5.2: every 401 says how."""
    response = render_token_error(EXCHANGE, ClientRefused())

    assert response.status == 401
    assert response.headers.get(b"WWW-Authenticate") == b'Basic realm="oauth"'
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)["error"] == "invalid_client"


def test_a_detail_is_data_in_the_document() -> None:
    """Quotes and control characters do not break out."""
    document = json.loads(problem(GatewayError('"}\r\n<script>'), "1"))
    assert document["detail"] == '"}\r\n<script>'


def test_the_exchange_is_not_touched() -> None:
    """Who renders decides nothing: the chain sets the response."""
    exchange: Exchange = EXCHANGE
    render_error(exchange, InternalError())
    assert not hasattr(exchange, "response")
