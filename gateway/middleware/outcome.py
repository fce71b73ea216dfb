"""What became of an exchange, in the one number and the one word that logs and metrics share."""

from __future__ import annotations

from gateway.errors import Source
from gateway.exchange import Exchange

CLIENT_GONE = 499
"""Stands for an answer that nobody was there to receive; never sent."""


def status_of(exchange: Exchange) -> int:
    """Return the status that the client got, or that of what kept it from getting one."""
    response = exchange.response
    if response is not None:
        return response.status
    error = exchange.error
    return CLIENT_GONE if error is None else error.status


def level_of(exchange: Exchange) -> str:
    """Return how bad it is: `error` is for what the operator of the gateway or of a backend must look at."""
    error = exchange.error
    if error is None:
        return "info"
    return "error" if error.status >= 500 and error.source is not Source.DOWNSTREAM else "warn"
