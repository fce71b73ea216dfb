"""Rules that are watched before they act (`dry_run`): decided, counted and told as if, and every exchange goes on.

A rule in dry run is the step that it would be, inside one of these: what the step raises is noted on the exchange
(`Exchange.would_have`), for the log and, where it is wished, for the client. So it costs what the rule costs, and
nothing that goes wrong in it (a store that is away, an authority that does not answer, a fault of ours) keeps an
exchange.
Limits in dry run are in `gateway.middleware.dry_run_limits`, breakers in `gateway.resilience.dry_run`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from gateway.errors import GatewayError, InternalError
from gateway.exchange import Exchange

_log = Logger()

FIELD, _LOWER = b"X-Dry-Run", b"x-dry-run"

Note = Callable[[Exchange, str], None]
"""Notes and counts what would have become of an exchange: the reason of the error."""


class Step(Protocol):
    """A step that refuses by raising, and answers nothing itself."""

    @property
    def name(self) -> str: ...

    def on_request(self, exchange: Exchange, /) -> Awaitable[object] | None: ...


def noting(rule: str, count: Callable[[str, str], object]) -> Note:
    """Make what notes the refusals of a rule.

    Args:
        rule: Its key in the configuration.
        count: Takes the route's name and the reason.
    """

    def note(exchange: Exchange, reason: str) -> None:
        count("" if exchange.route is None else exchange.route.name, reason)
        exchange.would_have(rule, reason)

    return note


def reason_of(error: Exception, exchange: Exchange) -> str:
    """Return the reason of an error that a rule in dry run has met; a fault of ours is logged as ever."""
    if isinstance(error, GatewayError):
        return error.reason
    _log.failure("A step in dry run failed for request {request_id}", request_id=exchange.request_id)
    return InternalError.reason


class DryRun:
    """A step that refuses nobody.

    Args:
        step: What would.
        note: Takes what it would have refused.
    """

    __slots__ = ("_note", "_step", "name")

    def __init__(self, step: Step, note: Note) -> None:
        self.name = step.name
        self._step = step
        self._note = note

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Have the step decide, and let the exchange pass."""
        try:
            answer = self._step.on_request(exchange)
        except Exception as error:  # noqa: BLE001 - whatever it is, it keeps no exchange
            self._note(exchange, reason_of(error, exchange))
            return None
        return None if answer is None else self._wait(exchange, answer)

    async def _wait(self, exchange: Exchange, answer: Awaitable[object]) -> None:
        try:
            await answer
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._note(exchange, reason_of(error, exchange))


class DryRunAuthentication(DryRun):
    """Authentication that lets everybody pass; who has shown nothing that is good passes as nobody (D-205).

    Who has is known: to limits, to the log and to the backend. The backend gets the credentials that it would get if
    the route asked for none.

    Args:
        step: The authentication, which withholds nothing.
        note: Takes what it would have refused.
        withhold: Takes the gateway's own credentials out of the query; None where they are not taken from there.
    """

    __slots__ = ("_withhold",)

    def __init__(self, step: Step, note: Note, withhold: Callable[[Exchange], None] | None) -> None:
        super().__init__(step, note)
        self._withhold = withhold

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Have the step find out who is calling."""
        waiting = super().on_request(exchange)
        if waiting is not None:
            return self._then(exchange, waiting)
        self._done(exchange)
        return None

    async def _then(self, exchange: Exchange, waiting: Awaitable[None]) -> None:
        await waiting
        self._done(exchange)

    def _done(self, exchange: Exchange) -> None:
        # An authority may have a credential for the backend. Beside the client's there would be two.
        exchange.headers_out = [field for field in exchange.headers_out if field[0].lower() not in _CREDENTIALS]
        if self._withhold is not None:
            self._withhold(exchange)


_CREDENTIALS = frozenset([b"authorization", b"cookie"])


class DryRunField:
    """Tells the client what rules in dry run would have done: `dry_run_header: true`."""

    name = "dry_run:field"
    __slots__ = ()

    def on_response(self, exchange: Exchange) -> None:
        """Write the field, a Dictionary of RFC 9651, in place of a backend's of this name."""
        response = exchange.response
        if response is None:
            return
        headers = response.headers
        if _LOWER in headers.index:
            headers.remove(FIELD)
        said = exchange.dry_run
        if said:
            headers.add(FIELD, said.encode())
