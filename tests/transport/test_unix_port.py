"""The file of a socket: made, replaced, handed on, removed; `tests/system/test_unix_sockets.py` has whole gateways."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol

from gateway.transport.unix_port import GatewayUnixPort
from tests.system.private_reactor import PrivateReactor, private_reactor


@pytest.fixture
def reactor() -> Iterator[PrivateReactor]:
    """One of the test's own."""
    with private_reactor() as reactor:
        yield reactor


@pytest.fixture
def path() -> Iterator[Path]:
    """Where a socket may be; short enough for one."""
    with tempfile.TemporaryDirectory(prefix="gw", dir="/tmp") as made:
        yield Path(made) / "s"


def port(reactor: PrivateReactor, path: Path, mode: int = 0o660) -> GatewayUnixPort:
    """A port that is to be opened."""
    return GatewayUnixPort(bytes(path), Factory.forProtocol(Protocol), 5, mode, reactor)


def opened(reactor: PrivateReactor, path: Path, mode: int = 0o660) -> GatewayUnixPort:
    """A port that is open."""
    made = port(reactor, path, mode)
    made.startListening()
    return made


def close(reactor: PrivateReactor, *ports: Any) -> None:
    """Close ports, and let them."""
    for each in ports:
        reactor.result(each.stopListening())


def listens(path: Path) -> bool:
    """Whether somebody can connect."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def mode_of(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_with_its_mode_and_nothing_beside_it(reactor: PrivateReactor, path: Path) -> None:
    """It goes when the port is told to close, before the port has a turn to do so."""
    made = opened(reactor, path, 0o600)
    assert listens(path)
    assert mode_of(path) == 0o600
    assert os.listdir(path.parent) == ["s"]  # noqa: PTH208  # names

    closing = made.stopListening()

    assert not path.exists()
    reactor.result(closing)


def test_what_nobody_listens_at_is_replaced(reactor: PrivateReactor, path: Path) -> None:
    """As a crash leaves it."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert not listens(path)

    made = opened(reactor, path)

    assert listens(path)
    close(reactor, made)


@pytest.mark.parametrize("kind", ["stream", "datagram", "file", "link", "directory"])
def test_anything_else_stays(reactor: PrivateReactor, path: Path, kind: str) -> None:
    """Somebody's socket, of whatever kind, and what is no socket; a link to a dead socket is no socket either."""
    with socket.socket(socket.AF_UNIX) as stream, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
        if kind == "stream":
            stream.bind(str(path))
            stream.listen()
        elif kind == "datagram":
            datagram.bind(str(path))
        elif kind == "file":
            path.write_text("mine")
        elif kind == "directory":
            path.mkdir()
        else:
            stream.bind(str(path.with_name("dead")))
            path.symlink_to(path.with_name("dead"))
        before = path.lstat()

        with pytest.raises(CannotListenError) as refused:
            port(reactor, path).startListening()

        assert "already in use" in str(refused.value)
        assert path.lstat() == before


def test_a_successor_has_the_socket_and_then_the_file(reactor: PrivateReactor, path: Path) -> None:
    """Its mode counts from the moment that the first is closed."""
    first = opened(reactor, path, 0o660)
    second = first.successor(Factory.forProtocol(Protocol), 0o600)
    second.startListening()
    assert mode_of(path) == 0o660

    close(reactor, first)

    assert listens(path)
    assert mode_of(path) == 0o600
    assert second.is_at(path)
    close(reactor, second)
    assert not path.exists()


def test_a_successor_that_is_given_up_changes_nothing(reactor: PrivateReactor, path: Path) -> None:
    """The first listens on, and its file is its own."""
    first = opened(reactor, path, 0o660)
    second = first.successor(Factory.forProtocol(Protocol), 0o600)
    second.startListening()

    close(reactor, second)

    assert listens(path)
    assert (mode_of(path), first.is_at(path)) == (0o660, True)
    close(reactor, first)
    assert not path.exists()


def test_a_file_that_is_another_s_now_stays(reactor: PrivateReactor, path: Path) -> None:
    """Also where it is a socket again."""
    made = opened(reactor, path)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()

        close(reactor, made)

        assert listens(path)


def test_a_socket_that_is_handed_over_stays_its_owner_s(reactor: PrivateReactor, path: Path) -> None:
    """systemd's: neither its mode nor its file is touched, and it listens on for the next process."""
    with socket.socket(socket.AF_UNIX) as owner:
        owner.bind(str(path))
        path.chmod(0o640)
        owner.listen()
        owner.setblocking(False)
        made = GatewayUnixPort.adopt(reactor, owner.fileno(), Factory.forProtocol(Protocol))
        made.startListening()
        assert mode_of(path) == 0o640

        close(reactor, made)

        assert mode_of(path) == 0o640
        assert listens(path)


@pytest.mark.parametrize("adopted", [False, True])
def test_a_client_s_own_name_makes_no_difference(
    reactor: PrivateReactor, path: Path, monkeypatch: pytest.MonkeyPatch, adopted: bool
) -> None:
    """Twisted takes an address of four parts for one of IPv6, and a name of four letters for four parts."""
    monkeypatch.chdir(path.parent)
    open_ones: list[Any] = []

    class Met(Protocol):
        def connectionMade(self) -> None:
            open_ones.append(self)

    with socket.socket(socket.AF_UNIX) as owner, socket.socket(socket.AF_UNIX) as client:
        made = port(reactor, path)
        if adopted:
            owner.bind(str(path))
            owner.listen()
            owner.setblocking(False)
            made = GatewayUnixPort.adopt(reactor, owner.fileno(), Factory())
        made.factory = Factory.forProtocol(Met)
        made.startListening()
        client.bind("four")
        client.connect(str(path))

        reactor.until(lambda: open_ones)

        assert open_ones[0].transport.getPeer().name is None
        client.close()
        close(reactor, made)
