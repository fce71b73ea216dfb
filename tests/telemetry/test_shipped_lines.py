"""Records on their way to a shipper."""

from __future__ import annotations

import json
from threading import Thread
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher

from gateway.telemetry.logging import Levels
from gateway.telemetry.shipped_lines import EARLY, HEAD, TICK, ApplicationRecords, ShippedLines


class Kept:
    """A shipper that keeps what it gets."""

    def __init__(self) -> None:
        self.items: list[bytes] = []

    @property
    def octets(self) -> int:
        """As of a shipper."""
        return len(b"".join(self.items))

    def put(self, item: bytes) -> None:
        """Keep it."""
        self.items.append(item)


class Bench:
    """Lines, on a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.lost: list[tuple[str, int]] = []
        self.lines = ShippedLines(
            self.clock,
            lambda: 1_700_000_000.25 + self.clock.seconds() * 2.5,
            lambda sink, count: self.lost.append((sink, count)),
        )
        self.kept = Kept()
        self.written: list[bytes] = []
        self.write = self.lines.beside(self.written.append)
        self.lines.follow(self.kept, "loki")
        self.lines.startService()

    def now(self) -> float:
        """Unix seconds; binary fractions, so that they are what they are written as."""
        return 1_700_000_000.25 + self.clock.seconds() * 2.5


def test_a_record_is_written_and_handed_over_a_moment_later() -> None:
    """With the log that it is from and the time, without its end."""
    bench = Bench()
    bench.write(b'{"a":1}\n')
    assert (bench.written, bench.kept.items) == ([b'{"a":1}\n'], [])

    bench.clock.advance(TICK)

    assert bench.kept.items == [b'A1700000000500000000{"a":1}']
    assert len(b"A1700000000500000000") == HEAD


def test_many_records_are_handed_over_at_once() -> None:
    """What is collected is bounded."""
    bench = Bench()
    bench.write(b"x" * EARLY)
    assert bench.kept.items == []
    bench.write(b"y\n")

    assert len(bench.kept.items) == 2
    assert bench.lines.queued() == [(("loki",), bench.kept.octets)]


def test_the_same_writer_gets_the_same_function() -> None:
    """So that a reload finds what it had."""
    lines = Bench().lines
    first: list[bytes] = []
    write = first.append

    assert lines.beside(write) == lines.beside(write)
    for _ in range(10):
        others: list[bytes] = []
        lines.beside(others.append)
    lines.beside(write)(b"z\n")
    assert first == [b"z\n"]


def test_at_the_stop_what_there_is_is_handed_over() -> None:
    """What comes later is lost, and counted."""
    bench = Bench()
    bench.write(b"a\n")
    bench.lines.stopService()
    bench.write(b"b\n")
    bench.write(b"c\n")

    assert [item[HEAD:] for item in bench.kept.items] == [b"a"]
    assert bench.lost == [("loki", 1), ("loki", 1)]
    assert bench.lines.queued() == []
    assert not bench.clock.getDelayedCalls()


class Told:
    """The application log, with records collected from it."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.publisher = LogPublisher()
        self.calls: list[tuple[Any, bytes]] = []
        self.records = ApplicationRecords(
            self.bench.lines, self.publisher, Levels(), lambda call, record: self.calls.append((call, record))
        )
        self.records.startService()

    def log(self, namespace: str = "gateway.x") -> Logger:
        """A logger of the publisher."""
        return Logger(namespace, observer=self.publisher)

    def items(self) -> list[dict[str, Any]]:
        """What was handed over."""
        self.bench.clock.advance(TICK)
        assert all(item[:1] == b"P" for item in self.bench.kept.items)
        return [json.loads(item[HEAD:]) for item in self.bench.kept.items]


def test_events_of_the_application_log_are_records_too() -> None:
    """As JSON, whatever the form of the log itself; those of a level that is not written are not."""
    told = Told()
    told.log().warn("{count} of them", count=3)
    told.log().debug("nobody wants to know")

    (record,) = told.items()
    assert (record["message"], record["count"], record["level"]) == ("3 of them", 3, "warn")


@pytest.mark.parametrize("namespace", ["gateway.telemetry.shipping.shipper", "gateway.telemetry.shipping.losses"])
def test_what_shipping_says_of_itself_is_not_shipped(namespace: str) -> None:
    """A record about a full queue would be the next one that finds it full."""
    told = Told()
    told.log(namespace).error("lost")

    assert told.items() == []


def test_events_of_other_threads_come_by_the_reactors() -> None:
    """The queue belongs to the reactor's thread."""
    told = Told()
    thread = Thread(target=lambda: told.log().info("from elsewhere"))
    thread.start()
    thread.join(10)

    assert told.items() == []
    ((call, record),) = told.calls
    call(record)
    assert [record["message"] for record in told.items()] == ["from elsewhere"]


def test_after_the_stop_nobody_listens() -> None:
    """The publisher has forgotten it."""
    told = Told()
    told.records.stopService()
    told.log().info("nothing")

    assert told.items() == []
