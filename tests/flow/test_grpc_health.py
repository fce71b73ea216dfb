"""Checks by grpc.health.v1 in a whole gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.probing.probe_grpc import PATH
from gateway.testing import Harness
from tests.flow.test_http2_backends import World
from tests.http2.server import Asked2

KIND = [("content-type", "application/grpc")]


def answering(status: int) -> Callable[[Asked2], None]:
    """What answers checks with a status, and everything else."""

    def answer(asked: Asked2) -> None:
        if asked.target == PATH:
            message = b"\0\0\0\0\x02\x08" + bytes((status,))
            asked.connection.answer(asked, message, KIND, trailers=[("grpc-status", "0")])
        else:
            asked.connection.answer(asked)

    return answer


def checked(make: Callable[..., Harness], **check: Any) -> World:
    """Two backends that are checked."""
    return World(make, backends=2, health_check={"type": "grpc", "service": "a.B", **check})


def served(world: World) -> list[int]:
    """How many of ten requests each backend gets."""
    for backend in world.backends:
        backend.requests.clear()
    for _ in range(10):
        world.ask()
    return [sum(asked.target != PATH for asked in backend.requests) for backend in world.backends]


def test_who_does_not_serve_gets_no_traffic(make: Callable[..., Harness]) -> None:
    """Until it does; the check says what it asks for."""
    world = checked(make)
    one, two = world.backends
    one.on_whole, two.on_whole = answering(2), answering(1)
    world.gateway.advance(25)
    asked = next(asked for asked in one.requests if asked.target == PATH)
    assert (asked.method, bytes(asked.body)) == (b"POST", b"\0\0\0\0\x05\x0a\x03a.B")
    assert asked.headers.get(b"te") == b"trailers"
    assert served(world) == [0, 10]
    [shown] = world.gateway.gateway.figures.view()
    assert shown["backends"][0]["last_errors"][-1]["what"] == "health check: NOT_SERVING, wanted SERVING"
    one.on_whole = answering(1)
    world.gateway.advance(25)

    assert served(world) == [5, 5]


@pytest.mark.parametrize("how", ["status", "reset", "silence", "trailers only"])
def test_other_ways_to_fail(make: Callable[..., Harness], how: str) -> None:
    """Each is a failed check."""
    world = checked(make)
    one, two = world.backends
    two.on_whole = answering(1)

    def fail(asked: Asked2) -> None:
        if how == "status":
            asked.connection.answer(asked, status=503)
        elif how == "reset":
            asked.connection.give_up(asked)
        elif how == "trailers only":
            asked.connection.head(asked, [*KIND, ("grpc-status", "12")], end=True)

    one.on_whole = fail
    world.gateway.advance(60)
    one.on_whole = answering(1)

    assert served(world) == [0, 10]


def test_checks_leave_no_connections_behind(make: Callable[..., Harness]) -> None:
    """Each has its own, and ends it."""
    world = checked(make)
    for backend in world.backends:
        backend.on_whole = answering(1)
    world.gateway.advance(60)

    assert len(world.backend.connections) >= 5
    assert all(connection.closed is not None for connection in world.backend.connections)
