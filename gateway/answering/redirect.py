r"""Send a client elsewhere: what stands at the end of the chain of a route with `redirect`.

# Note [Where a redirect leads]
The target is always a whole URL, scheme and authority included, so that no path (`//evil.example`, `/\evil.example`)
can be read as a host. Its host is the configuration's: `redirect.host`, or that one of the route's own hosts which the
request was found by. Only a route for any host, or for `*.example.com`, sends a client back to the host that it has
asked, where DNS can have such a name: no link makes a browser send another `Host` than the one it connects to. The
path is the normal form, or made from a template, into which parameters go as they stand in the normal form: no `/` in
a segment, no end of a line. The query goes along, with what a URL has to escape escaped.

# Note [No redirect to itself]
A redirect to the URL that was asked for would go on for ever; the route has nothing there, which is a 404.

Tests: `tests/flow/test_redirects.py::test_to_https`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from gateway.errors import MalformedRequest, RouteNotFound
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.asked import PORTS, asked
from gateway.http.hosts import bare_host, is_of_dns
from gateway.http.paths import normal_form
from gateway.message import Response
from gateway.routing.expression import Expression
from gateway.routing.overlap import matches
from gateway.routing.pattern import Pattern

_NAME = re.compile(r"\$\{([^{}]*)\}")
_DOTS = re.compile(r"(?:\.|%2[eE]){1,2}(?:;.*)?")
_CUT_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPED = re.compile(rb"[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%]")


class Redirect:
    """Answers with `Location`.

    Args:
        status: 301, 302, 303, 307 or 308.
        scheme: Of the target; None for the one asked for.
        host: Of the target; None for the one asked for.
        port: Of the target; None for the one asked for, or the scheme's own where scheme or host
            is another: the port that a client used says nothing about these.
        path: Makes the path of the target of an exchange.
        hosts: The exact names of the route, asked where `host` is None; None for a route for other names too.
    """

    __slots__ = ("_host", "_hosts", "_path", "_port", "_scheme", "_status")

    def __init__(
        self,
        status: int,
        scheme: bytes | None,
        host: bytes | None,
        port: int | None,
        path: Callable[[Exchange], bytes],
        hosts: Sequence[bytes] | None = (),
    ) -> None:
        self._status = status
        self._scheme = scheme
        self._host = host
        self._port = None if port is None else b"%d" % port
        self._path = path
        self._hosts = None if hosts is None else frozenset(hosts)

    def answer(self, exchange: Exchange) -> None:
        """Answer an exchange.

        Raises:
            RouteNotFound: Note [No redirect to itself].
            MalformedRequest: The path cannot be made of what the client sent.
        """
        assert exchange.chain is not None
        asked_scheme = exchange.scheme
        asked_host, asked_port = asked(exchange)
        scheme, host = self._scheme or asked_scheme, self._host or self._own_host(asked_host, exchange)
        same = scheme == asked_scheme and host == asked_host
        port = self._port or (asked_port if same else PORTS[scheme])
        path = self._path(exchange)
        if same and port == asked_port and normal_form(path) == exchange.path:
            raise RouteNotFound("A redirect would lead to where the request is.")
        if port != PORTS[scheme]:
            host += b":" + port
        query = exchange.request.query
        if query:
            path += b"?" + _ESCAPED.sub(lambda found: b"%%%02X" % found[0][0], query)
        location = b"%b://%b%b" % (scheme, host, path)
        exchange.chain.deliver(exchange, Response(self._status, Headers([(b"Location", location)]), b""))

    def _own_host(self, asked: bytes, exchange: Exchange) -> bytes:
        """Return the route's own name that was asked for."""
        for name in (asked, bare_host(exchange.request.host)):
            if name in self._hosts if self._hosts is not None else name and is_of_dns(name):
                return name
        raise RouteNotFound("There is no redirect for the host of the request.")


class PathTemplate:
    """Makes the path of a target.

    Args:
        text: `/v2/${param.rest}`; None for the path as it was asked for.
        patterns: The route's, to read parameters by.
    """

    __slots__ = ("_parts", "_patterns")

    def __init__(self, text: str | None, patterns: Sequence[Pattern | Expression]) -> None:
        # Literals and names in turns: literals stand at even places.
        self._parts = _NAME.split("${path}" if text is None else text)
        self._patterns = patterns

    def __call__(self, exchange: Exchange) -> bytes:
        """Return the path for an exchange.

        Raises:
            MalformedRequest: What the client sent would end a segment, or be one that means another path.
        """
        made = list(self._parts)
        params: dict[str, str] | None = None
        for place in range(1, len(made), 2):
            name = made[place]
            if name == "path":
                made[place] = exchange.path.decode("latin-1")
                continue
            if params is None:
                params = raw_params(self._patterns, exchange.path, exchange.params or {})
            made[place] = params.get(name.removeprefix("param."), "")
        path = "".join(made)
        if not path.startswith("/") or _CUT_ESCAPE.search(path) or any(map(_DOTS.fullmatch, path.split("/"))):
            raise MalformedRequest("no path to redirect to can be made of it")
        return path.encode("latin-1")


def raw_params(patterns: Sequence[Pattern | Expression], path: bytes, params: dict[str, str]) -> dict[str, str]:
    """Return the parameters of a match as they stand in the path, escapes and all.

    Args:
        patterns: Of the route; one of them has matched.
        path: In normal form.
        params: As routing read them, decoded: they tell which pattern it was.
    """
    segments = path.split(b"/")
    for pattern in patterns:
        if isinstance(pattern, Expression):
            raw = pattern.raw_params(path)
        else:
            raw = pattern.raw_params(segments) if matches(pattern, path) else None
        if raw is not None and {name: unquote(text) for name, text in raw.items()} == params:
            return raw
    return {}
