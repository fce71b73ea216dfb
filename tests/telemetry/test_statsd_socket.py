"""Datagrams to real sockets."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gateway.telemetry.statsd_socket import AGAIN, DatagramSocket


class Names(Clock):
    """A reactor that is asked for names."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Deferred[str]] = []

    def resolve(self, name: str) -> Deferred[str]:
        """Answer when the test says so."""
        assert name == "statsd.internal"
        self.asked.append(Deferred())
        return self.asked[-1]


def server(family: int, address: Any) -> socket.socket:
    """Open a socket that takes datagrams."""
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.settimeout(10)
    made.bind(address)
    return made


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_by_udp(family: int, host: str) -> None:
    """In both families."""
    with server(family, (host, 0)) as taking:
        shown = f"[{host}]" if ":" in host else host
        outlet = DatagramSocket(f"{shown}:{taking.getsockname()[1]}", Names())
        assert outlet.send(b"a:1|c")
        assert taking.recv(100) == b"a:1|c"
        outlet.close()
        outlet.close()


def test_by_a_unix_socket(tmp_path: Path) -> None:
    """Where nobody listens the datagram is dropped; who comes later gets those after it."""
    path = str(tmp_path / "s")
    outlet = DatagramSocket(f"unix:{path}", Names())
    assert not outlet.send(b"a:1|c")
    with server(socket.AF_UNIX, path) as taking:
        assert outlet.send(b"a:2|c")
        assert taking.recv(100) == b"a:2|c"
    outlet.close()


def test_a_name_is_looked_up_and_again_after_a_while() -> None:
    """Nothing is sent before it is known; what was known is used on while it is not."""
    names = Names()
    with server(socket.AF_INET, ("127.0.0.1", 0)) as taking:
        outlet = DatagramSocket(f"statsd.internal:{taking.getsockname()[1]}", names)
        assert not outlet.send(b"a:1|c")
        assert not outlet.send(b"a:1|c")
        assert len(names.asked) == 1
        names.asked[0].errback(OSError("no such name"))
        assert not outlet.send(b"a:1|c")
        names.asked[1].callback("127.0.0.1")
        assert outlet.send(b"a:2|c")
        assert len(names.asked) == 2
        names.advance(AGAIN)
        assert outlet.send(b"a:3|c")
        assert len(names.asked) == 3
        names.asked[2].errback(OSError("no such name"))
        assert outlet.send(b"a:4|c")
        assert [taking.recv(100) for _ in range(3)] == [b"a:2|c", b"a:3|c", b"a:4|c"]
        outlet.close()
