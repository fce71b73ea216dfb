"""One request and its response, in flight.

Layer 0. The client's end (a `Downstream`, e.g. `gateway.serving.http1_channel`)
makes an exchange. It goes through the middleware of its route, the forwarder
and back, and is dropped when the last byte is out or the client is gone. It
keeps the route, and so the snapshot, that it started with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from mypy_extensions import mypyc_attr

from gateway.errors import GatewayError
from gateway.headers import Headers
from gateway.message import Request, Response
from gateway.peer import Peer
from gateway.principal import Principal
from gateway.spans import Spans

__all__ = ["Cancellable", "ChainLike", "Downstream", "Exchange", "Request", "Response", "RouteLike"]


class RouteLike(Protocol):
    """A compiled route, as steps see it.

    Attributes:
        name: Unique in its configuration.
        pattern: Path pattern, for labels: never the raw path.
        request_timeout: Seconds until the answer must begin, and from then on the longest silence; may be infinite. 0
            for `timeouts.request`, which then bounds the time for the request's content too.
    """

    @property
    def name(self) -> str: ...

    @property
    def pattern(self) -> str: ...

    @property
    def request_timeout(self) -> float: ...


class ChainLike(Protocol):
    """The chain of an exchange, as both of its ends see it."""

    def ending(self, handler: Callable[[Exchange], None]) -> ChainLike:
        """Return a chain of the same steps with another handler behind them."""

    def begin(self, exchange: Exchange) -> None:
        """Start the exchange."""

    def deliver(self, exchange: Exchange, response: Response) -> None:
        """Let the steps see a response head, then have it written."""

    def fail(self, exchange: Exchange, error: GatewayError) -> None:
        """Answer with an error: the exchange cannot be completed."""

    def wait(self, exchange: Exchange, place: Awaitable[None], go_on: Callable[[], None]) -> None:
        """Call `go_on` when `place` fires; the exchange fails with what either of them raises."""

    def finish(self, exchange: Exchange) -> None:
        """Run the last hooks: the exchange is over, completed or not."""


class Cancellable(Protocol):
    """Something an exchange waits for."""

    def cancel(self, error: GatewayError | None = None) -> None:
        """Stop, free what is held, and report nothing more.

        Args:
            error: What ended the exchange; None where its client is gone.
        """


@mypyc_attr(allow_interpreted_subclasses=True)
class Downstream:
    """The client's end of an exchange: what becomes of the answer.

    A base class, so that each call goes through a table and not through a look-up by name. `tests/contracts` has what
    every implementation keeps.
    """

    __slots__ = ()

    def send_interim(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        """Pass on a 1xx response; dropped where the client cannot take one."""
        raise NotImplementedError

    def send_response(self, exchange: Exchange) -> None:
        """Write `exchange.response`: its head, then its body or its tunnel."""
        raise NotImplementedError

    def abort(self, exchange: Exchange) -> None:
        """Break off: the response cannot be completed."""
        raise NotImplementedError

    def expect_again(self, exchange: Exchange) -> None:
        """The same request is worth knowing when it comes again: what answers it is kept, and asked for often."""


_DRY_RUN: Final = "gateway.dry_run"
"""In `Exchange.state`: there, since few exchanges have any."""

_PLUGIN_ERRORS: Final = "gateway.plugin_errors"
"""Likewise."""

_STEPS: Final = "gateway.steps"
_ATTEMPTS: Final = "gateway.attempts"


class Exchange:
    """One request and its response.

    Attributes:
        request: The request as received.
        response: The response, from the moment its head is decided.
        error: The error that the response was made from, or that ended the exchange.
        downstream: The client's connection.
        peer: Who is at the other end of the client's connection.
        client_address: Address of the client: the peer, or what a trusted proxy said.
        forwarding: What is believed of the peer: gives the client's address and makes the forwarding fields.
        chain: The chain of its route; None before `ChainLike.begin`.
        route: The compiled route, None until one matched.
        path: The normal form of the path that routing used.
        params: Path parameters of the match.
        started: Monotonic seconds when the head was complete.
        deadline: Monotonic seconds when the whole exchange must be over.
        request_id: Text of `X-Request-ID`, set by the first middleware.
        trace_id: Hexadecimal W3C trace id.
        headers_out: Fields that middleware adds to the forwarded request.
        upstream: Name of the upstream that was chosen.
        backend: URL of the backend tried last.
        attempts: Tries so far.
        upstream_started: Monotonic seconds of the last try's start.
        upstream_finished: Monotonic seconds when that try's answer was complete, 0.0 before.
        bytes_received: Octets of request content.
        bytes_sent: Octets of response content.
        finished: Monotonic seconds when the exchange was over, 0.0 before.
        cached: How the cache of its route handled it (`gateway.middleware.cache`); empty where there is none.
        principal: Who is calling, once authenticated.
        rate_limit: The verdict of the tightest rate limit so far; None before there is one.
        spans: What its spans are made of (`gateway.spans`); None where no traces are exported.
        pending: What the exchange waits for (an attempt, a step of the chain), to be cancelled when the client goes.
        state: For plugins.
    """

    __slots__ = (
        "_state",
        "attempts",
        "backend",
        "bytes_sent",
        "cached",
        "chain",
        "client_address",
        "deadline",
        "downstream",
        "error",
        "finished",
        "forwarding",
        "headers_out",
        "params",
        "path",
        "peer",
        "pending",
        "principal",
        "rate_limit",
        "request",
        "request_id",
        "response",
        "route",
        "spans",
        "started",
        "trace_id",
        "upstream",
        "upstream_finished",
        "upstream_started",
    )

    def __init__(
        self,
        request: Request,
        downstream: Downstream,
        peer: Peer,
        started: float,
        deadline: float,
    ) -> None:
        self.request = request
        self.response: Response | None = None
        self.error: GatewayError | None = None
        self.downstream = downstream
        self.peer = peer
        self.forwarding = forwarding = peer.forwarding
        self.client_address = forwarding.client_address(request.headers)
        self.chain: ChainLike | None = None
        self.route: RouteLike | None = None
        self.path = request.path
        self.params: dict[str, str] | None = None
        self.started = started
        self.deadline = deadline
        self.request_id = ""
        self.trace_id = ""
        self.headers_out: list[tuple[bytes, bytes]] = []
        self.upstream: str | None = None
        self.backend: str | None = None
        self.attempts = 0
        self.upstream_started = 0.0
        self.upstream_finished = 0.0
        self.bytes_sent = 0
        self.finished = 0.0
        self.cached = ""
        self.principal: Principal | None = None
        self.rate_limit: Any = None  # a `gateway.limiting.limit.Verdict`, which this layer may not import
        self.pending: Cancellable | None = None
        self.spans: Spans | None = None
        self._state: dict[str, Any] | None = None

    @property
    def scheme(self) -> bytes:
        """`b"http"` or `b"https"`, as the client used it (a trusted proxy is believed)."""
        return self.forwarding.scheme(self.request.headers)

    @property
    def user(self) -> str | None:
        """Subject of the principal; None where the caller is not authenticated."""
        principal = self.principal
        return None if principal is None else principal.subject

    @property
    def bytes_received(self) -> int:
        """Octets of request content received so far."""
        body = self.request.body
        return 0 if body is None else body.origin.received

    def would_have(self, rule: str, reason: str) -> None:
        """Note what a rule in dry run would have done with the exchange; what is noted already is not noted twice.

        Args:
            rule: Its key in the configuration: `auth`, `rate_limit`, ….
            reason: The reason that the answer would have had.
        """
        noted = self.state.setdefault(_DRY_RUN, {})
        noted[f"{rule}={reason}"] = None

    @property
    def dry_run(self) -> str:
        """What rules in dry run would have done: `auth=auth.missing, rate_limit=limit.exceeded`; empty for nothing."""
        return "" if self._state is None else ", ".join(self._state.get(_DRY_RUN, ()))

    def inherit(self, other: Exchange) -> None:
        """Have all that steps have found out about a client: this one is asked beside that client's exchange."""
        self.client_address = other.client_address
        self.path = other.path
        self.params = other.params
        self.principal = other.principal
        self.request_id = other.request_id
        self.trace_id = other.trace_id
        self.headers_out = list(other.headers_out)
        self.spans = other.spans

    def plugin_failed(self, plugin: str, hook: str, cause: str) -> None:
        """Note that a plugin failed; what is noted already is not noted twice.

        Args:
            plugin: Its name in the configuration.
            hook: Which of its methods.
            cause: A word for the log, such as the name of the exception.
        """
        noted = self.state.setdefault(_PLUGIN_ERRORS, {})
        noted[f"{plugin}.{hook}={cause}"] = None

    @property
    def plugin_errors(self) -> str:
        """Which plugins failed, and how: `stamp.on_request=ValueError, stamp.on_response=timeout`; empty for none."""
        return "" if self._state is None else ", ".join(self._state.get(_PLUGIN_ERRORS, ()))

    def step_ended_it(self, step: str, hook: str, outcome: str) -> None:
        """Note a step that refused, answered with an error, or was waited for when the exchange ended.

        Args:
            step: Its name.
            hook: `on_request` or `on_response`.
            outcome: The reason, the status, or `cancelled`.
        """
        self.state.setdefault(_STEPS, []).append((step, hook, outcome))

    @property
    def ending_steps(self) -> list[tuple[str, str, str]]:
        """Which steps have ended it: name, hook and outcome of each."""
        return [] if self._state is None else self._state.get(_STEPS, [])

    def attempt_failed(self, attempt: Any) -> None:
        """Note an attempt that failed, was answered with a 5xx or was cancelled (`gateway.forwarding.noted`)."""
        self.state.setdefault(_ATTEMPTS, []).append(attempt)

    @property
    def failed_attempts(self) -> list[Any]:
        """What was noted so, in the order in which they ended."""
        return [] if self._state is None else self._state.get(_ATTEMPTS, [])

    def tell_of_attempts(self, other: Exchange) -> None:
        """Have the attempts that failed for another exchange, which was begun for this one; may be told of twice."""
        if other._state is not None and other._state is not self._state:
            for attempt in other._state.get(_ATTEMPTS, ()):
                if attempt not in self.failed_attempts:
                    self.attempt_failed(attempt)

    def share_state(self, other: Exchange) -> None:
        """Have what the steps of another exchange have kept: this one is made for it."""
        self._state = other._state

    @property
    def state(self) -> dict[str, Any]:
        """A place for plugins to keep things between their hooks."""
        if self._state is None:
            self._state = {}
        return self._state
