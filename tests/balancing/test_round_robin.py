"""Plain turns."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.balancing.round_robin import RoundRobin


@dataclass(eq=False)
class FakeTarget:
    """A backend that says of itself whether it may be tried."""

    name: str
    weight: int = 1
    in_flight: int = 0
    willing: bool = True

    def may_try(self, now: float) -> bool:
        return self.willing


def turns(balancer: RoundRobin[FakeTarget], count: int) -> str:
    """Pick so many times."""
    return "".join(balancer.pick(b"", 1.0).name for _ in range(count))


def test_backends_take_turns() -> None:
    """In the order of the configuration, round and round."""
    assert turns(RoundRobin([*map(FakeTarget, "abc")]), 7) == "abcabca"


def test_the_turn_of_an_ejected_backend_is_nobodys() -> None:
    """Its neighbour does not get two."""
    targets = [*map(FakeTarget, "abcd")]
    balancer = RoundRobin(targets)
    targets[1].willing = False

    assert turns(balancer, 6) == "acdacd"
    targets[1].willing = True
    assert turns(balancer, 4) == "abcd"


def test_a_retry_takes_a_turn() -> None:
    """The next exchange goes to the one after."""
    targets = [*map(FakeTarget, "abc")]
    balancer = RoundRobin(targets)

    first = balancer.pick(b"", 1.0)

    assert balancer.pick(b"", 1.0, [first]).name == "b"
    assert turns(balancer, 2) == "ca"
