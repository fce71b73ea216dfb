"""Another configuration while it runs: put into force whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from gateway.composition.changes import Plan
from gateway.composition.lifecycle import GatewayService
from gateway.composition.versions import OtherVersion, UnknownVersion, Version
from gateway.config import ConfigError, Settings, from_mapping
from gateway.listening.endpoints import Listening
from tests.composition.world import CONFIGURATION, GET, Port, World


def test_routes_come_and_go(running: World) -> None:
    """The next exchange knows."""
    assert running.change("path: /orders/*", "path: /others/*")

    assert running.send(GET).responses()[0].status == 404
    assert running.service.settings.routes[0].pattern == "/others/*"


def test_ports_come_and_go(running: World) -> None:
    """Connections of a port that is closed go on."""
    client = running.send(GET)
    assert running.change('"tcp:1"', '"tcp:2"')
    assert sorted(running.open()) == ["tcp:2", "tcp:9"]
    running.send(GET, client)

    assert len(client.responses()) == 2


def test_the_admin_port_moves(running: World) -> None:
    """The one before is closed."""
    assert running.change('"tcp:9"', '"tcp:8"')

    assert sorted(running.open()) == ["tcp:1", "tcp:8"]


@pytest.mark.parametrize(("before", "after"), [("routes:", "route:"), ("path: /orders/*", "path: 3"), ("5s", "five")])
def test_what_is_wrong_changes_nothing(running: World, before: str, after: str) -> None:
    """What was in force stays."""
    snapshot = running.service.gateway.root.tree
    assert not running.change(before, after)

    assert running.service.gateway.root.tree is snapshot
    assert running.send(GET).responses()[0].status == 200


@pytest.mark.parametrize("taken", ["tcp:2", "tcp:8"])
def test_a_port_that_cannot_be_opened_changes_nothing(running: World, taken: str) -> None:
    """Neither of the two; no port that was opened for it stays."""
    running.taken.add(taken)
    snapshot = running.service.gateway.root.tree
    pools = running.service.gateway.foundation.pool.pools()
    assert not running.change('"tcp:1"}]\nadmin: {endpoint: "tcp:9"}', '"tcp:2"}]\nadmin: {endpoint: "tcp:8"}')

    assert running.open() == ["tcp:1", "tcp:9"]
    assert running.service.gateway.root.tree is snapshot
    assert running.service.gateway.foundation.pool.pools() == pools


def test_certificates_are_renewed_with_the_rest_or_not_at_all(running: World) -> None:
    """A reload that fails for something else leaves them as they are."""
    running.taken.add("tcp:8")
    assert not running.change('admin: {endpoint: "tcp:9"}', 'admin: {endpoint: "tcp:8"}')
    assert [port.renewed for port in running.ports] == [0, 0]

    running.taken.clear()
    assert running.reload()
    assert running.ports[0].renewed == 1


def test_a_file_that_is_gone_changes_nothing(running: World) -> None:
    """It may come back."""
    running.path.unlink()
    assert not running.reload()

    assert running.send(GET).responses()[0].status == 200


def test_the_access_log_moves(running: World) -> None:
    """The one before is stopped, when the one after is in force."""
    assert running.change("timeouts:", "access_log: {path: /tmp/other.log}\ntimeouts:")
    running.send(GET)
    first, second = running.writers

    assert (first.running, second.running, second.path) == (False, True, "/tmp/other.log")
    assert (len(first.lines), len(second.lines)) == (0, 1)


def test_limits_change(running: World) -> None:
    """For the ports that are open."""
    assert running.change("timeouts:", "limits: {connections: 3}\ntimeouts:")

    assert running.service.gateway.limit.room() == 3


def test_how_it_went_is_counted(running: World) -> None:
    """`gateway_config_reloads_total`, by result."""
    running.reload()
    running.change("routes:", "route:")
    text = running.service.gateway.foundation.metrics.exposition(b"", running.clock.seconds())[1].decode()
    counts = [line for line in text.splitlines() if line.startswith("gateway_config_reloads_total{")]

    assert sorted(line.rpartition(" ")[2] for line in counts) == ["1", "1"]


def test_from_a_mapping(running: World) -> None:
    """Who embeds the gateway applies what it has; mistakes fail, and change nothing."""
    mapping = {
        "listeners": [{"endpoint": "tcp:1"}],
        "admin": {"endpoint": "tcp:9"},
        "upstreams": [{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]}],
        "routes": [{"path": "/others/*", "upstream": "orders"}],
    }
    failures: list[Any] = []
    assert running.service.apply(mapping).called
    running.service.apply({**mapping, "routes": 3}).addErrback(failures.append)

    assert failures[0].check(ConfigError)
    assert running.service.settings.routes[0].pattern == "/others/*"


def test_without_a_file_there_is_nothing_to_read_again() -> None:
    """`apply` is there for that."""
    service = GatewayService({"upstreams": [], "routes": []}, Clock(), environ={})

    with pytest.raises(ValueError, match="apply"):
        service.reload()


def test_a_burst_of_reloads_is_two(running: World) -> None:
    """One that runs, and one for all who asked meanwhile: the file may have changed after it was read."""
    opening: Deferred[Listening] = Deferred()
    open_port = running.service.gateway.listeners._open_port
    running.service.gateway.listeners._open_port = lambda *arguments: opening
    running.path.write_text(CONFIGURATION.replace("tcp:1", "tcp:2"))
    answers: list[bool] = []
    for _ in range(5):
        running.service.reload().addCallback(answers.append)
    assert answers == []
    running.path.write_text(CONFIGURATION.replace("/orders/*", "/others/*").replace("tcp:1", "tcp:2"))
    running.service.gateway.listeners._open_port = open_port
    opening.callback(cast("Listening", Port("tcp:2")))

    assert answers == [True] * 5
    assert running.service.settings.routes[0].pattern == "/others/*"
    assert running.service.changes.version == running.version(3)


def test_what_fails_has_no_version(running: World) -> None:
    """The number is that of what is in force."""
    running.change("routes:", "route:")
    assert running.service.changes.version == running.version(1)
    running.change("route:", "routes:")

    assert running.service.changes.version == running.version(2)


def test_a_stop_during_a_reload_waits_for_it(running: World) -> None:
    """Ports that are just being opened are closed again."""
    opening: Deferred[Listening] = Deferred()
    running.service.gateway.listeners._open_port = lambda *arguments: opening
    running.path.write_text(CONFIGURATION.replace("tcp:1", "tcp:2"))
    running.service.reload()
    stopped = running.stop()
    assert not stopped.called
    port = Port("tcp:2")
    opening.callback(cast("Listening", port))
    running.network.pump()

    assert stopped.called
    assert not port.open
    assert running.open() == []


def test_files_that_it_names_are_watched(tmp_path: Path) -> None:
    """Those in force and, where those of another configuration cannot be used, these too: they may be mended."""
    world = World(tmp_path / "gateway.yaml", watch=True)
    assert world.service._origin.watcher is not None
    assert world.service._origin.watcher._named == frozenset()
    world.change("timeouts:", f'auth: {{jwt: {{default: {{public_key_file: "{tmp_path}/key.pem"}}}}}}\ntimeouts:')

    assert world.service._origin.watcher._named == {f"{tmp_path}/key.pem"}


@pytest.mark.parametrize("left", ["", "\n", "# \n", "upstreams:", "{}"])
def test_a_file_that_is_being_written_changes_nothing(running: World, left: str) -> None:
    """Empty as yet, or without the routes that are in force: they are not given up for it."""
    running.path.write_text(left)
    assert not running.reload()

    assert running.send(GET).responses()[0].status == 200


def test_all_routes_can_be_removed(running: World) -> None:
    """By whoever says so."""
    running.path.write_text('routes: []\nadmin: {endpoint: "tcp:9"}\nlisteners: [{endpoint: "tcp:1"}]')
    assert running.reload()

    assert running.send(GET).responses()[0].status == 404


def other(running: World, **changes: Any) -> Callable[[], Settings]:
    """Read the configuration in force with other values of some keys."""
    return lambda: running.service.settings.model_copy(update=changes)


def test_who_changed_what_and_when(running: World) -> None:
    """The newest version is the first."""
    running.clock.advance(7)
    running.change("path: /orders/*", "path: /others/*")
    done: list[Version] = []
    running.service.changes.apply(other(running, strict=True), who="admin:ops").addCallback(done.append)

    third, second, first = running.service.changes.versions()
    assert done == [third]
    assert (third.who, third.changes) == ("admin:ops", (("strict", "", "changed"),))
    assert (second.who, second.at, second.changes) == ("application", 7.0, (("routes", "orders", "changed"),))
    assert (first.name, first.who) == (running.version(1), "start")


def test_a_plan_changes_nothing(running: World) -> None:
    """It says what `apply` does."""
    snapshot, things = running.service.gateway.root.tree, dict(running.service.gateway.foundation.carried._things)
    pools = running.service.gateway.foundation.pool.pools()
    read = other(running, upstreams=(), routes=())
    plans: list[Plan] = []
    running.service.changes.plan(read).addCallback(plans.append)
    (plan,) = plans

    assert running.service.gateway.root.tree is snapshot
    assert running.service.gateway.foundation.carried._things == things
    assert running.service.gateway.foundation.pool.pools() == pools
    assert running.service.changes.version == plan.version == running.version(1)
    running.service.changes.apply(read)
    applied = running.service.changes.versions()[0]
    assert applied.changes == plan.changes == (("upstreams", "orders", "removed"), ("routes", "orders", "removed"))
    assert running.service.settings == plan.settings


def test_back_to_an_earlier_version(running: World) -> None:
    """That is a version of its own."""
    running.change("path: /orders/*", "path: /others/*")
    running.service.changes.roll_back(running.version(1), who="admin:ops")

    assert running.send(GET).responses()[0].status == 200
    newest = running.service.changes.versions()[0]
    assert (newest.name, newest.who, newest.changes) == (
        running.version(3),
        "admin:ops",
        (("routes", "orders", "changed"),),
    )
    failures: list[Any] = []
    running.service.changes.roll_back(running.version(4)).addErrback(failures.append)
    assert failures[0].check(UnknownVersion)


def test_what_cannot_be_packed_is_kept_as_it_is(running: World) -> None:
    """An application may have put anything into its settings: what it changed is in force all the same."""
    odd = running.service.settings.model_copy(update={"defaults": lambda: None})
    with capturedLogs() as events:
        running.service.changes.apply(lambda: odd)
        running.service.changes.apply(other(running, defaults=None))
    running.service.changes.roll_back(running.version(2))

    assert running.service.settings.defaults is odd.defaults
    assert [str(one["log_format"]) for one in events if "log_failure" in one] == [
        "What was in force before cannot be packed: it is kept as it is"
    ]


def test_a_change_of_another_version_is_refused(running: World) -> None:
    """Somebody else was faster; a plan is refused as well."""
    read, failures = other(running, strict=True), list[Any]()
    running.change("path: /orders/*", "path: /others/*")
    running.service.changes.apply(read, expected=running.version(1)).addErrback(failures.append)
    running.service.changes.plan(read, expected=running.version(1)).addErrback(failures.append)

    assert [(one.check(OtherVersion), one.value.version) for one in failures] == [
        (OtherVersion, running.version(2))
    ] * 2
    assert running.service.changes.apply(read, expected=running.version(2)).called
    assert running.service.changes.version == running.version(3)


def test_what_cannot_be_written_down_is_not_in_force(running: World) -> None:
    """Everything is let go again: ports, and what was built."""
    snapshot, failures = running.service.gateway.root.tree, list[Any]()
    fresh = from_mapping(
        {
            "listeners": [{"endpoint": "tcp:2"}],
            "admin": {"endpoint": "tcp:8"},
            "upstreams": [{"name": "new", "backends": [{"url": "http://127.0.0.1:9002"}]}],
        }
    )

    def keep(settings: Settings) -> None:
        assert sorted(running.open()) == ["tcp:1", "tcp:2", "tcp:8", "tcp:9"]
        raise OSError("no space left on device")

    running.service.changes.apply(lambda: fresh, keep=keep).addErrback(failures.append)

    assert failures[0].check(OSError)
    assert sorted(running.open()) == ["tcp:1", "tcp:9"]
    assert running.service.gateway.root.tree is snapshot
    assert "new" not in running.service.gateway.foundation.metrics._upstreams


def test_it_is_written_down_before_it_is_in_force(running: World) -> None:
    """Meanwhile exchanges go by what was there before."""
    written: Deferred[None] = Deferred()
    done: list[Version] = []
    running.service.changes.apply(other(running, routes=()), keep=lambda settings: written).addCallback(done.append)
    assert running.send(GET).responses()[0].status == 200
    assert not done
    written.callback(None)

    assert running.send(GET).responses()[0].status == 404


def test_reading_may_take_its_time(running: World) -> None:
    """Changes that come meanwhile wait for their turn, and are made from what the one before has left."""
    reading: Deferred[Settings] = Deferred()
    strict = running.service.settings.model_copy(update={"strict": True})
    running.service.changes.apply(lambda: reading)
    running.service.changes.apply(other(running, dry_run_header=True))
    assert running.service.changes.version == running.version(1)
    reading.callback(strict)

    assert running.service.settings.strict
    assert running.service.settings.dry_run_header
