"""Take API keys out of the query, on routes that do not ask for one.

On routes that do, `gateway.middleware.authentication` takes the parameter out after the key was read.

Tests: `tests/flow/test_api_keys.py::test_no_backend_sees_a_key_in_the_query_where_nobody_asks_for_one`.
"""

from __future__ import annotations

from gateway.exchange import Exchange
from gateway.http.queries import take_out


class KeyParameter:
    """Keeps the gateway's API keys from backends, and from authorities that get the request's URL.

    Args:
        name: Name of the query parameter.
    """

    __slots__ = ("_name",)

    name = "key_parameter"

    def __init__(self, name: str) -> None:
        self._name = name.encode()

    def on_request(self, exchange: Exchange) -> None:
        """Take the parameter out of the query, if there is one."""
        if exchange.request.query:
            take_out(exchange.request, self._name)
