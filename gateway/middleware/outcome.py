"""What became of an exchange: the status and the level that logs and metrics share."""

from __future__ import annotations

from typing import Final

from gateway.body import Body
from gateway.errors import Source
from gateway.exchange import Exchange

CLIENT_GONE: Final = 499
"""Status in logs and metrics of an exchange whose client went away before its answer; never sent."""


def status_of(exchange: Exchange) -> int:
    """Return the status that the client got, or the status of the error that kept it from getting an answer."""
    response = exchange.response
    if response is not None:
        return response.status
    error = exchange.error
    return CLIENT_GONE if error is None else error.status


def level_of(exchange: Exchange) -> str:
    """Return the log level: `error` is for what the operator of the gateway or of a backend must look at."""
    error = exchange.error
    if error is None:
        return "info"
    return "error" if error.status >= 500 and error.source is not Source.DOWNSTREAM else "warn"


def outcome_of(exchange: Exchange) -> str:
    """Return `failure` for what failed (a 5xx, an error or refusal by the gateway, a client that left) or `success`."""
    response = exchange.response
    failed = exchange.error is not None or response is None or response.status >= 500
    return "failure" if failed else "success"


def call_status(exchange: Exchange) -> int | None:
    """Return the outcome of a call of gRPC, None for other exchanges and for calls that have broken off."""
    response = exchange.response
    if response is None:
        return None
    said = response.headers.index.get(b"grpc-status")
    body = response.body
    if said is None and isinstance(body, Body):
        trailers = body.origin.trailers  # what a page gets has them in the content
        said = None if trailers is None else trailers.index.get(b"grpc-status")
    if said == b"0":
        return 0  # nearly always; to read a number costs more
    return int(said) if said is not None and said.isdigit() and len(said) < 4 else None
