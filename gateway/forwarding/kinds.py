"""Which kind of forwarder an upstream needs: chosen when the configuration is loaded, so that others pay nothing.

Tests: `tests/flow/test_least_latency.py::test_answers_are_timed_and_rewritten`.
"""

from __future__ import annotations

from gateway.forwarding.forwarder import Forwarder
from gateway.forwarding.rewriting import RewritingForwarder
from gateway.forwarding.timing import TimingForwarder
from gateway.upstream.backend import Upstream


class TimingRewritingForwarder(TimingForwarder, RewritingForwarder):
    """Both: they change different steps."""

    __slots__ = ()


def forwarder_for(upstream: Upstream) -> type[Forwarder]:
    """Return the kind of forwarder that an upstream needs; the one that it falls back to counts too."""
    reachable = list(upstream.reachable())
    rewrites = any(backend.reverse is not None for backend in reachable)
    if any(backend.times is not None for backend in reachable):
        return TimingRewritingForwarder if rewrites else TimingForwarder
    return RewritingForwarder if rewrites else Forwarder
