"""A forwarder for upstreams whose backends' answers are rewritten to what the client asked (`rewrite_responses`).

A class of its own, chosen when the configuration is loaded: other routes are asked nothing.

Tests: `tests/flow/test_rewriting.py::test_by_the_backend_that_has_answered`.
"""

from __future__ import annotations

from gateway.forwarding.attempt import Attempt
from gateway.forwarding.forwarder import Forwarder
from gateway.message import Response
from gateway.upstream.backend import Upstream


class RewritingForwarder(Forwarder):
    """Forwards, and rewrites what the backend that has answered says of itself."""

    __slots__ = ()

    def _deliver(self, attempt: Attempt, response: Response) -> None:
        # By the attempt: a retry, a hedge or a fallback may have been answered by a backend of another name.
        reverse = attempt.backend.reverse
        if reverse is not None:
            response.headers = reverse.rewrite(attempt.exchange, response.headers)
        super()._deliver(attempt, response)


def forwarder_for(upstream: Upstream) -> type[Forwarder]:
    """Return the kind of forwarder that an upstream needs; the one that it falls back to counts too."""
    return RewritingForwarder if any(one.reverse is not None for one in upstream.reachable()) else Forwarder
