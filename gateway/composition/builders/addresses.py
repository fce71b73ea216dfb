"""Settings of address rules into steps."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from gateway.http.forwarded import NetworkSet
from gateway.middleware.ip_rules import IPRules

Networks = Sequence[IPv4Network | IPv6Network]


def ip_rules(allow: Networks, deny: Networks) -> IPRules | None:
    """Make one level of rules; None where there are none."""
    if not allow and not deny:
        return None
    return IPRules(NetworkSet(map(str, allow)), NetworkSet(map(str, deny)))
