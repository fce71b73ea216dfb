"""The life of a gateway as a service: start, reload, drain, stop. With real ports: `tests/system/test_life.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.application.service import IService, MultiService
from twisted.internet.task import Clock
from twisted.web.resource import IResource

from gateway.answering.health import State
from gateway.composition.lifecycle import GatewayService
from gateway.composition.starting import StartError
from gateway.config import ConfigError
from tests.composition.world import CONFIGURATION, GET, World


def test_it_is_a_service(world: World) -> None:
    """An application can hang it under its own; nothing is open before it starts."""
    application = MultiService()
    world.service.setServiceParent(application)
    assert IService.providedBy(world.service)
    assert world.open() == []
    assert world.state() is State.STARTING
    application.startService()

    assert world.open() == ["tcp:1", "tcp:9"]
    assert world.service.addresses == ["tcp:1"]
    assert world.state() is State.RUNNING


def test_ports_are_opened_with_the_rights_of_the_start(world: World) -> None:
    """`privilegedStartService`, once."""
    world.service.privilegedStartService()
    assert world.open() == ["tcp:1", "tcp:9"]
    world.service.startService()

    assert len(world.ports) == 2


@pytest.mark.parametrize("taken", ["tcp:1", "tcp:9"])
@pytest.mark.parametrize("start", ["privilegedStartService", "startService"])
def test_a_port_that_cannot_be_opened_is_the_end(world: World, taken: str, start: str) -> None:
    """The words say which and why, the exit code is not 0, and the others are closed again."""
    world.taken.add(taken)
    with pytest.raises(StartError, match=f"{taken}.*already in use") as caught:
        getattr(world.service, start)()

    assert caught.value.code not in (0, None)
    assert world.open() == []


def test_a_wrong_configuration_is_told_before_anything(tmp_path: Path) -> None:
    """All of what is wrong with it."""
    path = tmp_path / "gateway.yaml"
    path.write_text("routes: 3\nupstream: []\n")
    with pytest.raises(ConfigError) as caught:
        GatewayService(path, Clock(), environ={})

    assert len(str(caught.value).splitlines()) >= 2


def test_it_serves(running: World) -> None:
    """And keeps time: deadlines are looked at."""
    assert running.send(GET).responses()[0].body == b"ok"
    running.backend.stall()
    client = running.send(GET)
    running.advance(30.2)

    assert client.responses()[0].status == 504


def test_the_access_log_is_opened_anew(running: World) -> None:
    """For logrotate."""
    running.service.reopen_logs()

    assert running.writers[0].reopened == 1


def test_a_mapping_takes_variables_too() -> None:
    """Those of the process where no others are given; and what they set goes before what the mapping says."""
    mapping = {"admin": {"token": "${TOKEN}"}, "limits": {"connections": 5}}
    service = GatewayService(mapping, Clock(), environ={"TOKEN": "abc", "GATEWAY__LIMITS__CONNECTIONS": "7"})

    assert service.settings.admin.token.get_secret_value() == "abc"
    assert service.settings.limits.connections == 7


def test_the_file_is_watched(tmp_path: Path) -> None:
    """Where that is asked for; a mapping has no file."""
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIGURATION)

    assert GatewayService(path, Clock(), environ={})._origin.watcher is not None
    assert GatewayService(path, Clock(), environ={}, watch=False)._origin.watcher is None
    assert GatewayService({"upstreams": [], "routes": []}, Clock(), environ={})._origin.watcher is None


def test_its_routes_are_resources(world: World) -> None:
    """All of them, or one by its name; one that is not there is told at once."""
    assert IResource.providedBy(world.service.resource())
    assert IResource.providedBy(world.service.resource("orders"))
    with pytest.raises(LookupError, match="nobody"):
        world.service.resource("nobody")
