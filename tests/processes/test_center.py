"""What workers tell each other through their parent, as clients, backends and registries see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from twisted.internet.task import Clock

from gateway.caching.store import Purge
from gateway.identity.orders import Order
from gateway.memory.backend import ok
from gateway.processes.center import Center, TooManyWorkers
from gateway.processes.places import MOST_WORKERS
from tests.processes.channels import channels
from tests.processes.workers import Worker, Workers

SECRET = "a secret of thirty-two octets, at least"
JWT: dict[str, Any] = {
    "auth": {"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
    "routes": [{"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt"}}],
}


def token(world: Workers, name: str) -> str:
    """Make a token whose id is `name`."""
    claims = {"sub": "u1", "jti": name, "exp": world.wall_clock() + 3600}
    return f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"


def control(worker: Worker) -> Any:
    """What obeys orders in a worker."""
    return worker.gateway.parts.root.tree.credentials


def test_a_token_revoked_in_one_worker_is_refused_in_all() -> None:
    """At once, though the other one has verified it a moment ago; and in a worker that is started later."""
    world = Workers(**JWT)
    first, second = world.workers
    shown = token(world, "t1")
    assert [worker.get("/orders/7", Authorization=shown).status for worker in (first, second)] == [200, 200]

    control(first).give(Order(True, "jti", "t1", world.wall_clock() + 3600))
    world.settle()

    assert [worker.get("/orders/7", Authorization=shown).status for worker in (first, second)] == [401, 401]
    assert world.start().get("/orders/7", Authorization=shown).status == 401
    assert second.get("/orders/7", Authorization=token(world, "t2")).status == 200


def test_a_revocation_outlives_the_worker_that_was_told() -> None:
    """The parent keeps it, until the token has expired."""
    world = Workers(**JWT)
    control(world.workers[0]).give(Order(True, "jti", "t1", world.wall_clock() + 60))
    world.settle()
    for worker in list(world.workers):
        worker.killed()

    fresh = world.start()

    assert fresh.get("/orders/7", Authorization=token(world, "t1")).status == 401
    world.advance(61)
    assert not list(control(world.start()).standing())


def test_an_order_that_cannot_be_obeyed_keeps_none_back() -> None:
    """It is logged."""
    world = Workers(**JWT)
    world.workers[0].share.tell("order", "{")
    control(world.workers[0]).give(Order(True, "jti", "t1"))
    world.settle()

    assert [order.name for order in control(world.workers[1]).standing()] == ["t1"]


CACHED: dict[str, Any] = {
    "routes": [{"name": "orders", "path": "/orders/*", "upstream": "orders", "cache": {"ttl": "1h"}}]
}


def test_a_purge_is_one_of_all_workers() -> None:
    """Each keeps answers of its own."""
    world = Workers(**CACHED)
    asked = world.backends["orders"].requests
    for worker in world.workers * 2:
        worker.get("/orders/7")
    assert len(asked) == 2

    world.workers[0].gateway.parts.root.tree.caches.purge(Purge(route="orders"))
    world.settle()
    for worker in world.workers * 2:
        worker.get("/orders/7")

    assert len(asked) == 4


def test_what_a_request_has_changed_is_forgotten_in_all_workers() -> None:
    """RFC 9111 section 4.4."""
    world = Workers(**CACHED)
    asked = world.backends["orders"].requests
    for worker in world.workers:
        worker.get("/orders/7")

    assert world.workers[0].request("POST", "/orders/7", body=b"x").status == 200
    world.settle()
    world.workers[1].get("/orders/7")

    assert [one.method for one in asked] == [b"GET", b"GET", b"POST", b"GET"]


def checked(world: Workers) -> list[bool]:
    """Whether each worker takes the backend for healthy."""
    standings = []
    for worker in world.workers:
        (backend,) = worker.gateway.parts.root.tree.upstreams["orders"].backends
        assert backend.standing is not None
        standings.append(backend.standing.healthy())
    return standings


def probed(**extra: Any) -> Workers:
    """Workers whose backend is checked every 10 s."""
    check = {"path": "/health", "interval": "10s", "timeout": "5s"}
    upstream = {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], "health_check": check}
    return Workers(upstreams=[upstream], **extra)


def test_a_backend_is_checked_once_and_all_know() -> None:
    """As many checks as of one process."""
    world = probed(number=3)
    backend = world.backends["orders"]
    backend.answer = lambda asked: ok(status=b"500 Down")

    world.advance(40)

    assert checked(world) == [False] * 3
    assert 3 <= len([one for one in backend.requests if one.target == b"/health"]) <= 8
    late = world.start()
    assert checked(world) == [False] * 4
    assert late.get("/orders/7").status == 503

    backend.answer = lambda asked: ok()
    world.advance(21)
    assert checked(world) == [True] * 4


@pytest.mark.parametrize("end", ["killed", "stops"])
def test_another_worker_goes_on_checking(end: str) -> None:
    """When the one that did is gone."""
    world = probed()
    backend = world.backends["orders"]
    world.advance(15)
    getattr(world.workers[0], end)()
    backend.answer = lambda asked: ok(status=b"500 Down")

    world.advance(40)

    assert checked(world) == [False]


def test_who_starts_is_no_candidate_and_who_is_alone_remains_elected() -> None:
    """One that starts may never serve; one that hangs may wake."""
    center, clock = Center(lambda: 0.0), Clock()
    ends = {}
    told: dict[int, list[bool]] = {}

    def joined(worker: int) -> None:
        ours, ends[worker] = channels(clock)
        told[worker] = []
        ends[worker].on("elected", told[worker].append)
        center.joined(worker, ours)

    def welcomed(worker: int) -> bool:
        asked = ends[worker].ask("welcome")
        clock.pump([0] * 3)
        answer: Any = asked.result
        return bool(answer["elected"])

    for worker in (0, 1, 2):
        joined(worker)
    assert [welcomed(worker) for worker in (1, 2)] == [True, False]
    center.drains(1)
    clock.pump([0] * 3)
    assert told == {0: [], 1: [False], 2: [True]}
    center.left(1)
    center.drains(2)
    clock.pump([0] * 3)
    assert told[2] == [True]
    center.left(2)
    clock.pump([0] * 3)
    assert told[0] == []
    assert welcomed(0)
    center.close()


def test_a_registry_is_asked_once_and_all_know(tmp_path: Path) -> None:
    """A worker that comes later knows at once, and goes on when it is alone."""
    file = tmp_path / "members.json"
    file.write_text('[{"url": "http://127.0.0.1:9001"}]')
    upstream = {"name": "orders", "discovery": {"type": "file", "path": str(file)}}
    world = Workers(upstreams=[upstream])
    world.advance(1)
    assert [worker.get("/orders/7").status for worker in world.workers] == [200, 200]
    views = [worker.gateway.parts.figures.view()[0]["discovery"] for worker in world.workers]
    assert [view["state"] for view in views] == ["current", "current"]

    late = world.start()
    assert late.get("/orders/7").status == 200
    for worker in world.workers[:2]:
        worker.killed()
    file.write_text('[{"url": "http://127.0.0.1:9002"}]')
    world.advance(2)

    assert late.get("/orders/7").status == 502


def test_figures_are_of_all_workers() -> None:
    """Asked in any of them; those of one that was killed stay."""
    world = Workers()
    for worker in world.workers:
        worker.get("/orders/7")
    world.advance(1.1)
    world.workers[0].killed()
    world.center.restarts += 1
    fresh = world.start()
    fresh.get("/orders/7")

    whole = world.result(fresh.ends[1].ask("figures"))

    assert whole["of"]["gateway_requests_total"] == [[["orders", "/orders/*", "GET", "200"], 3]]
    assert whole["of"]["gateway_workers"] == [[[], 2]]
    assert whole["of"]["gateway_worker_restarts_total"] == [[[], 1]]


def test_a_worker_that_does_not_answer_holds_no_scrape_up() -> None:
    """Half a second, and what it told last."""
    world = Workers()
    world.workers[0].get("/orders/7")
    world.advance(1.1)
    world.workers[0].ends[1].on("figures", lambda _: world.never)
    asked = world.workers[1].ends[1].ask("figures")
    found: list[Any] = []
    asked.addBoth(found.append)

    world.advance(0.7)

    assert found[0]["of"]["gateway_requests_total"] == [[["orders", "/orders/*", "GET", "200"], 1]]


def test_there_are_numbers_for_so_many_workers() -> None:
    """One is given again when its worker has ended."""
    center = Center(lambda: 0.0)
    numbers = [center.number() for _ in range(MOST_WORKERS)]
    with pytest.raises(TooManyWorkers):
        center.number()

    center.left(7)

    assert len(set(numbers)) == MOST_WORKERS
    assert center.number() == 7
    center.close()
