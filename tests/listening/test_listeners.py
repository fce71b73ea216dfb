"""Ports come and go whole: all of a change, or nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed

from gateway.listening.endpoints import ListenFailed, Listening
from gateway.listening.listeners import Entry, Listeners
from gateway.transport.port import ConnectionLimit


class Port:
    """An open port that remembers."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.open = True
        self.read = self.renewed = 0
        self.leaving = False
        self.broken = False

    def describe(self) -> str:
        return self.endpoint

    def leave(self, leaving: bool) -> None:
        self.leaving = leaving

    def read_again(self) -> list[Callable[[], None]]:
        if self.broken:
            raise ListenFailed(self.endpoint, "no certificate")
        self.read += 1
        return [self.renew]

    def renew(self) -> None:
        self.renewed += 1

    async def stop_accepting(self) -> None:
        self.open = False


class Ports:
    """Opens ports, but for those in use elsewhere."""

    def __init__(self) -> None:
        self.made: list[Port] = []
        self.taken: set[str] = set()
        self.leaving: list[list[str]] = []

    def factory_of(self, entry: Entry) -> Any:
        return f"makes connections of {entry.endpoint}"

    def __call__(self, reactor: Any, endpoint: str, factory: Any, limit: ConnectionLimit) -> Deferred[Listening]:
        assert factory == self.factory_of(Entry(endpoint))
        self.leaving.append([port.endpoint for port in self.made if port.leaving])
        if endpoint in self.taken:
            return fail(ListenFailed(endpoint, "address already in use"))
        self.made.append(Port(endpoint))
        return succeed(cast("Listening", self.made[-1]))

    def open(self) -> list[str]:
        return [port.endpoint for port in self.made if port.open]


@pytest.fixture
def ports() -> Ports:
    """None open."""
    return Ports()


@pytest.fixture
def listeners(ports: Ports) -> Listeners:
    """With these ports."""
    return Listeners(None, ports.factory_of, ConnectionLimit(), ports)


def change(listeners: Listeners, *endpoints: str) -> None:
    """Open and close what it takes."""
    change_to(listeners, *map(Entry, endpoints))


def change_to(listeners: Listeners, *entries: Entry) -> None:
    """Open and close what it takes."""

    async def apply() -> None:
        await listeners.commit(entries, await listeners.prepare(entries))

    failures: list[Any] = []
    ensureDeferred(apply()).addErrback(failures.append)
    if failures:
        failures[0].raiseException()


def test_ports_are_opened_kept_and_closed(listeners: Listeners, ports: Ports) -> None:
    """By their strings: what is in both configurations is not touched."""
    change(listeners, "tcp:1", "tcp:2")
    change(listeners, "tcp:2", "tcp:3")

    assert ports.open() == ["tcp:2", "tcp:3"]
    assert [port.endpoint for port in ports.made] == ["tcp:1", "tcp:2", "tcp:3"]
    assert [listening.describe() for listening in listeners.open] == ["tcp:2", "tcp:3"]


def test_the_same_twice_is_one(listeners: Listeners, ports: Ports) -> None:
    """A port can be bound once."""
    change(listeners, "tcp:1", "tcp:1")

    assert ports.open() == ["tcp:1"]


def test_what_begins_otherwise_is_another_port(listeners: Listeners, ports: Ports) -> None:
    """Connections of the port that was are read as before; the new one is opened while the old one is about to go."""
    change_to(listeners, Entry("tcp:1"))
    change_to(listeners, Entry("tcp:1", introduced=True))

    assert [port.open for port in ports.made] == [False, True]
    assert ports.leaving == [[], ["tcp:1"]]


def test_one_that_cannot_be_opened_opens_none(listeners: Listeners, ports: Ports) -> None:
    """What was open stays."""
    change(listeners, "tcp:1")
    ports.taken.add("tcp:3")
    with pytest.raises(ListenFailed, match="tcp:3"):
        change(listeners, "tcp:2", "tcp:3", "tcp:4")

    assert ports.open() == ["tcp:1"]
    assert [listening.describe() for listening in listeners.open] == ["tcp:1"]


@pytest.mark.parametrize("taken", [set(), {"tcp:3"}])
def test_a_port_that_is_to_go_is_known_while_others_are_opened(
    listeners: Listeners, ports: Ports, taken: set[str]
) -> None:
    """And no longer: it may be needed again."""
    change(listeners, "tcp:1", "tcp:2")
    ports.taken = taken
    with suppress(ListenFailed):
        change(listeners, "tcp:2", "tcp:3")

    assert ports.leaving == [[], [], ["tcp:1"]]
    assert not any(port.leaving for port in ports.made)


def test_what_was_prepared_may_be_abandoned(listeners: Listeners, ports: Ports) -> None:
    """Another part of the configuration could not be used."""

    async def prepare_and_abandon() -> None:
        listeners.abandon(await listeners.prepare([Entry("tcp:1")]))

    ensureDeferred(prepare_and_abandon())

    assert ports.open() == []
    assert listeners.open == []


def test_certificates_are_read_again_everywhere(listeners: Listeners, ports: Ports) -> None:
    """Each port has its own; they count when they are put into force."""
    change(listeners, "ssl:1", "ssl:2")
    renew = listeners.read_certificates()
    assert [(port.read, port.renewed) for port in ports.made] == [(1, 0), (1, 0)]

    renew()

    assert [(port.read, port.renewed) for port in ports.made] == [(1, 1), (1, 1)]


def test_a_certificate_that_cannot_be_used_renews_none(listeners: Listeners, ports: Ports) -> None:
    """Not even those that were read before it."""
    change(listeners, "ssl:1", "ssl:2")
    ports.made[1].broken = True
    with pytest.raises(ListenFailed, match="ssl:2"):
        listeners.read_certificates()

    assert [port.renewed for port in ports.made] == [0, 0]


def test_all_stop_accepting(listeners: Listeners, ports: Ports) -> None:
    """And are open no more."""
    change(listeners, "tcp:1", "tcp:2")
    ensureDeferred(listeners.stop_accepting())

    assert ports.open() == []
    assert listeners.open == []
