"""Plugins that leave behind what raises, or lies, where the gateway looks at it: their exchanges go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.logger import capturedLogs

from gateway.telemetry.logging import as_text
from gateway.testing import Harness
from tests.flow.test_plugins import route

Make = Callable[..., Harness]


@pytest.mark.parametrize("where", ["target", "method", "upstream", "fields", "status", "reason"])
def test_what_cannot_be_shown_is_taken_out_all_the_same(make: Make, where: str) -> None:
    """Its `__repr__` raises, where it is to be said what was wrong."""
    leaves = {"name": "leaves", "class": "tests.hostile.Leaves", "config": {"where": where}}
    gateway = make(plugins=[leaves], routes=[route("leaves")])

    response = gateway.get("/orders/1")

    assert response.status == 200
    assert gateway.last_log["plugin_errors"].startswith("leaves.on_re")
    assert gateway.backend("orders").requests[-1].headers.get(b"x-a") == (b"1" if where == "fields" else None)


def test_octets_are_counted_as_they_are(make: Make) -> None:
    """A class of a plugin's may say that there are more: its client would wait for them."""
    gateway = make(plugins=[{"name": "o", "class": "tests.hostile.AnswersOctets"}], routes=[route("o")])

    response = gateway.get("/orders/1")

    assert (response.body, response.headers.get(b"content-length")) == (b"three", b"5")


@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_finish", "stop"])
@pytest.mark.parametrize("kind", ["Mute", "Odd"])
def test_a_fault_that_cannot_be_shown_is_told_all_the_same(make: Make, kind: str, hook: str) -> None:
    """Its `__str__` raises, or the name of its class does; it is counted and logged."""
    config = {"kind": kind, "hook": hook}
    mute = {"name": "mute", "class": "tests.hostile.RaisesWhatCannotBeShown", "config": config}
    gateway = make(plugins=[mute], routes=[route("mute")])

    with capturedLogs() as events:
        assert gateway.get("/orders/1").status == 200
        gateway.apply(plugins=[mute | {"config": config | {"hook": "none"}}])
        lines = [as_text(event) for event in events if event["log_namespace"] == "gateway.plugin.mute"]

    assert len(lines) == 1
    assert f"Plugin mute failed in {hook}" in lines[0]
    assert "in _raise" in lines[0]
    assert gateway.get("/orders/1").status == 200
