"""Parcels by HTTP."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from gateway.dialling.fetching import Fetcher, FetchFailed
from gateway.memory.backend import FakeBackend, ok
from gateway.memory.network import MemoryNetwork
from gateway.telemetry.shipping.contract import Parcel, Receipt
from gateway.telemetry.shipping.posting import MOST, Poster

PARCEL = Parcel(b"http://127.0.0.1:4318/v1/traces", [(b"Content-Type", b"application/x-protobuf")], b"\x01\x02")


class Bench:
    """A poster, and the server that it posts to."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock, None)
        self.server = FakeBackend(self.network, "127.0.0.1", 4318)
        self.poster = Poster(Fetcher(self.clock, self.network, None, 2.0, MOST))

    def post(self) -> list[Any]:
        """Post; returns the result, once there is one."""
        results: list[Any] = []
        self.poster.post(PARCEL).addBoth(results.append)
        self.network.pump()
        return results


def test_a_parcel_is_posted_and_the_answer_read() -> None:
    """With its fields and its body as they are."""
    bench = Bench()
    bench.server.answers(ok(b"taken", status=b"202 Accepted"))

    [receipt] = bench.post()

    assert isinstance(receipt, Receipt)
    assert (receipt.status, receipt.body) == (202, b"taken")
    asked = bench.server.requests[-1]
    assert (asked.method, asked.body) == (b"POST", b"\x01\x02")
    assert asked.headers.get(b"content-type") == b"application/x-protobuf"


def test_who_does_not_answer_is_a_failure_with_words() -> None:
    """After the time that the fetcher has."""
    bench = Bench()
    bench.server.stall()

    results = bench.post()
    bench.clock.advance(3.0)

    assert results[0].check(FetchFailed)
    assert "2 s" in results[0].getErrorMessage()


def test_connections_are_closed_at_the_end() -> None:
    """Those that are kept for the next parcel."""
    bench = Bench()
    bench.post()
    assert not bench.server.connection.closed

    bench.poster.stop()
    bench.network.pump()

    assert bench.server.connection.closed
