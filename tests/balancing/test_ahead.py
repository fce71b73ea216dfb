"""What a balancer would do next is what it then does."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.balancing import registry
from gateway.balancing.ahead import ahead
from gateway.balancing.backups import Backups
from gateway.balancing.sticky import Sticky, token


class Target:
    """A backend."""

    def __init__(self, name: str, weight: int = 1) -> None:
        self.name = name
        self.weight = weight
        self.in_flight = 0
        self.willing = True

    def may_try(self, now: float) -> bool:
        """Whether it may be picked."""
        return self.willing


def targets(*weights: int) -> list[Any]:
    """Backends of these weights."""
    return [Target(f"http://{number}", weight) for number, weight in enumerate(weights)]


@pytest.mark.parametrize("weights", [(1, 1, 1), (5, 1, 2)])
@pytest.mark.parametrize("strategy", ["round_robin", "weighted_round_robin", "least_connections"])
def test_it_is_what_comes(strategy: str, weights: tuple[int, ...]) -> None:
    """At each moment, and with some that may not be picked."""
    backends = targets(*weights)
    balancer = registry.build(strategy, backends, lambda: 0.5)
    for turn in range(20):
        backends[1].willing = turn % 5 != 4
        willing = [one for one in backends if one.willing]
        said = ahead(balancer, willing).names
        assert said
        assert balancer.pick(b"", 0.0).name == said[0]


def test_three_turns_are_told_of() -> None:
    """Of plain turns and of those by weight."""
    for weights in ((1, 1), (3, 1)):
        backends = targets(*weights)
        balancer = registry.build("weighted_round_robin", backends, lambda: 0.5)
        balancer.pick(b"", 0.0)
        said = ahead(balancer, backends).names
        assert [balancer.pick(b"", 0.0).name for _ in said] == said
        assert len(said) == 3


def test_chance_and_keys_are_words() -> None:
    """Nobody can say which backend it will be."""
    for strategy, words in (("random", "chance"), ("least_latency", "drawn"), ("ip_hash", "key")):
        said = ahead(registry.build(strategy, targets(1, 1), lambda: 0.5), targets(1, 1))
        assert said.names == []
        assert words in said.words
    assert "no backend" in ahead(registry.build("random", targets(1, 1), lambda: 0.5), []).words


def test_backups_and_bound_clients() -> None:
    """Backups only where nothing else is left; who is bound is said to stay."""
    first, backups = targets(1, 1), targets(1, 1)
    balancer: Any = Backups(
        first,
        registry.build("round_robin", first, lambda: 0.5),
        backups,
        registry.build("random", backups, lambda: 0.5),
    )
    assert ahead(balancer, [*first, *backups]).words == "in turn"
    assert ahead(balancer, backups).words == "by chance, by weight"

    sticky: Any = Sticky({token(b"", "u", first[0].name): first[0]}, balancer)
    said = ahead(sticky, first)
    assert said.words.startswith("clients that are bound")
    assert len(said.names) == 3
