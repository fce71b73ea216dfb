"""What the live page asks of a gateway in memory."""

from __future__ import annotations

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
