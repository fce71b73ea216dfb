"""What must hold, whatever happens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.body import HIGH_WATER, Body
from gateway.errors import reasons
from gateway.exchange import Exchange
from gateway.http2.windows import CONNECTION_HIGH_WATER
from gateway.memory.backend import Asked
from gateway.memory.transport import WIRE
from gateway.resilience.retry import IDEMPOTENT
from gateway.serving.http1_channel import Http1Channel
from gateway.serving.http2_channel import Http2Channel
from gateway.serving.respond import PROBLEM_TYPE
from tests.http2.server import Asked2
from tests.simulation import beside, rules, shared
from tests.simulation.backends import content
from tests.simulation.wire import KEPT

if TYPE_CHECKING:
    from tests.simulation.talks import Answer, Talk
    from tests.simulation.world import World

REASONS = {(kind.reason, kind.status) for kind in reasons()}
NOT_HERE = ("internal", "request.malformed", "request.version", "request.method", "request.header_too_large", "route.")
"""How reasons begin for which there is none in a simulation."""
BACKENDS_OWN = {200, 101, 500, 503}


def after_each_step(world: World) -> None:
    """Counts are what they can be, caps hold, answers belong to their requests."""
    foundation, root = world.harness.gateway.foundation, world.harness.gateway.root
    assert root.in_flight >= 0
    assert all(min(gate.in_flight, gate.waiting) >= 0 for gate in world.harness.gates)
    for pool in foundation.pool.pools():
        # What waited for its client, and goes on, may be one too many until it is free.
        size = pool.connecting + sum(not connection.has_lent for connection in pool._open)
        assert size <= pool.max_connections, f"{size} connections, of which there may be {pool.max_connections}"
        assert min(pool.in_flight, pool.pending, pool.connecting, pool.idle, pool.busy) >= 0
    for upstream in root.tree.upstreams.values():
        for breaker in (upstream.breaker, *(backend.breaker for backend in upstream.backends)):
            if breaker is not None:
                assert 0 <= breaker.probes <= breaker.rules.half_open_requests, f"{breaker.probes} probes"
    world.wire.check()
    _memory_is_bounded(world)
    _delivered_once(world)
    for talk in world.talks:
        if talk.has_news():
            _answers_belong(world, talk)


def when_all_is_answered(world: World) -> None:
    """Every client that is still there, and reads, has all its answers."""
    for talk in world.talks:
        if talk.client.closed is None and not talk.gone:
            assert not talk.unanswered(), f"{talk.unanswered()} not answered"


def when_all_is_over(world: World) -> None:
    """Nothing is left behind."""
    world.harness.check_quiet()
    assert not world.harness.gateway.site.channels
    ids = Counter(record["request_id"] for record in world.harness.logs)
    assert not ids or max(ids.values()) == 1, "an exchange was logged twice"
    logged = [record["path"] for record in world.harness.logs if record["path"]]
    paths = Counter(path for path in logged if not shared.is_shared(path.encode()))
    assert not paths or max(paths.values()) == 1, "a request was logged twice"
    _within_budgets(world)
    came: list[Asked | Asked2] = [asked for backend in world.backends.backends for asked in backend.requests]
    came += [asked for backend in world.http2_backends.backends for asked in backend.requests]
    for asked in came:
        target = rules.asked_for(asked.target.removeprefix(beside.COPY))
        said = asked.headers.get(rules.OF_REQUEST)
        assert said in (None, target), f"{asked.target!r} came with a field of {said!r}"
        if asked.complete and target in world.bodies:
            wanted = rules.changed(world.bodies[target], asked.headers, rules.BODY_OF_REQUEST)
            assert bytes(asked.body) == wanted, f"{asked.target!r} came with other content"


def _memory_is_bounded(world: World) -> None:
    at_once = rules.MOST if world.changes_contents else 0
    beside.memory_is_bounded(world.harness.gateway.foundation.deadlines._watched, at_once)
    for exchange in _under_way(world):
        for body in (exchange.request.body, exchange.response and exchange.response.body):
            if isinstance(body, Body):
                kept = sum(map(len, body._kept or ()))
                assert body._waiting <= max(HIGH_WATER + WIRE, rules.awaited(exchange)), (
                    f"{body._waiting} octets wait for who takes them"
                )
                assert kept <= KEPT, f"{kept} octets are kept"


def _under_way(world: World) -> Iterator[Exchange]:
    for channel in world.harness.gateway.site.channels:
        if isinstance(channel, Http2Channel):
            lives = [stream.life for stream in channel.streams.values()]
            waiting = channel.engine.waiting()
            # What is kept waits as a whole: it is not copied.
            each = HIGH_WATER + WIRE + (shared.MOST if world.shares else 0)
            assert waiting <= CONNECTION_HIGH_WATER + len(lives) * each, f"{waiting} octets wait"
        else:
            lives = [channel.life] if isinstance(channel, Http1Channel) else []
        yield from (life.exchange for life in lives if life.exchange is not None)


def _within_budgets(world: World) -> None:
    counter, budgets = world.harness.gateway.foundation.metrics.counter, world.budgets
    for name in ("a", "b"):
        exchanges = sum(target.startswith(b"/%b/" % name.encode()) for talk in world.talks for target, _ in talk.asked)
        retries = hedges = 0.0
        for (route, _, outcome), times in counter("gateway_retries_total").cells.items():
            retries += times if route == name and outcome != "budget" else 0
        for (route, outcome), times in counter("gateway_hedges_total").cells.items():
            hedges += times if route == name and outcome != "budget" else 0
        # What is there to begin with is there again when a reload has turned retries off and on.
        # A stale answer is validated in an exchange of its own.
        exchanges *= 2 if world.shares else 1
        most = budgets.ratio * exchanges + budgets.minimum * (world.elapsed + 10 * world.reloads)
        assert retries <= most, f"{retries:g} retries of {exchanges} exchanges, the budget is {most:g}"
        assert hedges <= budgets.hedges * exchanges, f"{hedges:g} hedges of {exchanges} exchanges"


def _delivered_once(world: World) -> None:
    """What may have been acted upon is not sent twice, unless it may be."""
    allowed = world.honours_keys
    delivered = Counter(
        one.target for one in world.backends.delivered if one.method not in IDEMPOTENT and not (one.keyed and allowed)
    )
    for target, count in delivered.items():
        assert count == 1, f"{target!r} was delivered {count} times"


def _answers_belong(world: World, talk: Talk) -> None:
    for target, method, response in talk.answers():
        if b"date" not in response.headers.index and not response.complete:
            continue  # not all of its head is there
        own = response.headers.get(b"gateway-reason")
        if own is not None and not shared.is_kept(response.headers):
            _is_our_own(response, own.decode(), method)
        elif response.status == 200 and beside.has_parts(target) and method != b"HEAD":
            parts = {part: content(part, size) for part, size in world.sizes.items() if beside.is_part(part)}
            beside.belong(target, response.body, response.complete, parts, world.wire.confused)
        elif response.status == 200 and method != b"HEAD" and target not in world.wire.confused:
            wanted = content(shared.own(target, talk.who), world.sizes[target])
            if response.headers.get(b"content-type") == rules.JSON[1]:
                wanted = rules.changed(rules.as_json(wanted), response.headers, rules.BODY_OF_ANSWER)
            said = response.headers.get(rules.OF_ANSWER)
            assert said in (None, target), f"{target!r} got a field of {said!r}"
            assert response.body == wanted[: len(response.body)], f"{target!r} got {response.body[:50]!r}"
            assert not response.complete or response.body == wanted, f"{target!r} was cut off unseen"
        else:
            assert response.status in BACKENDS_OWN, response.status


def _is_our_own(response: Answer, reason: str, method: bytes) -> None:
    fallback = reason == "breaker.open" and response.headers.get(b"content-type") != b"application/problem+json"
    assert not reason.startswith(NOT_HERE), reason
    assert fallback or (reason, response.status) in REASONS, f"{response.status} {reason}"
    if response.complete and method != b"HEAD" and not fallback:
        assert json.loads(response.body)["type"] == PROBLEM_TYPE + reason
