"""Fields that make browsers careful with an answer, where the backend has not said them itself.

Tests: `tests/flow/test_security_headers.py::test_what_is_written`.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.exchange import Exchange

DEFAULTS: Mapping[str, str] = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Content-Security-Policy": "frame-ancestors 'none'",
}
"""What is written where the configuration says no more than `true`."""

ON_TLS = b"strict-transport-security"
"""Written over TLS only: browsers must ignore it elsewhere (RFC 6797 section 7.2)."""


class SecurityHeaders:
    """The step of a route with `security_headers`.

    Args:
        said: Fields and their values in place of the defaults; None leaves one out.
    """

    name = "security_headers"
    __slots__ = ("_fields", "_on_tls")

    def __init__(self, said: Mapping[str, str | None]) -> None:
        values: dict[bytes, tuple[bytes, bytes]] = {}
        for name, value in (*DEFAULTS.items(), *said.items()):
            lower = name.lower().encode()
            values.pop(lower, None)
            if value is not None:
                values[lower] = (name.encode(), value.encode())
        self._on_tls = tuple((lower, *field) for lower, field in values.items())
        self._fields = tuple(field for field in self._on_tls if field[0] != ON_TLS)

    def on_response(self, exchange: Exchange) -> None:
        """Write what is not there; on answers of the gateway's own, too."""
        response = exchange.response
        if response is None:
            return
        headers = response.headers
        index = headers.index
        for lower, name, value in self._on_tls if exchange.scheme == b"https" else self._fields:
            if lower not in index:
                headers.add(name, value)
