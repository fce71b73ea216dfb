"""A gateway that sends its figures to StatsD."""

from __future__ import annotations

import socket

import pytest

from gateway.composition.builders import statsd
from gateway.testing import Harness


@pytest.fixture
def taking() -> socket.socket:
    """A server of StatsD."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(5)
    return made


def lines(taking: socket.socket) -> set[bytes]:
    """What has come."""
    found: set[bytes] = set()
    taking.setblocking(False)
    try:
        while True:
            datagram = taking.recv(65536)
            assert len(datagram) <= 1432
            found.update(datagram.split(b"\n"))
    except BlockingIOError:
        return found


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("dogstatsd", b"edge.requests:2|c|#route:orders,path:/orders/*,method:GET,status:200,team:web"),
        ("none", b"edge.requests.orders._orders_.GET.200:2|c"),
    ],
)
def test_requests_are_counted(taking: socket.socket, tags: str, expected: bytes) -> None:
    """A second later, each once."""
    address = f"127.0.0.1:{taking.getsockname()[1]}"
    said = {"address": address, "prefix": "edge", "tags": tags}
    gateway = Harness("orders", metrics={"labels": {"team": "web"}, "statsd": said})
    gateway.get("/orders/7")
    gateway.get("/orders/8")
    gateway.advance(1.1)
    first = lines(taking)
    gateway.advance(1.1)
    second = lines(taking)

    assert expected in first
    assert any(line.startswith(b"edge.request_duration") and b"|ms|@0.5" in line for line in first)
    assert not any(b"requests" in line and b"|c" in line for line in second)
    assert any(b"edge.pool_connections" in line for line in second)
    taking.close()


def test_a_reload_ends_it(taking: socket.socket) -> None:
    """What had come until then is sent."""
    address = f"127.0.0.1:{taking.getsockname()[1]}"
    gateway = Harness("orders", metrics={"statsd": {"address": address, "interval": "1h"}})
    gateway.get("/orders/7")
    gateway.apply(metrics={})

    assert any(line.startswith(b"gateway.requests:1|c") for line in lines(taking))
    gateway.get("/orders/7")
    gateway.advance(5)
    assert lines(taking) == set()
    assert not gateway.gateway.foundation.metrics.counter(statsd.DROPPED).cells
    taking.close()
