"""A forwarder for upstreams whose backends' answers are rewritten to what the client asked (`rewrite_responses`).

A class of its own, chosen when the configuration is loaded (`gateway.forwarding.kinds`): others are asked nothing.

Tests: `tests/flow/test_rewriting.py::test_by_the_backend_that_has_answered`.
"""

from __future__ import annotations

from gateway.forwarding.attempt import Attempt
from gateway.forwarding.forwarder import Forwarder
from gateway.message import Response


class RewritingForwarder(Forwarder):
    """Forwards, and rewrites what the backend that has answered says of itself."""

    __slots__ = ()

    def _deliver(self, attempt: Attempt, response: Response) -> None:
        rewrite(attempt, response)
        super()._deliver(attempt, response)


def rewrite(attempt: Attempt, response: Response) -> None:
    """Rewrite an answer as the backend asks for that has given it."""
    # By the attempt: a retry, a hedge or a fallback may have been answered by a backend of another name.
    reverse = attempt.backend.reverse
    if reverse is not None:
        response.headers = reverse.rewrite(attempt.exchange, response.headers)
