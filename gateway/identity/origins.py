"""Whether the page that sent a request may use a token that the browser adds by itself (CSRF).

Layer 2. A browser adds cookies to every request, whoever wrote the page that makes it: to a form of another site, and
to a WebSocket that a script of another site opens, which no rule of CORS holds back. So a token from a cookie counts
for a request that may change something, or that opens a tunnel, only where the page's origin is the gateway's own (the
scheme, host and port that the client asked for) or a listed one.

# Note [What says which page it was]
`Origin`, which browsers send with all such requests: it decides alone, and several of them are refused. Where it is
absent, or `null` (a form of a page without referrers), `Sec-Fetch-Site` decides, which no script can set: `same-origin`
only. A browser without either of them may send `Referer`, of which the origin counts. A request that says nothing is
refused: its client, if it is no browser, can show the token in `Authorization`.

Tests: `tests/flow/test_page_origins.py::test_others_may_not`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.errors import OriginRefused
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.origins import Origins

SAFE = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])
"""Methods that change nothing (RFC 9110 section 9.2.1)."""

_DEFAULT = {b"http": b":80", b"https": b":443"}
_referer = re.compile(rb"(https?://[^/?#\\@]+)(?:[/?#].*)?", re.IGNORECASE).fullmatch


class PageOrigins:
    """The origins whose pages may use tokens in cookies, beside the gateway's own.

    Args:
        listed: `https://app.example.com`, or `https://*.example.com` for all subdomains; as browsers write origins.
    """

    __slots__ = ("_listed",)

    def __init__(self, listed: Iterable[str] = ()) -> None:
        self._listed = Origins(listed)

    def check(self, exchange: Exchange) -> None:
        """Check the page of a request with a token in a cookie.

        Raises:
            OriginRefused: It is of another origin, or nothing says of which.
        """
        request = exchange.request
        if request.method in SAFE and request.upgrade is None:
            return
        if not self._admits(exchange, request.headers):
            raise OriginRefused("The token is in a cookie, and the page that sent the request is of another origin.")

    def _admits(self, exchange: Exchange, headers: Headers) -> bool:
        # Note [What says which page it was]
        origins = headers.get_all(b"origin")
        if origins and origins != [b"null"]:
            return len(origins) == 1 and self._has(origins[0], exchange)
        sites = headers.get_all(b"sec-fetch-site")
        if sites:
            return sites == [b"same-origin"]
        referers = headers.get_all(b"referer")
        if origins or len(referers) != 1:
            return False
        found = _referer(referers[0])
        return found is not None and self._has(found[1], exchange)

    def _has(self, origin: bytes, exchange: Exchange) -> bool:
        origin = _normal(origin.lower())
        return origin in self._listed or origin == own_origin(exchange)


def own_origin(exchange: Exchange) -> bytes | None:
    """Return the origin that the client asked for, in lower case; None for a request without a host.

    A trusted proxy says what it was asked for itself, where it asks for another host here.
    """
    request = exchange.request
    said = exchange.forwarding.believed(request.headers).joined(b"x-forwarded-host") or b""
    # The last element is what the nearest proxy has written.
    host = said.rstrip(b", \t").rpartition(b",")[2].strip(b" \t").lower() or request.host
    return _normal(exchange.scheme + b"://" + host) if host else None


def _normal(origin: bytes) -> bytes:
    """Return an origin without the port that its scheme has by itself."""
    return origin.removesuffix(_DEFAULT.get(origin.partition(b"://")[0], b""))
