"""The scenario with one slow backend of four."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from benchmarks.scenarios.slow import STRATEGIES, Balanced
from benchmarks.timed_backend import ANSWERED, Timed
from benchmarks.workload import Task
from gateway.config import from_mapping


def test_each_strategy_has_all_backends(tmp_path: Path) -> None:
    """In a configuration that the gateway takes."""
    for strategy in STRATEGIES:
        made = Balanced("gateway", tmp_path, strategy, [9001, 9002]).configuration(Task(8080, 9090, 9000, tmp_path))
        (upstream,) = from_mapping(made).upstreams

        assert upstream.strategy == strategy
        assert [backend.url for backend in upstream.backends] == ["http://127.0.0.1:9001", "http://127.0.0.1:9002"]


def test_a_backend_answers_each_request_after_its_delay() -> None:
    """However its octets come."""
    clock, transport = Clock(), StringTransport()
    backend = Timed(0.1, clock.callLater)
    backend.makeConnection(transport)
    for _ in range(2):
        transport.clear()
        backend.dataReceived(b"GET / HTTP/1.1\r\nHost: h\r\n")
        backend.dataReceived(b"\r\n")
        clock.advance(0.09)
        assert transport.value() == b""
        clock.advance(0.02)
        assert transport.value() == ANSWERED
