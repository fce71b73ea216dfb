"""All that an author of plugins needs: stable names, from one place.

A plugin is a class with those of these methods that it needs; it inherits from nothing:

    __init__(self, config)      config: the mapping of the configuration, or what its pydantic model made of it
    start(self, services)       before its configuration is in force; what it raises keeps that from coming into force
    on_request(self, exchange)  None to go on, or a `Response` to answer at once
    on_response(self, exchange) the head of the answer, before it goes out: `exchange.response`
    on_finish(self, exchange)   the exchange is over, whatever became of it
    stop(self)                  no exchange uses it any more

All but `__init__` may return an awaitable or a Deferred of what they would return. Raising one of the errors here
(`Forbidden`, `CredentialInvalid`, `LimitExceeded`, …) from `on_request` or `on_response` answers with it; anything else
that is raised is a failure of the plugin, and `on_error` of the configuration says what becomes of the exchange.
Attributes of the class: `security = True` makes `on_error: reject` the default; `Config`, a pydantic model, checks the
configuration (an annotation of `__init__` with one does the same). `name`, where it can be set, is what the
configuration calls the plugin.

Names that are not in `__all__` may change with any release. docs/plugins.md is the reference, docs/guides/plugins.md
the way to a first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gateway.body import Body
from gateway.errors import (
    AuthUnavailable,
    CredentialInvalid,
    CredentialMissing,
    Forbidden,
    GatewayError,
    LimitExceeded,
    MalformedRequest,
    NoBackendAvailable,
    Overloaded,
    RequestTooLarge,
    RouteNotFound,
)
from gateway.exchange import Exchange
from gateway.filters import BodyFilter, Recording, Replacing, filter_request, filter_response, whole
from gateway.headers import Headers
from gateway.message import Request, Response
from gateway.principal import Principal

__all__ = [
    "AuthUnavailable",
    "Body",
    "BodyFilter",
    "CredentialInvalid",
    "CredentialMissing",
    "Exchange",
    "Forbidden",
    "GatewayError",
    "Headers",
    "LimitExceeded",
    "MalformedRequest",
    "Meters",
    "NoBackendAvailable",
    "Overloaded",
    "Principal",
    "Recording",
    "Request",
    "RequestTooLarge",
    "Response",
    "RouteNotFound",
    "Services",
    "content",
    "filter_request",
    "filter_response",
    "redirect_to",
    "replace_content",
]


class Meters(Protocol):
    """Makes metrics of a plugin, as `prometheus_client` has them: `gateway_plugin_NAME_…` on `/metrics`.

    Asked again for the same metric, by a plugin that was made anew, it returns the one that there is.
    """

    def counter(self, name: str, words: str, labels: Sequence[str] = ()) -> Any:
        """Return a counter; `_total` is put behind its name."""

    def gauge(self, name: str, words: str, labels: Sequence[str] = ()) -> Any:
        """Return a gauge."""

    def histogram(
        self, name: str, words: str, labels: Sequence[str] = (), buckets: Sequence[float] | None = None
    ) -> Any:
        """Return a histogram."""


class Services(Protocol):
    """What a plugin gets from the gateway, in `start`.

    Attributes:
        name: What the configuration calls the plugin.
        client: A `treq.client.HTTPClient` over the gateway's own dialer: names are resolved anew as they expire, TLS is
            checked, and nothing uses the reactor behind the gateway's back. Give each request a `timeout`.
        clock: Twisted's `IReactorTime`; in tests a virtual one.
        now: Monotonic seconds.
        wall_clock: Unix seconds.
        random: From 0 up to 1.
        logger: A `twisted.logger.Logger` with the namespace `gateway.plugin.NAME`.
        redis: The gateway's link to Redis (`await redis.command("GET", key)`); None where the configuration has none.
        metrics: Makes metrics.
    """

    @property
    def name(self) -> str: ...

    @property
    def client(self) -> Any: ...

    @property
    def clock(self) -> Any: ...

    @property
    def now(self) -> Callable[[], float]: ...

    @property
    def wall_clock(self) -> Callable[[], float]: ...

    @property
    def random(self) -> Callable[[], float]: ...

    @property
    def logger(self) -> Any: ...

    @property
    def redis(self) -> Any: ...

    @property
    def metrics(self) -> Meters: ...


def redirect_to(exchange: Exchange, target: bytes) -> None:
    """Let the backend be asked for another path and query.

    Args:
        exchange: Its route, limits and log are about the path that it came with.
        target: From the first slash on, with the query.
    """
    request = exchange.request
    request.target = target
    request.path, _, request.query = target.partition(b"?")


def replace_content(exchange: Exchange, octets: bytes) -> None:
    """Let the backend get other content than the client sends, which is read to its end and dropped.

    Args:
        exchange: Its request says what the octets are: `Content-Type`, `Content-Encoding`.
        octets: May be empty.
    """
    request = exchange.request
    body = request.body
    if body is not None:
        filter_request(exchange, Replacing(octets))
    elif octets:
        made = request.body = Body(None, len(octets))
        made.push(octets)
        made.end()


async def content(exchange: Exchange, most: int) -> bytes:
    """Wait until all of the request's content is there, and return it; the backend gets it all the same.

    Args:
        exchange: Whose.
        most: Octets.

    Raises:
        RequestTooLarge: There is more.
    """
    request = exchange.request
    body = request.body
    if body is None:
        return b""
    if b"expect" in request.headers.index and not body.received:
        # RFC 9110 section 10.1.1: the client waits for somebody to say that it may send.
        exchange.downstream.send_interim(exchange, 100, b"", Headers())
    await whole(body, most)
    if not body.ended or body.received > most:
        raise RequestTooLarge()
    octets = body.take()
    made = request.body = Body(None, len(octets), body.origin)
    if octets:
        made.push(octets)
    made.end(body.trailers)
    return octets
