"""Out of descriptors: what Twisted's own `accept` loop says of it becomes one line a minute."""

from __future__ import annotations

import errno
from typing import Any, cast

from twisted.internet import tcp
from twisted.logger import Logger, capturedLogs

from gateway.transport.port import GatewayPort
from gateway.transport.shortage import Sparingly
from gateway.transport.unix_port import GatewayUnixPort


class Listener:
    """A socket that has clients, for whom there is a descriptor only while the reserved one is free."""

    def __init__(self, clients: int, reserve: Reserve | None = None) -> None:
        self.clients = clients
        self.reserve = reserve

    def accept(self) -> tuple[Any, Any]:
        if self.reserve is None:
            raise OSError(errno.ENFILE, "none in the whole system")
        if self.reserve.held:
            raise OSError(errno.EMFILE, "none")
        if not self.clients:
            raise OSError(errno.EAGAIN, "nobody")
        self.clients -= 1
        return self.reserve, ("192.0.2.7", 1)

    def close(self) -> None:
        """Nothing to close."""


class Reserve:
    """The descriptor that Twisted keeps for this."""

    held = True

    def available(self) -> bool:
        return self.held

    def close(self) -> None:
        """A client's socket."""

    def __enter__(self) -> None:
        self.held = False

    def __exit__(self, *_: object) -> None:
        self.held = True


class Ports:
    """Twisted's loop, with our observer."""

    def __init__(self, observer: Sparingly | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.observer = observer or Sparingly(self.events.append)
        self.now = 1000.0

    def turn(self, listener: Listener) -> None:
        """One turn of a port that has clients and no descriptor."""
        log = Logger("twisted", observer=cast("Any", lambda event: self.observer({**event, "log_time": self.now})))
        list(tcp._accept(log, range(10), listener, listener.reserve))


def test_one_line_a_minute_says_how_many() -> None:
    """The first at once; those who came meanwhile are in the next."""
    ports = Ports()
    for clients in (3, 5, 7):
        ports.turn(Listener(clients, Reserve()))
        ports.now += 20
    assert [event["count"] for event in ports.events] == [3]
    ports.turn(Listener(1, Reserve()))

    assert [event["count"] for event in ports.events] == [3, 13]
    assert ports.events[0]["error"] == "EMFILE"


def test_a_shortage_of_the_system_is_said_as_sparingly() -> None:
    """There Twisted closes nobody: the clients wait, and each turn of the loop would be a line."""
    ports = Ports()
    for _ in range(100):
        ports.turn(Listener(1))
        ports.now += 1

    assert [(event["error"], event["count"]) for event in ports.events] == [("ENFILE", 0), ("ENFILE", 0)]


def test_it_is_told_to_all_by_default() -> None:
    """Whoever reads the log of the process reads it."""
    with capturedLogs() as events:
        Ports(Sparingly()).turn(Listener(3, Reserve()))

    assert [(event["event"], event["count"]) for event in events] == [("client.turned_away", 3)]


def test_everything_else_is_passed_on() -> None:
    """What is not about a shortage is nobody's to hold back."""
    ports = Ports()
    ports.observer({"log_format": "something else", "log_time": 1.0})

    assert [event["log_format"] for event in ports.events] == ["something else"]


def test_ports_log_by_it() -> None:
    """Twisted's port takes its observer from a private attribute of its class (`tcp.Port._logger`)."""
    assert isinstance(tcp.Port._logger, Logger)
    for port in (GatewayPort, GatewayUnixPort):
        assert isinstance(port._logger.observer, Sparingly)
