"""What one configuration hands to the next."""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

from gateway.composition.carried import Carried


def build(carried: Carried, *keys: str) -> list[Service]:
    """Ask for services of these identities, as a build does."""
    carried.begin()
    return [carried.get(key, Service) for key in keys]


def test_the_same_identity_is_the_same_thing() -> None:
    """A build that asks for what is there gets it; what it does not ask for is let go."""
    carried = Carried()
    first, second = build(carried, "a", "b")
    carried.commit()

    assert build(carried, "a") == [first]
    carried.commit()

    assert build(carried, "b") != [second]


def test_a_failed_build_changes_nothing() -> None:
    """What was made for it is forgotten, what was there before stays."""
    carried = Carried()
    [first] = build(carried, "a")
    carried.commit()
    [_, fresh] = build(carried, "a", "b")

    carried.roll_back()

    assert build(carried, "a") == [first]
    assert build(carried, "b") != [fresh]


def test_a_change_to_what_is_there_waits_until_the_build_is_in_force() -> None:
    """Once; a build that fails has changed nothing, and the next one does not do it either."""
    carried = Carried()
    done: list[str] = []
    for name, ends in [("first", carried.commit), ("failed", carried.roll_back), ("last", carried.commit)]:
        build(carried, "a")
        carried.then(lambda name=name: done.append(name))  # type: ignore[misc]
        assert name not in done
        ends()

    build(carried, "a")
    carried.commit()

    assert done == ["first", "last"]


def test_services_run_while_a_configuration_in_force_asks_for_them() -> None:
    """Started when the gateway runs and their configuration is in force; stopped when none asks for them."""
    carried = Carried()
    [first] = build(carried, "a")
    carried.commit()
    assert not first.running

    carried.startService()
    assert first.running

    [second] = build(carried, "b")
    assert not second.running
    carried.commit()
    assert (first.running, second.running) == (0, 1)

    carried.stopService()
    assert not second.running


def test_what_is_no_service_is_only_kept() -> None:
    """A thing without a life of its own is handed on all the same."""
    carried = Carried()
    carried.startService()
    carried.begin()
    thing: list[int] = carried.get("a", list)
    carried.commit()
    carried.begin()

    assert carried.get("a", list) is thing
    carried.commit()
    carried.stopService()


def test_services_start_in_the_order_in_which_they_are_made() -> None:
    """The same in every process: what they draw at their start falls to the same ones."""
    carried = Carried()
    carried.startService()
    started: list[str] = []

    class Starting(Service):
        def startService(self) -> None:
            super().startService()
            started.append(self.name or "")

    def make(name: str) -> Service:
        service = Starting()
        service.setName(name)
        return service

    names = [f"service {number}" for number in range(20)]
    carried.begin()
    for name in names:
        carried.get(name, lambda name=name: make(name))  # type: ignore[misc]
    carried.commit()

    assert started == names


class Slow(Service):
    """Is ready when it is told to be."""

    def __init__(self) -> None:
        self.ready: Deferred[None] = Deferred()

    def prepare(self) -> Deferred[None]:
        self.startService()
        return self.ready


def test_what_has_to_be_ready_is_waited_for() -> None:
    """It runs before its configuration is in force, and is not started twice."""
    carried = Carried()
    carried.startService()
    carried.begin()
    slow = carried.get("slow", Slow)

    waiting = ensureDeferred(carried.prepare())

    assert slow.running
    assert not waiting.called
    slow.ready.callback(None)
    assert waiting.called
    carried.commit()
    assert slow.running


def test_what_was_ready_for_nothing_is_stopped() -> None:
    """One of two fails: the other one must not go on."""
    carried = Carried()
    carried.startService()
    carried.begin()
    first, second = carried.get("first", Slow), carried.get("second", Slow)
    waiting = ensureDeferred(carried.prepare())
    first.ready.callback(None)

    second.ready.errback(ValueError("no"))

    assert isinstance(waiting.result, Failure)
    waiting.addErrback(lambda _: None)
    carried.roll_back()
    assert not first.running
    assert not second.running


def test_what_a_build_would_let_go_of_is_known_before_it_is_in_force() -> None:
    """Things that are there and not asked for; not those that it made."""
    carried = Carried()
    build(carried, "a", "b")
    carried.commit()

    build(carried, "a", "c")

    assert carried.unasked() == ["b"]
