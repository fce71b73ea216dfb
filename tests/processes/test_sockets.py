"""The sockets of a parent and what its workers get of them, on a private reactor."""

# mypy: allow-untyped-calls
# (Twisted's reactors carry few types.)

from __future__ import annotations

import socket
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.composition.configured import Configured
from gateway.config import Settings
from gateway.listening.endpoints import ListenFailed
from gateway.processes.sockets import Sockets
from gateway.transport.inherited import Inherited
from tests.system.ports import free_port
from tests.system.private_reactor import PrivateReactor, private_reactor


@pytest.fixture
def reactor() -> Iterator[PrivateReactor]:
    """A reactor of the test's own."""
    with private_reactor() as made:
        yield made


def settings(*endpoints: str, admin: str) -> Settings:
    """A configuration with these ports."""
    listeners = [{"endpoint": endpoint} for endpoint in endpoints]
    said = {"listeners": listeners, "admin": {"endpoint": admin}, "routes": []}
    return Configured(said, {}, lambda: None).settings


def done(reactor: PrivateReactor, waiting: Coroutine[Deferred[Any], Any, Any]) -> Any:
    """Wait for a coroutine."""
    found: list[Any] = []
    Deferred.fromCoroutine(waiting).addBoth(found.append)
    reactor.until(lambda: found)
    if isinstance(found[0], Failure):
        found[0].raiseException()
    return found[0]


def test_each_worker_has_queues_of_its_own_and_shares_the_rest(reactor: PrivateReactor, tmp_path: Path) -> None:
    """A socket file has one queue, and so has the admin port: whoever is awake answers there."""
    first, admin = f"tcp:{free_port()}:interface=127.0.0.1", f"tcp:{free_port()}:interface=127.0.0.1"
    said = settings(first, f"unix:{tmp_path}/s", admin=admin)
    sockets = Sockets(reactor, 2, Inherited())
    done(reactor, sockets.open(said))

    shares = [sockets.share(index) for index in range(2)]

    own = [share.sockets[0].descriptor for share in shares]
    assert own[0] != own[1]
    assert shares[0].sockets[1:] == shares[1].sockets[1:]
    assert len(shares[0].sockets) == 3
    admin_port = int(admin.split(":")[1])
    assert set(shares[0].shared) == {(f"{tmp_path}/s", 0), ("127.0.0.1", admin_port)}
    assert len(sockets.sockets()) == 4
    assert sockets.admin_address == f"tcp 127.0.0.1:{admin_port}"
    assert len(sockets.addresses) == 2
    done(reactor, sockets.close())
    assert not (tmp_path / "s").exists()


def test_a_change_opens_what_is_new_and_closes_what_is_gone_or_neither(reactor: PrivateReactor) -> None:
    """Workers are given what is new only."""
    ports = [free_port() for _ in range(3)]
    first, second, admin = (f"tcp:{port}:interface=127.0.0.1" for port in ports)
    before, after = settings(first, admin=admin), settings(second, admin=admin)
    sockets = Sockets(reactor, 2, Inherited())
    done(reactor, sockets.open(before))

    fresh = done(reactor, sockets.prepare(after))
    assert [given.port for given in sockets.share(0, fresh).sockets] == [ports[1]]
    sockets.abandon(fresh)
    reactor.turns()
    assert [given.port for given in sockets.share(0).sockets] == [ports[0], ports[2]]

    done(reactor, sockets.commit(after, done(reactor, sockets.prepare(after))))
    assert [given.port for given in sockets.share(0).sockets] == [ports[1], ports[2]]
    done(reactor, sockets.close())


def test_a_port_that_is_taken_leaves_all_as_it_was(reactor: PrivateReactor) -> None:
    """Nothing that was opened for the change stays open."""
    admin = f"tcp:{free_port()}:interface=127.0.0.1"
    free = free_port()
    sockets = Sockets(reactor, 2, Inherited())
    done(reactor, sockets.open(settings(admin=admin)))

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = settings(f"tcp:{free}:interface=127.0.0.1", f"tcp:{port}:interface=127.0.0.1", admin=admin)
        with pytest.raises(ListenFailed, match=str(port)):
            done(reactor, sockets.prepare(wanted))
    reactor.turns()

    with socket.create_server(("127.0.0.1", free)):
        pass
    assert len(sockets.sockets()) == 1
    sockets.hand_over()
    assert sockets.handed_over
    sockets.take_over()
    done(reactor, sockets.stop_accepting())
    done(reactor, sockets.close())
