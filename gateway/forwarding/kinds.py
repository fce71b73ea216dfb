"""Which kind of forwarder an upstream needs: chosen when the configuration is loaded, so that others pay nothing.

Tests: `tests/flow/test_least_latency.py::test_answers_are_timed_and_rewritten`.
"""

from __future__ import annotations

from gateway.forwarding.attempt import Attempt
from gateway.forwarding.forwarder import Forwarder
from gateway.forwarding.rewriting import RewritingForwarder, rewrite
from gateway.forwarding.timing import TimingForwarder
from gateway.message import Response
from gateway.upstream.backend import Upstream


class TimingRewritingForwarder(TimingForwarder):
    """Both: a class with two bases could not be compiled."""

    __slots__ = ()

    def _deliver(self, attempt: Attempt, response: Response) -> None:
        rewrite(attempt, response)
        super()._deliver(attempt, response)


def forwarder_for(upstream: Upstream) -> type[Forwarder]:
    """Return the kind of forwarder that an upstream needs; the one that it falls back to counts too."""
    reachable = upstream.traits()
    rewrites = any(one.rewritten for one in reachable)
    if any(one.timed for one in reachable):
        return TimingRewritingForwarder if rewrites else TimingForwarder
    return RewritingForwarder if rewrites else Forwarder
