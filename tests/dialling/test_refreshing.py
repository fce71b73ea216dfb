from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.task import Clock

from gateway.dialling.refreshing import Refreshing
from gateway.dialling.resolver import Resolver


class Noting(Resolver):
    """A resolver that notes what it is to look up again."""

    def __init__(self) -> None:
        super().__init__(None, lambda: 0.0, interval=5.0)
        self.asked: list[list[str]] = []

    def refresh(self, hosts: Iterable[str]) -> None:
        self.asked.append(sorted(hosts))


def test_the_names_that_there_are_then_are_looked_up_every_interval_until_it_ends() -> None:
    """As often as answers grow old, from the start on; a backend that has come since is among them."""
    clock, resolver, hosts = Clock(), Noting(), {"orders"}
    service = Refreshing(resolver, lambda: hosts, clock)
    service.startService()
    clock.advance(4.9)
    assert resolver.asked == [["orders"]]

    hosts.add("users")
    clock.advance(0.1)
    clock.advance(5)
    assert resolver.asked == [["orders"], ["orders", "users"], ["orders", "users"]]

    service.stopService()
    clock.advance(60)
    assert len(resolver.asked) == 3
    assert clock.getDelayedCalls() == []
