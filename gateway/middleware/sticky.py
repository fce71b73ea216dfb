"""Bind clients to backends by a cookie of the gateway's own: `sticky` of an upstream.

# Note [Who is bound to whom]
A client is bound to the backend that has answered it. The cookie is set when an answer comes from another backend than
the one that the client's next request would go to: for a new client, and when its backend could not be asked. An answer
with a status from 500 up binds nobody: a new client would be bound to a backend that fails. No backend sees the cookie
of any upstream, on whatever route. Which backend a token means is in `gateway.balancing.sticky`.

Tests: `tests/flow/test_sticky.py::test_a_cookie_with_a_time_is_renewed_while_it_is_used`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from math import ceil
from typing import Literal

from gateway.balancing.sticky import SHOWN, token_of
from gateway.exchange import Exchange
from gateway.http.caching import keep_from_shared_caches
from gateway.http.cookies import COOKIE, take_out, values

_TIME = re.compile(rb"[0-9a-f]{1,16}")


class StickyCookie:
    """The cookie of one upstream.

    Args:
        name: Its name.
        tokens: Of the upstream's backends, by their URLs; those of members that are found come and go.
        ttl: Seconds for which a browser keeps it; 0 for until it is closed.
        secure: Whether it goes over TLS only.
        same_site: Whether requests from pages of other sites bring it.
    """

    __slots__ = ("_attributes", "_backends", "_tokens", "_ttl", "name")

    def __init__(
        self,
        name: bytes,
        tokens: Mapping[str, bytes],
        ttl: float,
        secure: bool,
        same_site: Literal["lax", "strict", "none"],
    ) -> None:
        self.name = name
        self._tokens = tokens
        self._backends = tokens.values()
        self._ttl = ttl
        age = f"; Max-Age={ceil(ttl)}" if ttl else ""
        attributes = f"; Path=/{age}; HttpOnly; SameSite={same_site.capitalize()}{'; Secure' if secure else ''}"
        self._attributes = attributes.encode()

    def renewed(self, shown: Iterable[bytes], backend: str, now: float) -> bytes | None:
        """Return the value of `Set-Cookie` that binds a client to a backend; None where it is bound already.

        Args:
            shown: The values of the cookies of this name that the client has sent.
            backend: URL of the one that has answered.
            now: Unix seconds.
        """
        mine = self._tokens.get(backend)
        if mine is None:
            return None
        value = next((value for value in shown if (said := token_of(value)) == mine or said in self._backends), None)
        if value is not None and token_of(value) == mine and not self._is_old(value, now):
            return None
        # When it was set is the client's word later on; one who forges it keeps an old cookie, or gets a new one.
        made = b".%x" % max(0, int(now)) if self._ttl else b""
        return b"%b=%b%b%b" % (self.name, mine, made, self._attributes)

    def _is_old(self, value: bytes, now: float) -> bool:
        """Whether half of the time is over, after which an active client gets a new cookie."""
        if not self._ttl:
            return False
        made = value.partition(b".")[2]
        return not _TIME.fullmatch(made) or not 0 <= now - int(made, 16) < self._ttl / 2


class Sticky:
    """Reads cookies, keeps them from backends, and sets them.

    Args:
        cookies: By the names of the upstreams.
        wall_clock: Unix seconds.
    """

    __slots__ = ("_cookies", "_names", "_wall_clock")

    name = "sticky"

    def __init__(self, cookies: Mapping[str, StickyCookie], wall_clock: Callable[[], float]) -> None:
        self._cookies = cookies
        self._names = sorted({cookie.name for cookie in cookies.values()})
        self._wall_clock = wall_clock

    def on_request(self, exchange: Exchange) -> None:
        """Take the cookies out of the request, and leave what they say to the balancers."""
        headers = exchange.request.headers
        if COOKIE not in headers.index:
            return
        shown: dict[bytes, list[bytes]] = {}
        for name in self._names:
            found = list(values(headers, name))
            if found:
                shown[name] = found
                take_out(headers, name)
        if shown:
            exchange.state[SHOWN] = shown

    def on_response(self, exchange: Exchange) -> None:
        """Bind the client to the backend that has answered, where it was not."""
        response, backend = exchange.response, exchange.backend
        cookie = self._cookies.get(exchange.upstream or "")
        if cookie is None or response is None or backend is None or exchange.error is not None:
            return  # an answer of the gateway's own, or of an upstream that binds nobody
        if response.status >= 500:
            return
        shown = exchange.state.get(SHOWN) or {}
        value = cookie.renewed(shown.get(cookie.name, ()), backend, self._wall_clock())
        if value is not None:
            response.headers.add(b"Set-Cookie", value)
            if response.tunnel is None:
                keep_from_shared_caches(response.headers)
