"""Who makes room for the next exchange that failed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gateway.errors import BackendRefused, GatewayError, LimitExceeded, RouteNotFound
from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.message import Request
from gateway.telemetry.failed_exchange import FailedExchange
from gateway.telemetry.failures import A_SECOND, Failures, merged
from gateway.telemetry.waterfall import LONGEST
from tests.peers import direct


class Told(Failures):
    """With a clock that goes on by a second for each, where nothing else is said."""

    def __init__(self, most: int = 10, octets: int = 10**6, step: float = 1.0) -> None:
        self.at, self._step = 100.0, step
        super().__init__(lambda: self.at, lambda: 900.0 + self.at, most, octets)

    def failed(self, name: str, error: GatewayError, path: str = "/", query: str = "") -> None:
        """Keep one."""
        self.at += self._step
        self.keep(exchange(name, error, path, query), error.status, None, lambda query: query.decode())

    @property
    def names(self) -> list[str]:
        """Those that are kept, the newest first."""
        return [one["id"] for one in self.summaries()]


def exchange(name: str, error: GatewayError, path: str = "/", query: str = "") -> Exchange:
    """One that ended with an error."""
    target = f"{path}?{query}" if query else path
    request = Request(b"GET", target.encode(), Headers([(b"User-Agent", b"a" * 9000)]), b"gateway.test", b"1.1")
    made = Exchange(request, Downstream(), direct("192.0.2.1"), 100.0, 130.0)
    made.request_id, made.error, made.finished = name, error, 100.5
    return made


def test_the_oldest_of_the_most_frequent_kind_goes() -> None:
    """Others stay, however old they are."""
    told = Told()
    told.failed("first", BackendRefused())
    for number in range(20):
        told.failed(f"no{number}", RouteNotFound())
    told.failed("last", LimitExceeded())

    assert told.names == ["last", *(f"no{number}" for number in range(19, 11, -1)), "first"]
    assert told.count == 22


def test_kinds_share_the_room() -> None:
    """As long as there is more of one kind, that one makes room for another."""
    told = Told()
    for number in range(10):
        told.failed(f"no{number}", RouteNotFound())
    for number in range(10):
        told.failed(f"down{number}", BackendRefused())

    assert sum(name.startswith("down") for name in told.names) == 5


@pytest.mark.parametrize("seed", range(20))
def test_room_is_made_as_it_would_be_by_counting(seed: int) -> None:
    """Not all groups are looked at each time; what is kept is the same."""
    chance = random.Random(seed)
    told, kinds = Told(), [RouteNotFound(), BackendRefused(), LimitExceeded(), GatewayError()]
    kept: list[tuple[str, str]] = []
    for number in range(200):
        error = chance.choices(kinds, [1, 1, 5, 20])[0]
        told.failed(str(number), error)
        kept.append((str(number), error.reason))
        if len(kept) > 10:
            reasons = [reason for _, reason in kept]
            most = max(map(reasons.count, reasons))
            fullest = {reason for reason in reasons if reasons.count(reason) == most}
            # Of groups of one size the one that has just grown makes room, else the one with the oldest.
            group = error.reason if error.reason in fullest else next(one for _, one in kept if one in fullest)
            kept.remove(next(one for one in kept if one[1] == group))

        assert told.names == [name for name, _ in reversed(kept)]


def test_of_one_kind_so_many_are_kept_in_a_second() -> None:
    """Others are, meanwhile; in the next second there is place again."""
    told = Told(most=100, step=0.0)
    for number in range(A_SECOND + 10):
        told.failed(f"no{number}", RouteNotFound())
    told.failed("down", BackendRefused())
    assert told.names == ["down", *(f"no{number}" for number in range(A_SECOND - 1, -1, -1))]
    assert told.count == A_SECOND + 1

    told.at += 1.0
    told.failed("later", RouteNotFound())
    assert told.names[0] == "later"


def test_long_ones_take_the_room_of_several() -> None:
    """All together are bounded in octets; texts of clients are cut."""
    told = Told(octets=20_000)
    for number in range(9):
        told.failed(str(number), RouteNotFound(), "/" + "p" * 60_000, "q" * 60_000)

    assert 0 < len(told.names) < 9
    assert told.names[0] == "8"
    found = told.find("8")
    assert found is not None
    assert [len(found[name]) for name in ("path", "query", "user_agent")] == [LONGEST] * 3


def test_one_that_is_larger_than_the_room_is_not_kept() -> None:
    """And harms nothing."""
    told = Told(octets=100)
    told.failed("large", RouteNotFound())
    told.failed("large too", BackendRefused())

    assert told.names == []


def test_the_newest_of_a_name_is_found() -> None:
    """A proxy may send the same id twice."""
    told = Told()
    told.failed("same", RouteNotFound(), "/1")
    told.failed("same", RouteNotFound(), "/2")

    found = told.find("same")
    assert found is not None
    assert found["path"] == "/2"
    assert told.find("other") is None


def test_octets_that_are_no_text_are_shown() -> None:
    """By their numbers."""
    kept = FailedExchange(exchange("odd", RouteNotFound()), 404, None, 900.0, lambda query: "")
    assert kept.whole()["time"] == "1970-01-01T00:16:40.000Z"

    told = Told()
    made = exchange("odd", RouteNotFound())
    made.request.method = b"\xff"
    told.keep(made, 404, None, lambda query: "")
    assert told.summaries()[0]["method"] == "\\xff"


def test_lists_of_several_workers_are_one() -> None:
    """The newest first, and of as many kinds as there are."""

    def shown(second: int, reason: str | None) -> dict[str, Any]:
        return {"time": f"2026-11-29T10:00:{second:02d}.000Z", "reason": reason, "status": 503, "route": None}

    flood = [shown(second, "route.none") for second in range(59, 20, -1)]
    rare = [shown(30, "upstream.connect"), shown(1, None)]

    found = merged([flood, rare], most=10)

    assert len(found) == 10
    assert found == sorted(found, key=lambda one: str(one["time"]), reverse=True)
    assert [one["reason"] for one in found].count("upstream.connect") == 1
    assert found[-1]["reason"] is None
