"""Which traces are kept, and what a backend is told; `tests/flow/test_traces.py` has whole exchanges."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import BackendReset, ClientAborted, GatewayError, LimitExceeded
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Response
from gateway.middleware.tracing import Beside, Tracing
from gateway.spans import Spans

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange

TRACE, PARENT = b"4bf92f3577b34da6a3ce929d0e0e4736", b"00f067aa0ba902b7"


class Bench:
    """The step, and what it has kept."""

    def __init__(self, ratio: float = 0.0, slow: float = 0.0) -> None:
        self.kept: list[Spans] = []
        self.step = Tracing(os.urandom, ratio, slow, lambda exchange, spans: self.kept.append(spans))

    def run(self, exchange: Exchange, response: Response | None = None, error: GatewayError | None = None) -> Spans:
        """Let an exchange pass."""
        self.step.on_request(exchange)
        exchange.response, exchange.error = response, error
        self.step.on_finish(exchange)
        assert exchange.spans is not None
        return exchange.spans


def told(exchange: Exchange) -> bytes:
    """What the backend is told."""
    [value] = [value for name, value in exchange.headers_out if name == b"traceparent"]
    return value


def test_a_trace_begins(make: MakeExchange) -> None:
    """Its ids differ, and the backend is told the attempt's."""
    exchange = make()
    spans = Bench(1).run(exchange)

    assert told(exchange) == b"00-%b-%b-01" % (spans.trace_id, spans.first)
    assert exchange.trace_id.encode() == spans.trace_id
    assert len({spans.trace_id, spans.first, spans.span_id}) == 3
    assert (len(spans.trace_id), len(spans.first), len(spans.span_id), spans.parent) == (32, 16, 16, b"")


@pytest.mark.parametrize(("flags", "sampled"), [(b"01", True), (b"00", False), (b"03", True), (b"02", False)])
def test_a_clients_decision_holds(make: MakeExchange, flags: bytes, sampled: bool) -> None:
    """Whatever the ratio is; the flags go on."""
    for ratio in (0.0, 1.0):
        bench, exchange = Bench(ratio), make([(b"traceparent", b"00-%b-%b-%b" % (TRACE, PARENT, flags))])
        spans = bench.run(exchange)

        assert (spans.sampled, bool(bench.kept)) == (sampled, sampled)
        assert (spans.trace_id, spans.parent) == (TRACE, PARENT)
        assert told(exchange) == b"00-%b-%b-%b" % (TRACE, spans.first, flags)


def test_a_broken_context_is_none(make: MakeExchange) -> None:
    """A new trace begins, and the state of the broken one does not go on."""
    exchange = make([(b"traceparent", b"00-%b-%b" % (TRACE, PARENT)), (b"tracestate", b"a=1")])
    spans = Bench(1).run(exchange)

    assert spans.trace_id != TRACE
    assert [name for name, _ in exchange.headers_out] == [b"traceparent"]


@pytest.mark.parametrize("ratio", [0.0, 0.001, 0.3, 0.999, 1.0])
def test_chance_goes_by_the_ratio(make: MakeExchange, ratio: float) -> None:
    """Within five deviations, and decided by the trace's id alone."""
    draw = random.Random(7)
    step = Tracing(draw.randbytes, ratio, 0, lambda exchange, spans: None)
    sampled, count = 0, 20_000
    exchange = make()
    for _ in range(count):
        exchange.headers_out.clear()
        step.on_request(exchange)
        spans = exchange.spans
        assert spans is not None
        assert spans.sampled == (int(spans.trace_id[16:], 16) < ratio * 2**64)
        assert told(exchange).endswith(b"-01") == spans.sampled
        sampled += spans.sampled

    assert abs(sampled - ratio * count) <= 5 * (count * ratio * (1 - ratio)) ** 0.5


class _Attempt:
    """As much of an attempt as is asked."""

    def __init__(self, exchange: Any, status: int = 200, failure: GatewayError | None = None, ended: float = 1) -> None:
        self.exchange = exchange
        self.status = status
        self.failure = failure
        self.ended = ended


@pytest.mark.parametrize(
    ("response", "error", "kept"),
    [
        (Response(200), None, False),
        (Response(404), None, False),
        (Response(429), LimitExceeded(), False),
        (None, ClientAborted(), False),
        (Response(500), None, True),
        (Response(200), BackendReset(), True),
        (Response(502), BackendReset(), True),
    ],
)
def test_failures_are_kept(
    make: MakeExchange, response: Response | None, error: GatewayError | None, kept: bool
) -> None:
    """Those of the gateway and its backends; what clients do wrong, anybody can have as often as they like."""
    bench = Bench()
    bench.run(make(), response, error)

    assert bool(bench.kept) is kept


@pytest.mark.parametrize(
    ("slow", "response", "kept"),
    [
        (0.25, Response(200), True),
        (0.25, None, True),
        (0.26, Response(200), False),
        (0.0, Response(200), False),
        (0.25, Response(200, Headers([(b"Content-Type", b"text/event-stream; charset=utf-8")])), False),
    ],
)
def test_what_is_slow_is_kept(make: MakeExchange, slow: float, response: Response | None, kept: bool) -> None:
    """From `slow` seconds on, but for what is meant to last; 0 is never."""
    bench = Bench(slow=slow)
    bench.run(make(), response)

    assert bool(bench.kept) is kept


@pytest.mark.parametrize(("statuses", "kept"), [([200], False), ([503, 200], True), ([200, 200], False)])
def test_a_fault_that_a_retry_has_cured_is_kept(make: MakeExchange, statuses: list[int], kept: bool) -> None:
    """It tells of a backend that is not well."""
    bench, exchange = Bench(), make()
    bench.step.on_request(exchange)
    assert exchange.spans is not None
    exchange.spans.attempts = [_Attempt(exchange, status) for status in statuses]
    exchange.spans.ids = [b"%016d" % number for number, _ in enumerate(statuses)]
    exchange.response = Response(200)
    bench.step.on_finish(exchange)

    assert bool(bench.kept) is kept
    assert exchange.spans.attempts == exchange.spans.ids[:0] == []


def test_a_fault_of_a_plugin_is_kept(make: MakeExchange) -> None:
    """Also where the exchange went on."""
    bench, exchange = Bench(), make()
    exchange.plugin_failed("stamp", "on_request", "ValueError")
    bench.run(exchange, Response(200))

    assert bench.kept


def test_a_subrequest_that_goes_on_is_kept_with_its_exchange(make: MakeExchange) -> None:
    """Its attempt stays when the exchange is over, and is made a span at its own end, once."""
    bench, exchange, beside = Bench(1), make(), make()
    late: list[list[Any]] = []
    end = Beside(lambda exchange, spans: late.append(list(spans.attempts)))
    bench.step.on_request(exchange)
    spans = exchange.spans
    assert spans is not None
    beside.inherit(exchange)
    own, other = _Attempt(exchange), _Attempt(beside, ended=0.0)
    spans.attempts, spans.ids = [own, other], [b"1", b"2"]

    end.on_finish(beside)  # an earlier subrequest, while the exchange goes on
    assert late == []
    bench.step.on_finish(exchange)
    bench.step.on_finish(exchange)
    assert len(bench.kept) == 1
    assert (spans.attempts, spans.ids) == ([other], [b"2"])
    end.on_finish(beside)

    assert late == [[other]]
    assert spans.attempts == []
    end.on_finish(make())  # of an application, say: nothing is noted there
