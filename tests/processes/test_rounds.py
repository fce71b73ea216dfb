"""Rounds of questions to all workers, and the live page of a gateway that has several."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from gateway.composition.admin_tree import looker
from gateway.composition.live import LiveOfAll
from gateway.processes.rounds import FRESH, KEPT, Rounds
from tests.processes.workers import Workers


class Asked:
    """Workers that say how often they were asked."""

    def __init__(self) -> None:
        self.time = 100.0
        self.count = 0
        self.late: Deferred[list[Any]] | None = None
        self.rounds = Rounds(self._ask, lambda: self.time)

    def _ask(self) -> Deferred[list[Any]]:
        self.count += 1
        return self.late or succeed([self.count])

    def after(self, number: int) -> dict[str, Any]:
        """Ask for what came after a round."""
        found: list[dict[str, Any]] = []
        self.rounds(number).addCallback(found.append)
        return found[0]


@pytest.fixture
def asked() -> Asked:
    """Nobody has asked."""
    return Asked()


def test_two_who_ask_hear_the_same(asked: Asked) -> None:
    """Within a second the workers are asked once."""
    assert asked.after(0) == asked.after(0) == {"last": 1, "rounds": [[1]]}
    asked.time += FRESH
    assert asked.after(1) == {"last": 2, "rounds": [[2]]}
    assert asked.count == 2


def test_who_asks_seldom_gets_what_came_meanwhile(asked: Asked) -> None:
    """As far as it is kept; who had none gets the last."""
    for _ in range(KEPT + 3):
        asked.after(0)
        asked.time += 1.0
    asked.time -= 1.0
    last = KEPT + 3

    assert asked.after(last - 2)["rounds"] == [[last - 1], [last]]
    assert len(asked.after(1)["rounds"]) == KEPT
    assert asked.after(0)["rounds"] == [[last]]
    assert asked.after(last + 50)["rounds"] == [[last]], "of a parent before an upgrade"
    assert asked.after(last)["rounds"] == []


def test_a_round_that_is_under_way_is_waited_for(asked: Asked) -> None:
    """By all; one that fails fails for them, and the next is made."""
    late: Deferred[list[Any]] = Deferred()
    asked.late = late
    found: list[Any] = []
    for _ in range(2):
        asked.rounds(0).addCallback(found.append)
    assert found == []
    late.callback(["said"])
    assert found == [{"last": 1, "rounds": [["said"]]}] * 2
    assert asked.count == 1

    asked.time += 1.0
    asked.late = fail(RuntimeError("gone"))
    failed: list[Any] = []
    asked.rounds(0).addErrback(failed.append)
    assert len(failed) == 1
    asked.late = None
    assert asked.after(1)["last"] == 2


def test_figures_of_a_page_are_those_of_all_workers() -> None:
    """Whichever worker has the page; two pages hear the same."""
    world = Workers()
    first, second = world.workers
    for worker in world.workers:
        worker.share.shows_live(looker(worker.gateway.parts))
    pages = [LiveOfAll(worker.share.live) for worker in (first, second)]

    def second_of_all() -> list[list[tuple[str, Any]]]:
        found: list[list[tuple[str, Any]]] = []
        for page in pages:
            page.events().addCallback(found.append)
        world.settle()
        return found

    second_of_all()
    world.advance(1.0)
    for worker, times in ((first, 2), (second, 3)):
        for _ in range(times):
            worker.get("/orders/7")
    told = second_of_all()
    figures = [dict(events)["figures"] for events in told]

    assert [one["requests"] for one in figures] == [5.0, 5.0]
    assert figures[0]["processes"] == 2
    assert figures[0]["routes"][0]["name"] == "orders"
