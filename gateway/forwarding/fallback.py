"""Answer an exchange whose upstream a breaker has closed off: `circuit_breaker.fallback`.

Tests: `tests/flow/test_breakers.py::test_another_upstream_as_fallback`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.errors import BreakerOpen
from gateway.exchange import Exchange
from gateway.http.fields import FieldFilter
from gateway.upstream.backend import Upstream


def fall_back(
    exchange: Exchange,
    upstream: Upstream,
    error: BreakerOpen,
    passes: FieldFilter,
    send: Callable[[Exchange, Upstream], None],
) -> None:
    """Answer with the last good answer, else send the exchange to another upstream (D-36), else give the static answer.

    Args:
        exchange: The exchange that is not forwarded.
        upstream: Its upstream.
        error: Why not; it stays the error of the exchange, unless another upstream answers.
        passes: Which of the client's fields would have been forwarded.
        send: Sends the exchange to another upstream, from which it does not fall back again.

    Raises:
        BreakerOpen: There is no fallback.
    """
    exchange.upstream = upstream.name
    if upstream.condition is not None:
        upstream.condition.rejected += 1
    fallback = upstream.fallback
    if fallback is None:
        raise error
    assert exchange.chain is not None
    response = None if fallback.recall is None else fallback.recall(exchange, error, passes)
    if response is None and fallback.upstream is not None:
        go_on = partial(send, exchange, fallback.upstream())
        place = None if fallback.enter is None else fallback.enter(exchange)
        if place is None:
            go_on()
        else:
            exchange.chain.wait(exchange, place, go_on)
        return
    if response is None:
        if fallback.answer is None:
            raise error
        response = fallback.answer(error)
    exchange.error = error
    exchange.chain.deliver(exchange, response)
