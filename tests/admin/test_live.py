"""What the live page asks of a gateway in memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from gateway.composition import live, live_leaves
from tests.admin.api import Api
from tests.admin.test_feeds import events_of

__all__ = ["live", "live_leaves"]  # what is asked here goes through them


class Opened:
    """A page that is open."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.protocol = api.factories["tcp:9"].buildProtocol(IPv4Address("TCP", "192.0.2.9", 5))
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)
        self.protocol.dataReceived(b"GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def second(self) -> dict[str, Any]:
        """Let a second pass; returns its figures."""
        self._api.clock.advance(1.0)
        return self.of("figures")[-1]

    def of(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a name that came so far."""
        return [document for kind, document in events_of(self.transport) if kind == name]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A running gateway."""
    made = Api(tmp_path / "gateway.yaml")
    yield made
    made.stop()


def test_what_fails_is_told_at_once(api: Api) -> None:
    """As the list of failed exchanges has it; what failed before is in that list."""
    api.backend.refuse_connections()
    api.status("/orders/1")
    page = Opened(api)
    page.second()
    assert page.of("failed") == []

    api.status("/orders/2")
    api.status("/orders/3")
    page.second()
    assert [one["path"] for one in page.of("failed")] == ["/orders/2", "/orders/3"]
    assert page.of("failed")[::-1] == api.get("/exchanges")[:2]

    for number in range(live.FAILED + 5):
        api.status(f"/orders/{number}")
    page.second()
    assert len(page.of("failed")) == live.FAILED + 2, "in a flood the last ones"
    page.protocol.connectionLost()


def test_a_page_of_one_of_several_workers(tmp_path: Path) -> None:
    """The figures come from who asks all of them."""
    api = Api(tmp_path / "gateway.yaml", passes=True)
    page = Opened(api)
    page.second()
    api.status("/others")
    assert page.second()["requests"] == 1.0
    page.protocol.connectionLost()
    api.stop()


def test_a_page_hears_of_each_second(api: Api) -> None:
    """By difference: what was before it was opened is not told."""
    api.status("/others")
    page = Opened(api)
    assert page.second()["requests"] == 0

    for _ in range(3):
        api.status("/others")
    api.status("/nowhere")
    figures = page.second()
    assert (figures["requests"], figures["classes"]["2xx"], figures["classes"]["4xx"]) == (4.0, 3.0, 1.0)
    assert figures["failed"] == {"route.none": 1.0}
    assert {one["requests"] for one in figures["routes"]} == {3.0, 1.0}
    assert figures["memory"] > 1_000_000
    assert (figures["processes"], figures["in_flight"]) == (1, 0)
    page.protocol.connectionLost()


def test_nothing_of_it_is_loaded_at_the_start() -> None:
    """Most gateways are never looked at: what the page needs comes with the first who asks for it."""
    late = [
        *("admin.feeds", "admin.live", "admin.origins", "admin.page_files", "balancing.ahead", "composition.live"),
        *("composition.live_leaves", "composition.live_limits", "composition.live_request"),
        *("composition.live_routes", "composition.placed"),
        *("processes.rounds", "serving.trial", "telemetry.log_tail", "telemetry.rates"),
    ]
    code = "import sys, gateway.tap, gateway.composition.lifecycle, gateway.processes.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert [name for name in late if f"gateway.{name}" in loaded] == []


@pytest.mark.parametrize("path", ["/live/routes", "/live/limits", "/live/config"])
def test_pages_of_other_origins_have_nothing_looked_up(api: Api, path: str) -> None:
    """They could read nothing; a flood of looks at thousands of routes would hold requests up."""
    assert api.ask("GET", path, token="", sec_fetch_site="cross-site").status == 403
    assert api.ask("GET", path, token="", origin="https://evil.example").status == 403
    assert api.ask("GET", path, token="", sec_fetch_site="same-origin").status == 200
