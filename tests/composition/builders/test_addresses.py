"""Address rules of a configuration become one step, or none."""

from __future__ import annotations

from ipaddress import ip_network

from gateway.composition.builders.addresses import ip_rules
from gateway.middleware.ip_rules import IPRules


def test_without_rules_there_is_no_step() -> None:
    """A route that lets everybody in asks nobody."""
    assert ip_rules([], []) is None


def test_one_list_is_enough_for_a_step() -> None:
    """Either of them."""
    network = ip_network("192.0.2.0/24")

    assert isinstance(ip_rules([network], []), IPRules)
    assert isinstance(ip_rules([], [network]), IPRules)
