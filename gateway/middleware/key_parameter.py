"""Take the parameter that shows API keys out of requests on routes that do not ask for one.

On those that do, `gateway.middleware.authentication` takes it out once the key was looked at.

Tests: `tests/flow/test_api_keys.py::test_no_backend_sees_a_key_in_the_query_where_nobody_asks_for_one`.
"""

from __future__ import annotations

from gateway.exchange import Exchange
from gateway.http.queries import take_out


class KeyParameter:
    """Keeps keys of the gateway's own from backends, and from the authorities that are shown a request's URL.

    Args:
        name: Of the parameter.
    """

    __slots__ = ("_name",)

    name = "key_parameter"

    def __init__(self, name: str) -> None:
        self._name = name.encode()

    def on_request(self, exchange: Exchange) -> None:
        """Take it out, where there is a query at all."""
        if exchange.request.query:
            take_out(exchange.request, self._name)
