"""Settings of address rules into steps."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from gateway.http.forwarded import NetworkSet
from gateway.interfaces import Middleware
from gateway.middleware.dry_run import DryRun, Note
from gateway.middleware.ip_rules import IPRules

Networks = Sequence[IPv4Network | IPv6Network]


def ip_rules(allow: Networks, deny: Networks, dry_run: Note | None = None) -> Middleware | None:
    """Make one level of rules; None where there are none.

    Args:
        allow: Addresses let in; empty for all.
        deny: Addresses turned away.
        dry_run: Takes what the rules would have refused, where they refuse nobody.
    """
    if not allow and not deny:
        return None
    rules = IPRules(NetworkSet(map(str, allow)), NetworkSet(map(str, deny)))
    return rules if dry_run is None else DryRun(rules, dry_run)
