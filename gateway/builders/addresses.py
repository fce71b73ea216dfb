"""Settings of address rules into steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from gateway.http.forwarded import NetworkSet
from gateway.middleware.ip_rules import IPRules

Networks = Sequence[IPv4Network | IPv6Network]


@lru_cache(16)
def ip_rules(allow: Networks, deny: Networks) -> IPRules | None:
    """Make one level of rules; None where there are none. Routes with the same rules share them."""
    if not allow and not deny:
        return None
    return IPRules(NetworkSet(map(str, allow)), NetworkSet(map(str, deny)))
