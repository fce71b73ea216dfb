"""Which pages of other origins may call, and what they may read: the CORS protocol of the Fetch standard.

Answers preflights in the route's place, before limits and authentication, since a browser shows no credentials with
them. CORS keeps no request out: it tells browsers whether a page may read an answer. So every other request goes on,
and its answer, an error of ours too, says for whom it is.

# Note [Answers and shared caches]
An answer that depends on `Origin` says so in `Vary`, also where the request has none: a cache must not hand what it
kept for one page to another. Where all origins are allowed without credentials, every answer is the same.

Tests: `tests/flow/test_cors.py::test_an_answer_may_be_read`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import CorsRefused
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.caching import add_vary
from gateway.http.origins import Origins
from gateway.http.preflights import asked_method
from gateway.message import Request, Response
from gateway.middleware.dry_run import Note

PREFIX = b"access-control-"
PRIVATE_NETWORK = b"access-control-request-private-network"
ANY = b"*"


class Cors:
    """The rules of a route.

    Args:
        origins: Whose pages may call; None for all.
        methods: What they may use, in capitals; None for all.
        fields: Lower-case names of the request fields that they may send; None for all.
        exposed: Response fields that they may read.
        credentials: Whether cookies and credentials may go along.
        max_age: Seconds for which a browser may keep the answer to a preflight.
        private_network: Whether a page of a public site may call a gateway in a private network.
    """

    name = "cors"
    __slots__ = ("_credentials", "_exposed", "_fields", "_max_age", "_methods", "_origins", "_private_network")

    def __init__(
        self,
        origins: Origins | None,
        methods: Sequence[str] | None,
        fields: Sequence[str] | None,
        exposed: Sequence[str],
        credentials: bool,
        max_age: float,
        private_network: bool,
    ) -> None:
        self._origins = origins
        self._methods = None if methods is None else [one.encode() for one in methods]
        self._fields = None if fields is None else [one.lower().encode() for one in fields]
        self._exposed = ", ".join(exposed).encode()
        self._credentials = credentials
        self._max_age = b"%d" % max_age
        self._private_network = private_network

    def on_request(self, exchange: Exchange) -> Response | None:
        """Answer a preflight; `on_response` writes the fields.

        Raises:
            CorsRefused: It asks for what is not allowed.
        """
        request = exchange.request
        method = asked_method(request)
        if method is None:
            return None
        self._check(request, method)
        return Response(204, Headers())

    def on_response(self, exchange: Exchange) -> None:
        """Write who may read the answer, in place of what the backend says about it."""
        response, error = exchange.response, exchange.error
        assert response is not None
        headers = response.headers
        for name in [name for name in headers.index if name.startswith(PREFIX)]:
            headers.remove(name)
        method = asked_method(exchange.request)
        if method is not None:
            add_vary(headers, b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        elif self._origins is not None or self._credentials:
            add_vary(headers, b"Origin")
        if isinstance(error, CorsRefused) or not self._let(exchange.request, headers):
            return
        if method is not None and error is None:
            self._allow(exchange.request, method, headers)
        elif self._exposed:
            headers.add(b"Access-Control-Expose-Headers", self._exposed)

    def readable(self, request: Request) -> tuple[tuple[bytes, bytes], ...]:
        """Return the fields by which a page may read an answer that is none of the route's, but of its path."""
        headers = Headers()
        if self._origins is not None or self._credentials:
            add_vary(headers, b"Origin")
        if self._let(request, headers) and self._exposed:
            headers.add(b"Access-Control-Expose-Headers", self._exposed)
        return tuple([(name, value) for _, name, value in headers.fields])

    def _let(self, request: Request, headers: Headers) -> bool:
        """Write that the page that asks may read the answer; returns whether it may."""
        origin = _origin(request)
        if origin is None or not self._admits(origin):
            return False
        everybody = self._origins is None and not self._credentials
        headers.add(b"Access-Control-Allow-Origin", ANY if everybody else origin)
        if self._credentials:
            headers.add(b"Access-Control-Allow-Credentials", b"true")
        return True

    def refusal(self, request: Request) -> str | None:
        """Return why a page cannot do what it asks for; None where it can, or no page asks.

        Args:
            request: A preflight or not.
        """
        if b"origin" not in request.headers.index:
            return None
        try:
            self._check(request, asked_method(request) or request.method)
        except CorsRefused as error:
            return error.reason
        return None

    def _check(self, request: Request, method: bytes) -> None:
        origin = _origin(request)
        if origin is None or not self._admits(origin):
            raise CorsRefused("The page's origin is not allowed.")
        if self._methods is not None and method not in self._methods:
            raise CorsRefused("The method that the page asks for is not allowed.")
        if self._fields is not None and not all(name in self._fields for name in _asked_fields(request)):
            raise CorsRefused("A header field that the page asks for is not allowed.")

    def _admits(self, origin: bytes) -> bool:
        return self._origins is None or origin in self._origins

    def _allow(self, request: Request, method: bytes, headers: Headers) -> None:
        """Write what a preflight is answered: where all is allowed, what it asked for."""
        headers.add(b"Access-Control-Allow-Methods", method if self._methods is None else b", ".join(self._methods))
        fields = _asked_fields(request) if self._fields is None else self._fields
        if fields:
            headers.add(b"Access-Control-Allow-Headers", b", ".join(fields))
        headers.add(b"Access-Control-Max-Age", self._max_age)
        if self._private_network and request.headers.index.get(PRIVATE_NETWORK) == b"true":
            headers.add(b"Access-Control-Allow-Private-Network", b"true")


class CorsDryRun:
    """Rules in dry run: what they would keep a page from is noted, and nothing else is done.

    Args:
        rules: What would.
        note: Takes what they would have refused.
    """

    name = "cors"
    __slots__ = ("_note", "_rules")

    def __init__(self, rules: Cors, note: Note) -> None:
        self._rules = rules
        self._note = note

    def on_request(self, exchange: Exchange) -> None:
        """Note what would be refused, in a preflight or to the page that reads the answer."""
        reason = self._rules.refusal(exchange.request)
        if reason is not None:
            self._note(exchange, reason)


def _origin(request: Request) -> bytes | None:
    """Return the origin of the page; None for none, or for several, which no browser sends."""
    origins = request.headers.get_all(b"origin")
    return origins[0] if len(origins) == 1 else None


def _asked_fields(request: Request) -> list[bytes]:
    said = request.headers.joined(b"access-control-request-headers") or b""
    names = (name.strip(b" \t").lower() for name in said.split(b","))
    return [name for name in names if name]
