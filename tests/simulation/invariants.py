"""What must hold, whatever happens."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from gateway.config.schema.routes import Route
from gateway.errors import reasons
from gateway.resilience.breaker import State
from gateway.resilience.retry import IDEMPOTENT
from gateway.testing.client import Received
from gateway.upstream.agent import Attempt
from tests.simulation.backends import content

if TYPE_CHECKING:
    from tests.simulation.world import Talk, World

REASONS = {kind.reason for kind in reasons()}
BACKENDS_OWN = {200, 101, 500, 503}


def when_a_request_leaves(attempt: Attempt) -> None:
    """Open means no contact."""
    for breaker in (attempt.backend.breaker, attempt.upstream.breaker):
        assert breaker is None or breaker.state is not State.OPEN, f"sent through an open breaker: {attempt.head!r}"


def after_each_step(world: World) -> None:
    """Counts are what they can be, caps hold, answers belong to their requests."""
    foundation, root = world.harness.gateway.foundation, world.harness.gateway.root
    assert root.in_flight >= 0
    for pool in foundation.pool.pools():
        size = pool.idle + pool.busy + pool.connecting
        assert size <= pool.max_connections, f"{size} connections, of which there may be {pool.max_connections}"
        assert min(pool.in_flight, pool.pending, pool.connecting, pool.idle, pool.busy) >= 0
    for upstream in root.tree.upstreams.values():
        for breaker in (upstream.breaker, *(backend.breaker for backend in upstream.backends)):
            if breaker is not None:
                assert 0 <= breaker.probes <= breaker.rules.half_open_requests, f"{breaker.probes} probes"
    _delivered_once(world)
    for talk in world.talks:
        _answers_belong(world, talk)


def when_all_is_answered(world: World) -> None:
    """Every client that is still there, and reads, has all its answers."""
    for talk in world.talks:
        if talk.client.closed is None and not talk.gone:
            responses = talk.responses()
            switched = any(response.status == 101 for response in responses)
            whole = [response for response in responses if response.complete]
            assert switched or len(whole) == len(talk.asked), f"{talk.asked[len(whole) :]} not answered"


def when_all_is_over(world: World) -> None:
    """Nothing is left behind."""
    world.harness.check_quiet()
    assert not world.harness.gateway.site.channels
    ids = Counter(record["request_id"] for record in world.harness.logs)
    assert not ids or max(ids.values()) == 1, "an exchange was logged twice"


def _delivered_once(world: World) -> None:
    """What may have been acted upon is not sent twice, unless it may be."""
    allowed = any(route.retry is not None and route.retry.idempotency_key for route in _routes_ever(world))
    delivered = Counter(
        one.target for one in world.backends.delivered if one.method not in IDEMPOTENT and not (one.keyed and allowed)
    )
    for target, count in delivered.items():
        assert count == 1, f"{target!r} was delivered {count} times"


def _routes_ever(world: World) -> list[Route]:
    # A configuration before may have allowed it.
    world.routes_seen.extend(
        route for route in world.harness.gateway.root.tree.settings.routes if route not in world.routes_seen
    )
    return world.routes_seen


def _answers_belong(world: World, talk: Talk) -> None:
    responses = talk.responses()
    # And a 408 or 400 for what was no request.
    assert len(responses) <= len(talk.asked) + 1, "answered twice"
    for (target, method), response in zip(talk.asked, responses, strict=False):
        if response is not responses[-1]:
            assert response.complete
        own = response.headers.get(b"gateway-reason")
        if own is not None:
            _is_a_problem(response, own.decode())
        elif response.status == 200 and method != b"HEAD":
            wanted = content(target, world.sizes[target])
            assert response.body == wanted[: len(response.body)], f"{target!r} got {response.body[:50]!r}"
            assert not response.complete or response.body == wanted, f"{target!r} was cut off unseen"
        elif response.status:
            assert response.status in BACKENDS_OWN, response.status


def _is_a_problem(response: Received, reason: str) -> None:
    assert reason in REASONS, reason
    if response.complete and response.body:
        assert json.loads(response.body)["type"].endswith(reason)
