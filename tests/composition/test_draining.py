"""Stopping in order: accept nothing, finish, close. With real processes: `tests/system/test_signals.py`."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.application.service import Service
from twisted.internet.defer import Deferred

from gateway.answering.health import State
from gateway.composition.changes import Stopping
from gateway.memory.backend import ok
from tests.composition.world import GET, World


def test_an_idle_gateway_stops_at_once(running: World) -> None:
    """Ports, clients, backends, timers, log: all closed."""
    client = running.send(GET)
    stopped = running.stop()

    assert stopped.called
    assert running.open() == []
    assert client.closed is not None
    assert running.backend.connection.closed is not None
    assert not running.writers[0].running
    assert [call for call in running.clock.getDelayedCalls() if call.active()] == []


def test_what_is_under_way_is_finished(running: World) -> None:
    """Nothing new is accepted meanwhile, and `/ready` says so on the admin port that stays until the end."""
    running.backend.stall()
    client = running.send(GET)
    stopped = running.stop()
    assert not stopped.called
    assert running.open() == ["tcp:9"]
    assert running.service.gateway.foundation.health.state is State.DRAINING
    running.backend.connection.send(ok(b"done"))
    running.network.pump()

    assert client.responses()[0].body == b"done"
    assert client.responses()[0].headers.get(b"Connection") == b"close"
    assert stopped.called
    assert len(running.writers[0].lines) == 1


def test_what_takes_too_long_is_broken_off(running: World) -> None:
    """After `timeouts.shutdown`."""
    running.backend.stall()
    client = running.send(GET)
    stopped = running.stop()
    running.advance(4.8)
    assert client.closed is None
    running.advance(0.5)

    assert client.closed is not None
    assert stopped.called
    assert running.backend.connection.closed is not None


def test_before_it_drains_it_says_that_it_will(running: World) -> None:
    """`timeouts.shutdown_delay`: not ready, all is served, on new connections too, and answers close them."""
    assert running.change("shutdown: 5s", "shutdown: 5s, shutdown_delay: 2s")
    idle = running.send(GET)
    stopped = running.stop()
    running.advance(1.8)
    assert running.service.gateway.foundation.health.report(b"/ready")[0] == 503
    assert running.open() == ["tcp:1", "tcp:9"]
    answers = [running.send(GET).responses()[0], running.send(GET, idle).responses()[1]]
    assert [(each.status, each.headers.get(b"Connection")) for each in answers] == [(200, b"close")] * 2
    assert not stopped.called
    running.advance(0.3)

    assert stopped.called
    assert running.open() == []


@pytest.mark.parametrize("delay", ["0s", "4s"])
def test_in_a_hurry_nothing_is_waited_for(running: World, delay: str) -> None:
    """A second SIGTERM: neither for load balancers nor for what is in flight; the log has its records."""
    assert running.change("shutdown: 5s", f"shutdown: 5s, shutdown_delay: {delay}")
    running.backend.stall()
    client = running.send(GET)
    stopped = running.stop()
    running.advance(0.5)
    assert not stopped.called
    running.service.hurry()
    running.service.hurry()
    running.network.pump()

    assert stopped.called
    assert client.closed is not None
    assert running.open() == []
    assert len(running.writers[0].lines) == 1
    assert not running.writers[0].running


def test_a_service_that_does_not_stop_holds_up_nobody_who_is_in_a_hurry(running: World) -> None:
    """A thread, a script, a disk that does not answer: another second, and what is left is left."""
    never: Deferred[None] = Deferred()
    service = Service()
    service.stopService = lambda: never  # type: ignore[method-assign]  # one that hangs
    service.setServiceParent(running.service)
    stopped = running.stop()
    running.advance(60)
    assert not stopped.called
    running.service.hurry()
    running.advance(1.2)

    assert stopped.called
    assert running.open() == []


def test_it_is_told_that_it_stops(running: World) -> None:
    """For who would ask a second time."""
    assert not running.service.stopping
    running.stop()

    assert running.service.stopping


def test_nothing_is_reloaded_any_more(running: World) -> None:
    """It would open the ports again."""
    running.backend.stall()
    running.send(GET)
    running.stop()
    failures: list[Any] = []
    running.service.apply(running.service.settings).addErrback(failures.append)

    assert not running.reload()
    assert failures[0].check(Stopping)
    assert running.open() == ["tcp:9"]
    running.advance(6)


def test_where_another_process_has_the_ports_idle_connections_are_closed_late(running: World) -> None:
    """A request that is on its way meets an open connection, and its answer closes it; there is no delay before."""
    assert running.change("shutdown: 5s", "shutdown: 9s, shutdown_delay: 2s")
    asking, silent = running.send(GET), running.send(GET)
    running.service.ports.hand_over()
    stopped = running.stop()
    assert "tcp:1" not in running.open()
    running.advance(3.0)
    assert running.send(GET, asking).responses()[1].headers.get(b"Connection") == b"close"
    assert asking.closed is not None
    assert silent.closed is None
    assert not stopped.called
    running.advance(2.5)

    assert silent.closed is not None
    assert stopped.called
