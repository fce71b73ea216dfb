"""An error into the response that a client gets: problem+json (RFC 9457), or what clients of gRPC read.

The one place where errors become responses. Only the error's reason, status and sentence go out, so that a
traceback, an address or the name of a key cannot reach a client.
"""

from __future__ import annotations

import json

from gateway.errors import AuthorityRefused, GatewayError, TokenRefused
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http import grpc
from gateway.http.messages import REASONS
from gateway.message import Response

PROBLEM_TYPE = "urn:gateway:reason:"
"""What `type` begins with; the reason follows."""


def problem(error: GatewayError, request_id: str) -> bytes:
    """Return the problem details document of an error."""
    document = {
        "type": PROBLEM_TYPE + error.reason,
        "title": REASONS.get(error.status, b"Error").decode(),
        "status": error.status,
        "detail": error.detail or _first_sentence(error),
        "request_id": request_id,
    }
    return json.dumps(document).encode()


def render_error(exchange: Exchange, error: GatewayError) -> Response:
    """Make the response for an error."""
    if grpc.is_call(exchange.request):
        return _trailers_only(error)
    if isinstance(error, AuthorityRefused):
        error.response.headers.set(b"Gateway-Reason", error.reason.encode())
        return error.response
    headers = Headers(
        [
            (b"Content-Type", b"application/problem+json"),
            (b"Cache-Control", b"no-store"),
            (b"Gateway-Reason", error.reason.encode()),
            *error.headers,
        ]
    )
    return Response(error.status, headers, problem(error, exchange.request_id))


def _trailers_only(error: GatewayError) -> Response:
    """Make the answer to a call of gRPC: its status stands in the head, where there is no content."""
    headers = Headers(
        [
            (b"Content-Type", grpc.CONTENT_TYPE),
            (b"grpc-status", b"%d" % grpc.status_of(error)),
            (b"grpc-message", grpc.message(error.detail or _first_sentence(error))),
            (b"Gateway-Reason", error.reason.encode()),
            *error.headers,
        ]
    )
    return Response(200, headers)


def render_token_error(exchange: Exchange, error: GatewayError) -> Response:
    """Make the response for an error at the token endpoint: in the words of RFC 6749 section 5.2 where it has some."""
    response = render_error(exchange, error)
    if isinstance(error, TokenRefused):
        response.headers.set(b"Content-Type", b"application/json")
        response.headers.add(b"Pragma", b"no-cache")
        document = {"error": error.error, "error_description": error.detail or _first_sentence(error)}
        response.body = json.dumps(document).encode()
        response.length = len(response.body)
    return response


def _first_sentence(error: GatewayError) -> str:
    text = " ".join((type(error).__doc__ or "").split())
    # The part of a docstring behind a semicolon is for operators, and not for clients.
    return text.partition(";")[0].rstrip(".") + "."
