"""Plugins in a real process: reloaded with their code, refused where they do not start, named where they spin."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.system import backends
from tests.system.gateway_process import GatewayProcess, one_upstream, until

CODE = """
import time

from twisted.internet.task import deferLater


class Stamp:
    def __init__(self, config):
        self.config = config

    def start(self, services):
        if self.config.get("later"):
            return self.fail_later(services)
        if self.config.get("fails"):
            raise RuntimeError("no licence")

    async def fail_later(self, services):
        await deferLater(services.clock, 0.1, lambda: None)
        raise RuntimeError("no licence")

    def on_request(self, exchange):
        until = time.monotonic() + float(exchange.request.query or 0)
        while time.monotonic() < until:
            pass

    def on_response(self, exchange):
        exchange.response.headers.set(b"X-Stamp", VALUE)


VALUE = b"%s"
"""


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as server:
        yield server


def configuration(url: str, **config: object) -> dict[str, object]:
    """One route with the plugin, whose code is read again."""
    plain = one_upstream(url)
    plugin = {"name": "stamp", "class": "a_stamp.Stamp", "config": config, "reload": True, "timeout": "10s"}
    return {
        **plain,
        "plugins": [plugin],
        "routes": [{**route, "plugins": ["stamp"]} for route in plain["routes"]],
    }


def stamp(gateway: GatewayProcess, query: str = "") -> str | None:
    """What an answer is stamped with."""
    return requests.get(f"{gateway.url}/{query}", timeout=10).headers.get("X-Stamp")


def test_the_life_of_a_plugin(tmp_path: Path, origin: backends.Backend) -> None:
    """Code and configuration change together, or not at all; who holds the reactor is told of while it is held."""
    code = tmp_path / "a_stamp.py"
    code.write_text(CODE % "one")
    gateway = GatewayProcess(tmp_path, **configuration(origin.url)).start(directory=tmp_path)
    try:
        assert stamp(gateway) == "one"
        code.write_text(CODE % "another")

        gateway.signal(signal.SIGHUP)

        until(lambda: stamp(gateway) == "another", gateway.errors)
        code.write_text(CODE % "a third")
        gateway.configure(**configuration(origin.url, fails=True))
        gateway.signal(signal.SIGHUP)
        until(lambda: "stamp: it did not start: RuntimeError: no licence" in gateway.errors, gateway.errors)
        assert stamp(gateway) == "another"

        assert stamp(gateway, "?2.5") == "another"
        assert "Plugin stamp has held the reactor in on_request" in gateway.errors
        assert "in on_request\n" in gateway.errors
        assert "Plugin stamp held the reactor for 2.5" in gateway.errors
    finally:
        gateway.stop()


def test_a_plugin_that_does_not_start(tmp_path: Path, origin: backends.Backend) -> None:
    """Nor does the gateway: one clear line, and a failure."""
    (tmp_path / "a_stamp.py").write_text(CODE % "one")
    gateway = GatewayProcess(tmp_path, **configuration(origin.url, fails=True))
    gateway.start(wait=False, directory=tmp_path)

    assert gateway.wait() == 1
    assert "plugins[0].class: stamp: it did not start: RuntimeError: no licence" in gateway.errors
    assert "Traceback" not in gateway.errors


def test_a_plugin_that_does_not_start_in_the_end(tmp_path: Path, origin: backends.Backend) -> None:
    """It took its time: the process ends then, as a failure."""
    (tmp_path / "a_stamp.py").write_text(CODE % "one")
    gateway = GatewayProcess(tmp_path, **configuration(origin.url, later=True))
    gateway.start(wait=False, directory=tmp_path)

    assert gateway.wait() == 1
    assert "stamp: it did not start: RuntimeError: no licence" in gateway.errors
