"""Server-sent events of the live page, on the real site over connections in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs

from gateway.admin.feeds import EVERY, LINES, MOST, UNREAD, Events, Feeds
from gateway.admin.resources import AdminRoot
from gateway.admin.service import AdminSite
from gateway.answering.health import Health


def events_of(transport: StringTransport) -> list[tuple[str, Any]]:
    """Return what came so far on a connection, chunks put together."""
    rest, text = transport.value().partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        text += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    found = []
    for block in text.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


class Page:
    """One that is open."""

    def __init__(self, site: AdminSite, method: str = "GET", *fields: str) -> None:
        self.protocol = site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)
        lines = [f"{method} /live/events HTTP/1.1", "Host: localhost", *fields, "", ""]
        self.protocol.dataReceived("\r\n".join(lines).encode())

    @property
    def head(self) -> str:
        """What came before the events."""
        said: bytes = self.transport.value()
        return said.partition(b"\r\n\r\n")[0].decode()

    @property
    def events(self) -> list[tuple[str, Any]]:
        """What came so far."""
        return events_of(self.transport)

    def leave(self) -> None:
        """Close the connection."""
        self.protocol.connectionLost()


class World:
    """A site with feeds, and what it looks at."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.looks = 0
        self.found: Events = []
        self.late: Deferred[Events] | None = None
        root = AdminRoot(
            Health(), lambda accept: (b"", b""), {}, lambda: {"live/events": Feeds(self._look, self.clock)}
        )
        self.site = AdminSite(root, self.clock, lambda: "id")

    def _look(self) -> Any:
        self.looks += 1
        return self.late or self.found

    def turn(self) -> None:
        """Let a second pass."""
        self.clock.advance(EVERY)


@pytest.fixture
def world() -> World:
    """With nothing open."""
    return World()


def test_each_page_hears_what_happens(world: World) -> None:
    """By one look a second for all of them."""
    pages = [Page(world.site), Page(world.site)]
    world.found = [("figures", {"requests": 3.0})]
    before = world.looks
    world.turn()

    assert world.looks == before + 1
    assert [page.events for page in pages] == [[("figures", {"requests": 3.0})]] * 2
    assert "content-type: text/event-stream" in pages[0].head.lower()
    assert "cache-control: no-store" in pages[0].head.lower()


def test_nothing_is_looked_at_where_no_page_is_open(world: World) -> None:
    """Neither before the first nor after the last."""
    world.clock.pump([EVERY] * 3)
    assert world.looks == 0

    page = Page(world.site)
    world.turn()
    seen = world.looks
    page.leave()
    world.clock.pump([EVERY] * 3)
    assert world.looks == seen


def test_a_page_gets_the_last_lines_when_it_is_opened(world: World) -> None:
    """As many as are kept; figures that are past it does not get."""
    first = Page(world.site)
    world.found = [("log", {"message": str(number)}) for number in range(LINES + 10)] + [("figures", {})]
    world.turn()
    world.found = []
    late = Page(world.site)

    assert [one["message"] for name, one in late.events] == [str(number) for number in range(10, LINES + 10)]
    assert len(first.events) == LINES + 11


def test_what_clients_made_up_stays_in_its_line(world: World) -> None:
    """Line ends in a text are no line ends of the stream."""
    page = Page(world.site)
    hostile = "a\n\nevent: log\ndata: {}\r\n\r\n<script>"
    world.found = [("log", {"message": hostile})]
    world.turn()

    assert page.events == [("log", {"message": hostile})]


@pytest.mark.parametrize("text", ["\udcff", 1 << 70])
def test_what_is_hard_to_write_ends_no_feed(world: World, text: object) -> None:
    """Half of a surrogate pair, which a plugin may bring, and large numbers are JSON all the same."""
    page = Page(world.site)
    world.found = [("failed", {"detail": text})]
    world.turn()
    world.found = [("figures", {})]
    world.turn()

    assert page.events == [("failed", {"detail": text}), ("figures", {})]


def test_what_cannot_be_written_ends_no_feed(world: World) -> None:
    """It is said in the log once, and the next second comes."""
    page = Page(world.site)
    world.found = [("figures", {(): "no name"})]
    with capturedLogs() as logs:
        world.turn()
        world.turn()
    world.found = [("figures", {"n": 2})]
    world.turn()

    assert sum("no figures" in one["log_format"] for one in logs) == 1
    assert page.events == [("figures", {"n": 2})]


def test_who_does_not_read_is_dropped(world: World) -> None:
    """Past a bound; the others go on."""
    slow, fast = Page(world.site), Page(world.site)
    slow.protocol.pauseProducing()
    world.found = [("log", {"message": "x" * (UNREAD // 4)})]
    for _ in range(3):
        world.turn()
    assert not slow.transport.disconnecting
    assert slow.events == []
    world.turn()

    assert slow.transport.disconnected or slow.transport.disconnecting
    assert len(fast.events) == 4


def test_who_reads_again_gets_what_was_kept(world: World) -> None:
    """In its order."""
    page = Page(world.site)
    page.protocol.pauseProducing()
    for number in range(3):
        world.found = [("figures", {"n": number})]
        world.turn()
    page.protocol.resumeProducing()

    assert [one["n"] for _, one in page.events] == [0, 1, 2]


def test_only_so_many_pages_are_open(world: World) -> None:
    """One more is refused, until one goes."""
    pages = [Page(world.site) for _ in range(MOST)]
    assert Page(world.site).head.startswith("HTTP/1.1 503")

    pages[0].leave()
    assert Page(world.site).head.startswith("HTTP/1.1 200")


def test_other_methods_open_nothing(world: World) -> None:
    """HEAD says what there is; a POST is refused."""
    assert Page(world.site, "HEAD").head.startswith("HTTP/1.1 200")
    assert Page(world.site, "POST").head.startswith("HTTP/1.1 405")
    world.clock.pump([EVERY] * 3)
    assert world.looks == 0


@pytest.mark.parametrize("field", ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site"])
def test_a_page_of_another_origin_gets_none(world: World, field: str) -> None:
    """It could not read it, but would take a place."""
    assert Page(world.site, "GET", field).head.startswith("HTTP/1.1 403")
    world.clock.pump([EVERY] * 3)
    assert world.looks == 0


def test_a_look_that_is_late_is_waited_for(world: World) -> None:
    """Of other processes: there is one question at a time; one that fails does not end the feed."""
    page = Page(world.site)
    late: Deferred[Events] = Deferred()
    world.late = late
    world.clock.pump([EVERY] * 3)
    seen = world.looks
    late.callback([("figures", {"n": 1})])
    assert [one["n"] for _, one in page.events] == [1]
    assert world.looks == seen

    broken: Deferred[Events] = Deferred()
    world.late = broken
    world.turn()
    with capturedLogs() as logs:
        broken.errback(RuntimeError("gone"))
    assert any("no figures" in one["log_format"] for one in logs)
    world.late, world.found = None, [("figures", {"n": 2})]
    world.turn()
    assert page.events[-1] == ("figures", {"n": 2})
