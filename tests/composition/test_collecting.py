"""What is built for a configuration goes when nobody has it any more, without Python's collector."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from gateway.composition.collecting import GROWN, MANY, Collector, let_go
from gateway.composition.slices import Slices, at_once
from tests.composition.builders.test_taking_over import CHANGES, configuration, gateway, put_in_force


@pytest.fixture(autouse=True)
def _works_as_before() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize("name", [None, *CHANGES])
def test_what_is_built_goes_without_the_collector(name: str | None) -> None:
    """For every kind of key: of three configurations in turn nothing is left in cycles."""
    here, there = configuration(frozenset([name] if name else [])), configuration(frozenset(["connect"]))
    made = gateway(here)
    for settings in (there, here):  # what is made once, and kept
        put_in_force(made, made.build(settings, None))
    gc.collect()
    gc.disable()
    for settings in (there, here, there):
        put_in_force(made, made.build(settings, None))
    before = {id(one) for one in gc.garbage}
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    found = Counter(type(one).__qualname__ for one in gc.garbage if id(one) not in before)
    gc.garbage.clear()

    # Pools of backends, the steps of caches, and who explains errors in a log are in cycles; what hangs on them hangs
    # there too.
    if not {"BackendPool", "CacheStep", "Explanations"} & found.keys():
        assert not [kind for kind, count in found.items() if count >= 3]
    if "Explanations" not in found:
        assert {"RouteLeaf", "Identity", "Pipeline", "Snapshot", "RateLimits", "AccessLog"}.isdisjoint(found)


def test_it_rests_while_a_change_is_made() -> None:
    """And works as before afterwards, whatever came of it."""
    assert gc.isenabled()
    collector = Collector(lambda: 1.0)
    with collector.resting():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), collector.resting():
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    with collector.resting():
        pass
    assert not gc.isenabled()


@pytest.mark.parametrize("count", [10, 2 * MANY])
def test_much_that_was_built_is_frozen(count: int) -> None:
    """Of little the collector may find out in a moment."""
    gc.unfreeze()
    collector = Collector(lambda: 1.0)
    with collector.resting():
        built: list[list[Any]] = [[] for _ in range(count)]
        collector.keep()
        assert (gc.get_freeze_count() > 0) is (count > MANY)
    del built


class Loop:
    """Keeps itself alive."""

    def __init__(self) -> None:
        self.me = self


def test_what_is_in_cycles_goes_when_memory_has_grown() -> None:
    """Looked through are all that were frozen."""
    memory = [100.0]
    collector = Collector(lambda: memory[0])

    def change() -> weakref.ref[Loop]:
        with collector.resting():
            loop = weakref.ref(Loop())
            built: list[list[Any]] = [[] for _ in range(2 * MANY)]
            collector.keep()
            del built
        return loop

    first, second = change(), change()
    assert (first() is None, second() is None) == (False, False)
    memory[0] *= GROWN + 0.1
    third = change()
    assert (first(), second(), third()) == (None, None, None)
    assert change()() is not None


def test_changes_that_follow_each_other_do_not_keep_it_from_its_turn() -> None:
    """What was alive at a change, and is in a cycle, goes some changes later."""
    collector, loops = Collector(lambda: 1.0), list[weakref.ref[Loop]]()
    for _ in range(300):
        loop = Loop()
        loops.append(weakref.ref(loop))
        with collector.resting():
            pass
        del loop

    assert sum(one() is not None for one in loops) < 50
    assert gc.get_threshold()[0] > 1


def test_many_things_go_in_slices() -> None:
    """The reactor turns between them."""
    clock = Clock()
    things: list[object] = [object() for _ in range(1000)]
    done = ensureDeferred(let_go(things, Slices(clock)))

    assert 0 < len(things) < 1000
    while clock.getDelayedCalls():
        clock.advance(0)
    assert things == []
    assert done.called
    at_once(let_go([object()] * 1000, Slices()))
