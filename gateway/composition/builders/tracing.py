"""How the exchanges of one configuration are traced: which step decides, how chains and attempts are made.

A gateway that exports no spans has `Tracing`, which passes trace context on and notes nothing. What exports them is in
`gateway.composition.builders.traced`, loaded with the first configuration that does.

Tests: `tests/flow/test_traces.py::test_a_gateway_that_exports_none_notes_nothing`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.composition.foundation import Foundation
from gateway.forwarding.attempts import Attempts
from gateway.interfaces import ErrorRenderer, Middleware
from gateway.middleware.chain import Chain, Handler
from gateway.middleware.trace import Trace


class Tracing:
    """Passes trace context on.

    Args:
        foundation: What the configuration is built on.

    Attributes:
        step: Decides on the traces of clients' exchanges.
        application: The same for what an application asks.
        beside: The same for subrequests; None where nothing is noted of them.
        attempts: Makes attempts.
    """

    def __init__(self, foundation: Foundation) -> None:
        self.step: Middleware = Trace(foundation.random_bytes)
        self.application: Middleware = self.step
        self.beside: Middleware | None = None
        self.attempts: Attempts = foundation.attempts

    def chain(self, steps: Sequence[Middleware], handler: Handler, render_error: ErrorRenderer) -> Chain:
        """Make the chain of a route."""
        return Chain(steps, handler, render_error)
