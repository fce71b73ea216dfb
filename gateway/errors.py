"""What can go wrong with an exchange: whose fault, which status, whether to try again.

Layer 0. Anything may raise these; only `gateway.serving.respond` turns them
into bytes. The docstring of each class is the sentence an operator needs: the
page of reasons in the documentation is made from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from math import ceil, isinf

from gateway.message import Response


class Source(Enum):
    """Whose fault an error is: it decides the log level, the breaker's count and the retry."""

    DOWNSTREAM = "downstream"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"


class Retry(Enum):
    """Whether the attempt that ended in an error may be made again."""

    NEVER = "never"
    IF_UNSENT = "if_unsent"
    """Nothing of the request has left: any method may be tried elsewhere."""
    IF_REUSED = "if_reused"
    """A reused connection died before the answer (the keep-alive race): once more, on a fresh connection."""
    UNPROCESSED = "unprocessed"
    """The backend says that nobody has acted on the request (GOAWAY, REFUSED_STREAM): any method may be tried again."""
    ALWAYS = "always"


class GatewayError(Exception):
    """An exchange cannot be completed.

    Subclasses set the four class attributes; an instance may carry `detail`,
    a sentence for the client without secrets or addresses, and header fields
    for the response (`Allow`, `Retry-After`).
    """

    source = Source.GATEWAY
    retry = Retry.NEVER
    status = 500
    reason = "internal"
    close = False
    """True where the connection to the client cannot be used again."""
    neutral = False
    """True where it is a backend's, and says nothing of how the backend is: clients can have any backend say it."""

    def __init__(self, detail: str = "", headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(detail or self.reason)
        self.detail = detail
        self.headers = headers


class InternalError(GatewayError):
    """The gateway itself failed; the log has the traceback under the same request id."""


class ShuttingDown(GatewayError):
    """The gateway is draining and takes no new exchange."""

    status, reason, close = 503, "shutdown", True


class DownstreamError(GatewayError):
    """The client's request cannot be served as it was sent."""

    source, status, reason = Source.DOWNSTREAM, 400, "request.malformed"


class MalformedRequest(DownstreamError):
    """The request breaks RFC 9110 or RFC 9112, or where it ends can be read in two ways; nothing reached a backend."""

    close = True


class RequestAmbiguous(DownstreamError):
    """Servers could read the path, or the host, as that of another route, or of other limits; nothing was forwarded."""

    status, reason = 400, "request.ambiguous"


class MethodUnknown(DownstreamError):
    """The request method is none that the gateway forwards (CONNECT, or a name that is not registered)."""

    status, reason, close = 501, "request.method", True


class Misdirected(DownstreamError):
    """The request is for a host that the certificate of its connection does not cover."""

    status, reason = 421, "request.misdirected"


class VersionUnsupported(DownstreamError):
    """The request is of another HTTP major version than the listener speaks."""

    status, reason, close = 505, "request.version", True


class RequestTooLarge(DownstreamError):
    """The request body is longer than the route, or the gateway, allows."""

    status, reason, close = 413, "request.too_large", True


class HeaderTooLarge(DownstreamError):
    """The head of the request, or its trailers, is longer than `limits.request_header` or has too many fields."""

    status, reason, close = 431, "request.header_too_large", True


class RequestTimeout(DownstreamError):
    """The client took longer than `timeouts.client_header`, `client_body` or `request` to send its request."""

    status, reason, close = 408, "request.timeout", True


class CallTimeout(DownstreamError):
    """A call of gRPC took longer than its client gives it (`grpc-timeout`); no backend is blamed for it."""

    status, reason = 408, "request.timeout"


class ClientAborted(DownstreamError):
    """The client went away before its response was complete; 499 stands in the log and is never sent."""

    status, reason, close = 499, "request.aborted", True


class RouteNotFound(DownstreamError):
    """No route matches the host and path (and headers, and query) of the request."""

    status, reason = 404, "route.none"


class MethodNotAllowed(DownstreamError):
    """The routes of the most specific path do not take the method; `Allow` names those that they take."""

    status, reason = 405, "route.method"

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__(headers=((b"Allow", ", ".join(allow).encode()),))
        self.allow = allow


class AddressRefused(DownstreamError):
    """The client's address is in `ip_deny`, or not in `ip_allow`."""

    status, reason = 403, "auth.forbidden"


class CredentialMissing(DownstreamError):
    """The route asks who is calling, and the request shows no credential."""

    status, reason = 401, "auth.missing"


class CredentialInvalid(DownstreamError):
    """What the request shows is not valid: unknown, expired, revoked, tampered with or meant for somebody else."""

    status, reason = 401, "auth.invalid"


class OriginRefused(DownstreamError):
    """A page of another origin sent the request, or none that is known, with a token in a cookie; see `origins`."""

    status, reason = 403, "auth.forbidden"


class PluginFailed(GatewayError):
    """A plugin of the route failed, and nothing passes without it; the log has more under the request id."""

    status, reason = 500, "plugin.failed"

    def __init__(self, plugin: str = "", hook: str = "") -> None:
        """Args: plugin: Its name in the configuration. hook: Which of its methods it was."""
        super().__init__()
        self.plugin = plugin
        self.hook = hook


class TransformTooLarge(GatewayError):
    """The backend's JSON is longer, or nested deeper, than rules of the route (`transformations`) may change."""

    status, reason = 502, "transform.too_large"


class CorsRefused(DownstreamError):
    """A preflight asks for what `cors` of the route does not allow: the origin, the method or a header field."""

    status, reason = 403, "cors.refused"


class Forbidden(DownstreamError):
    """The caller is known, and lacks the scopes or roles that the route asks for."""

    status, reason = 403, "auth.forbidden"


class CertificateRevoked(DownstreamError):
    """The client's certificate is revoked, or a list that would say so (`auth.mtls.crl`) has expired or is missing."""

    status, reason, close = 403, "auth.forbidden", True


class AuthorityRefused(DownstreamError):
    """The authority that the route asks (`auth.forward`) does not let the request pass; the client gets its answer."""

    status, reason = 403, "auth.refused"

    def __init__(self, response: Response) -> None:
        """Args: response: What it says to the client."""
        super().__init__()
        self.response = response
        self.status = response.status


class TokenRefused(DownstreamError):
    """The token endpoint refuses the request; the body has the error code of RFC 6749 that says why."""

    status, reason = 400, "oauth.refused"

    def __init__(
        self, error: str = "invalid_request", detail: str = "", headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        """Args: error: One of the codes of RFC 6749 section 5.2, e.g. `invalid_scope`."""
        super().__init__(detail, headers)
        self.error = error


class ClientRefused(TokenRefused):
    """The client of the token endpoint is unknown, or shows no secret or a wrong one."""

    status, reason = 401, "auth.invalid"

    def __init__(self, detail: str = "") -> None:
        # RFC 6749 section 5.2 asks for the scheme that was used; RFC 9110 section 15.5.2 for one in every 401.
        super().__init__("invalid_client", detail, ((b"WWW-Authenticate", b'Basic realm="oauth"'),))


class AuthUnavailable(GatewayError):
    """The caller's credential cannot be verified: the store of keys or another authority does not answer."""

    status, reason = 503, "auth.unavailable"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers=((b"Retry-After", b"1"),))


class LimitExceeded(DownstreamError):
    """The caller has used up a rate limit; `Retry-After` says when a request may pass again."""

    status, reason = 429, "limit.exceeded"


class ConfigurationRefused(DownstreamError):
    """The configuration that was sent is wrong, or cannot be put into force; nothing was changed.

    Attributes:
        problems: What is wrong, for the answer: `file`, `line`, `column`, `path` and `message` of each.
    """

    status, reason = 422, "config.invalid"
    problems: tuple[dict[str, object], ...] = ()


class ConfigurationChanged(DownstreamError):
    """The configuration is not the version any more that the change was made for (`If-Match`); nothing was changed."""

    status, reason = 412, "config.version"


class LimitUnavailable(GatewayError):
    """Redis does not answer, so limits cannot be counted, and `on_store_failure` is `closed`."""

    status, reason = 503, "limit.unavailable"

    def __init__(self) -> None:
        super().__init__(headers=((b"Retry-After", b"1"),))


class TooManyInFlight(GatewayError):
    """Too many exchanges are in flight; a limit, `in_flight` or adaptive, is reached and the queue full or too slow."""

    status, reason = 503, "limit.in_flight"

    def __init__(self, retry_after: float = 1.0) -> None:
        """Args: retry_after: Seconds until there is likely to be a place."""
        super().__init__(headers=((b"Retry-After", b"%d" % max(1, ceil(retry_after))),))


class Overloaded(GatewayError):
    """The gateway is over `limits.loop_lag` or `limits.memory`, and turns away requests of the lowest priorities."""

    status, reason = 503, "limit.overload"

    def __init__(self, retry_after: float = 1.0) -> None:
        """Args: retry_after: Seconds until the load is likely to be lower."""
        super().__init__(headers=((b"Retry-After", b"%d" % max(1, ceil(retry_after))),))


class NotCached(DownstreamError):
    """The client wants what is kept or nothing (`Cache-Control: only-if-cached`), and nothing is kept that fits."""

    status, reason = 504, "cache.miss"


class BreakerOpen(GatewayError):
    """The circuit breaker of the upstream, or of each of its backends, is open: nothing was sent."""

    status, reason, retry = 503, "breaker.open", Retry.IF_UNSENT

    def __init__(self, retry_after: float = 1.0) -> None:
        """Args: retry_after: Seconds until a probe may pass; infinite where only a health check may let one."""
        seconds = 1 if isinf(retry_after) else max(1, ceil(retry_after))
        super().__init__(headers=((b"Retry-After", b"%d" % seconds),))


class PoolExhausted(GatewayError):
    """Every connection to the backend is busy and the queue for one is full, or the wait was too long."""

    status, reason, retry = 503, "pool.exhausted", Retry.IF_UNSENT

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers=((b"Retry-After", b"1"),))


class UpstreamError(GatewayError):
    """A backend failed."""

    source, status, reason = Source.UPSTREAM, 502, "upstream.protocol"


class NoBackendAvailable(UpstreamError):
    """The upstream has no backend that may be tried: all are ejected, drained or none is configured."""

    source, status, reason = Source.UPSTREAM, 503, "upstream.no_backend"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers=((b"Retry-After", b"1"),))


class BackendRefused(UpstreamError):
    """The chosen backend did not accept a connection, or its name did not resolve; nothing was sent."""

    reason, retry = "upstream.connect", Retry.IF_UNSENT


class BackendTLSFailed(UpstreamError):
    """The TLS handshake with the backend failed (certificate, name or version); nothing was sent."""

    reason, retry = "upstream.tls", Retry.IF_UNSENT


class BackendReset(UpstreamError):
    """The backend closed the connection before its answer was complete."""

    reason, retry = "upstream.reset", Retry.ALWAYS


class ReusedConnectionLost(BackendReset):
    """A kept-alive connection died before the first byte of the answer (the keep-alive race)."""

    retry = Retry.IF_REUSED


class RequestRejected(BackendReset):
    """The backend has reset the stream for what the request is (PROTOCOL_ERROR, or no call for a server of gRPC)."""

    neutral = True


class RequestUnprocessed(BackendReset):
    """The backend took no more requests on the connection, and has not processed this one; GOAWAY, REFUSED_STREAM."""

    reason, retry = "upstream.refused_stream", Retry.UNPROCESSED


class BackendProtocolError(UpstreamError):
    """The backend's answer breaks RFC 9110 or RFC 9112 or is over `limits.response_header`."""


class VersionRejected(BackendProtocolError):
    """The backend wants the request by HTTP/1.1 (HTTP_1_1_REQUIRED)."""

    neutral = True


class WebSocketNotTaken(BackendProtocolError):
    """The backend was asked for a WebSocket, for a client of HTTP/2, and its answer is none to that."""

    neutral = True


class CallNotTaken(BackendProtocolError):
    """The backend is asked by HTTP/1.1, and a call of gRPC needs HTTP/2; write `h2c://` or `protocol: http2`."""


class BackendTimeout(UpstreamError):
    """The backend took longer than the route's `timeout`, or accepted no connection within `timeouts.connect`."""

    status, reason = 504, "upstream.timeout"


class BackendConnectTimeout(BackendTimeout):
    """The backend accepted no connection, or finished no TLS handshake, within `timeouts.connect`; nothing was sent."""

    retry = Retry.IF_UNSENT


class PartFailed(UpstreamError):
    """A part of the answer (`aggregate`) is not 2xx, not JSON or over 1 MiB, or could not be asked for."""

    reason = "aggregate.part"


def reasons() -> Iterator[type[GatewayError]]:
    """Walk every error class that an operator can meet, most general first."""
    queue: list[type[GatewayError]] = [GatewayError]
    while queue:
        kind = queue.pop(0)
        queue.extend(kind.__subclasses__())
        yield kind
