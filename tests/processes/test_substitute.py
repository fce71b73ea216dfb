"""A worker accepts at the queues of another: on a private reactor."""

# mypy: allow-untyped-calls
# (Twisted's reactors carry few types.)

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol

from gateway.listening.endpoints import Listening, listen
from gateway.listening.holding import holding
from gateway.processes.substitute import Substitute
from gateway.transport.inherited import Given, Inherited
from gateway.transport.port import ConnectionLimit
from tests.system.ports import free_port
from tests.system.private_reactor import PrivateReactor, private_reactor

CLIENTS = 40


class Greeter(Protocol):
    """Says hello and ends."""

    def connectionMade(self) -> None:
        """Say it."""
        transport: Any = self.transport
        transport.write(b"hello")
        transport.loseConnection()


@pytest.fixture
def reactor() -> Iterator[PrivateReactor]:
    """A reactor of the test's own."""
    with private_reactor() as made:
        yield made


def answered(reactor: PrivateReactor, clients: list[socket.socket]) -> int:
    """How many have had an answer."""
    reactor.turns(3 * CLIENTS)
    count = 0
    for client in clients:
        client.setblocking(False)
        try:
            count += client.recv(10) == b"hello"
        except BlockingIOError:
            continue
    return count


def test_who_waits_at_a_queue_of_another_is_served_until_that_is_there(reactor: PrivateReactor) -> None:
    """And whoever comes after that waits for it: the queue is closed to this worker, and not shut."""
    found: list[Any] = []
    place = f"tcp:{free_port()}:interface=127.0.0.1"
    holding(2, Inherited())(reactor, place, Factory(), ConnectionLimit()).addCallback(found.append)
    parent: Listening = found.pop()
    ours, theirs = parent.given()
    with socket.socket(fileno=os.dup(theirs.descriptor)) as there:
        there.listen(100)  # the other worker, which takes nothing
    factory, limit = Factory.forProtocol(Greeter), ConnectionLimit()
    inherited = Inherited([ours._replace(descriptor=os.dup(ours.descriptor))])
    listen(reactor, place, factory, limit, inherited=inherited).addCallback(found.append)
    worker: Listening = found.pop()
    substitute = Substitute(lambda: [worker])
    address = ("127.0.0.1", worker.port.getHost().port)  # type: ignore[attr-defined]

    clients = [socket.create_connection(address) for _ in range(CLIENTS)]
    alone = answered(reactor, clients)
    assert 0 < alone < CLIENTS

    elsewhere = Given(socket.AF_INET, "127.0.0.1", 1, theirs.descriptor)
    substitute.stand_in(1, [theirs, elsewhere])
    substitute.stand_in(1, [theirs])
    assert alone + answered(reactor, clients) == CLIENTS
    assert limit.held == 0

    substitute.stand_down(1)
    substitute.stand_down(1)
    reactor.turns()
    others = [socket.create_connection(address) for _ in range(CLIENTS)]
    assert 0 < answered(reactor, others) < CLIENTS

    substitute.stand_in(1, [theirs])
    for each in (worker, parent):
        each.port.stopListening()
    reactor.turns()
    assert not reactor.watched()
    for client in (*clients, *others):
        client.close()
