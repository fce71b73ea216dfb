"""What a parent opens for its workers, on a private reactor: bound, listening, a queue for each, and never read."""

# mypy: allow-untyped-calls
# (Twisted's reactors carry few types.)

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from gateway.listening.endpoints import ListenFailed, Listening, listen
from gateway.listening.holding import holding
from gateway.transport.inherited import Given, Inherited
from gateway.transport.port import ConnectionLimit
from tests.system.ports import free_port
from tests.system.private_reactor import PrivateReactor, private_reactor


@pytest.fixture
def reactor() -> Iterator[PrivateReactor]:
    """A reactor of the test's own."""
    with private_reactor() as made:
        yield made


def held(reactor: Any, queues: int, endpoint: str, inherited: Inherited | None = None) -> Listening:
    """Hold a port."""
    found: list[Any] = []
    opening = holding(queues, inherited or Inherited())(reactor, endpoint, Factory(), ConnectionLimit())
    opening.addBoth(found.append)
    if isinstance(found[0], Failure):
        found[0].raiseException()
    listening: Listening = found[0]
    return listening


def closed(reactor: PrivateReactor, *all_of_them: Listening) -> None:
    """Close ports."""
    for each in all_of_them:
        each.port.stopListening()
    reactor.turns()


def waiting(descriptor: int) -> int:
    """How many connections are in a queue: they are accepted."""
    count = 0
    with socket.socket(fileno=os.dup(descriptor)) as listener:
        listener.setblocking(False)
        while True:
            try:
                listener.accept()[0].close()
            except OSError:  # nobody waits, or it does not listen
                return count
            count += 1


def test_connections_are_shared_out_among_queues_and_wait(reactor: PrivateReactor) -> None:
    """Each worker has some, whichever is awake first; nobody reads them here."""
    listening = held(reactor, 3, "tcp:0:interface=127.0.0.1")
    sockets = listening.given()
    port = listening.port.getHost().port  # type: ignore[attr-defined]
    alone = socket.create_connection(("127.0.0.1", port))
    assert [waiting(given.descriptor) for given in sockets] == [1, 0, 0], "a queue has clients before its worker"
    alone.close()

    for given in sockets:
        with socket.socket(fileno=os.dup(given.descriptor)) as worker:
            worker.listen(100)
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    reactor.turns()
    shares = [waiting(given.descriptor) for given in sockets]

    assert sum(shares) == 60
    assert min(shares) > 3
    assert {(given.where, given.port) for given in sockets} == {("127.0.0.1", 0)}
    for client in clients:
        client.close()
    closed(reactor, listening)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_second_gateway_at_the_same_port_fails(reactor: PrivateReactor) -> None:
    """As it does for gateways of one process."""
    endpoint = f"tcp:{free_port()}:interface=127.0.0.1"
    listening = held(reactor, 2, endpoint)

    with pytest.raises(ListenFailed, match="address already in use"):
        held(reactor, 2, endpoint)

    closed(reactor, listening)


@pytest.mark.parametrize(("before", "after", "there"), [(1, 3, 3), (3, 2, 3), (2, 2, 2)])
def test_sockets_of_another_process_are_kept_and_completed(
    reactor: PrivateReactor, before: int, after: int, there: int
) -> None:
    """None is closed, though there be more of them than workers: somebody may wait in its queue."""
    endpoint = f"tcp:{free_port()}:interface=127.0.0.1"
    old = held(reactor, before, endpoint)
    handed = Inherited(given._replace(descriptor=os.dup(given.descriptor)) for given in old.given())

    new = held(reactor, after, endpoint, handed)

    assert len(new.given()) == there
    old.let_go()
    closed(reactor, old)
    port = new.port.getHost().port  # type: ignore[attr-defined]
    with socket.create_connection(("127.0.0.1", port)):
        closed(reactor, new)


def test_a_worker_accepts_at_all_the_sockets_that_it_is_given(reactor: PrivateReactor) -> None:
    """Its own way in, and those of a worker that there is no more; where others accept too, one a turn."""
    endpoint = f"tcp:{free_port()}:interface=127.0.0.1"
    parent = held(reactor, 2, endpoint)
    handed = [given._replace(descriptor=os.dup(given.descriptor)) for given in parent.given()]
    place = handed[0].where, handed[0].port
    accepted: list[object] = []

    class Site(Factory):
        def buildProtocol(self, addr: object) -> None:
            accepted.append(addr)

    opening = listen(reactor, endpoint, Site(), inherited=Inherited(handed, [place]))
    worker: Any = opening.result
    assert [port.at_once for port in (worker.port, *worker.port.beside)] == [1, 1]
    clients = [socket.create_connection(("127.0.0.1", place[1])) for _ in range(20)]
    reactor.until(lambda: len(accepted) == 20)
    closed(reactor, worker)
    late = socket.create_connection(("127.0.0.1", place[1]), 5)  # the parent holds it still

    for client in (*clients, late):
        client.close()
    closed(reactor, parent)


def test_a_socket_file_is_held_too(reactor: PrivateReactor, tmp_path: Any) -> None:
    """It has one queue, and goes with the port."""
    path = tmp_path / "s"
    listening = held(reactor, 2, f"unix:{path}")

    assert listening.given() == [Given(socket.AF_UNIX, str(path), 0, listening.port.fileno())]  # type: ignore[attr-defined]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    closed(reactor, listening)
    assert not path.exists()
