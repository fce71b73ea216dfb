"""Listening UNIX sockets: what is left of a crash is replaced, a living one is not, and a reload loses no client.

Made by `gateway.listening.endpoints`.

# Note [The file of a socket]
It belongs to the port that has bound it, and goes with that: only where it is still the same file, since another
process may have put its own there. A file that is there already is stale where nobody listens at it; Twisted's lock
file is not asked, nor made: it has a process id, which after a crash may be another process's (in a container it is
always the same), and then the port could never be opened again. What systemd hands over is systemd's: neither its mode
nor its file is touched.

A reload that changes the mode, say, opens a second port at the same path while the first is open. The second has the
first one's socket, and takes the file over, with its own mode, when the first is closed; a change that is given up
leaves all as it was.

What it uses of Twisted's private parts is in `tests/transport/test_private_parts.py`.
"""

# mypy: allow-untyped-calls
# (Twisted's own methods, called through super(), carry no types.)

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp, unix
from twisted.internet.address import UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure

from gateway.transport.direct import DirectServer
from gateway.transport.port import Held, Patient

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocolFactory

_DONE = Failure(CONNECTION_DONE)

Identity = tuple[int, int]
"""Device and number of a file."""


class _Listening(socket.socket):
    """A listening socket whose clients have no names.

    A client may bind its own end to a path. Nobody asks for that, and Twisted takes a path of four letters for an
    address of IPv6, which has four parts: it fails, and the client is not served.
    """

    def accept(self) -> tuple[socket.socket, str]:
        """Accept; see `socket.socket.accept`."""
        accepted, _ = super().accept()
        return accepted, ""


class HeldUnixServer(Held, DirectServer):
    """An accepted connection on a UNIX socket."""

    def __init__(self, sock: socket.socket, protocol: Any, client: Any, server: Any, number: int, reactor: Any) -> None:
        super().__init__(sock, protocol, (client, None), server, number, reactor)

    def getHost(self) -> UNIXAddress:
        """Return the address of the port."""
        return UNIXAddress(self.socket.getsockname())

    def getPeer(self) -> UNIXAddress:
        """Return the address of the client: it has none."""
        return UNIXAddress(None)

    def getTcpNoDelay(self) -> bool:  # noqa: N802  # Twisted's name
        """Nothing is delayed here."""
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing is delayed here: `twisted.web` asks for that."""


class GatewayUnixPort(Patient, unix.Port):
    """A port at a UNIX socket; Note [The file of a socket].

    Attributes:
        leaving: It is about to be closed: another port at the same path may have its socket.
        heir_of_a_process: Its socket was bound by another process, which lets go of the file when this one serves.
        by_systemd: The descriptor under which systemd has handed its socket over; None for one of ours.
    """

    transport = HeldUnixServer  # type: ignore[assignment]  # made with the same arguments
    leaving = False
    heir_of_a_process = False
    by_systemd: int | None = None

    _owns: Identity | None = None
    _heir: GatewayUnixPort | None = None

    @classmethod
    def adopt(cls, reactor: Any, descriptor: int, factory: IProtocolFactory) -> GatewayUnixPort:
        """Make a port of a listening UNIX socket: a duplicate of the descriptor, which stays its owner's."""
        port: GatewayUnixPort = cls._fromListeningDescriptor(reactor, descriptor, factory)
        return port

    @property
    def _path(self) -> Path:
        return Path(os.fsdecode(self._bindPath))

    def is_at(self, path: Path) -> bool:
        """Whether the file of this port is what stands at a path."""
        return self._owns is not None and _identity(path) == self._owns

    def successor(self, factory: IProtocolFactory, mode: int) -> GatewayUnixPort:
        """Make a port on the same socket, so that nobody who connects meanwhile is turned away.

        Args:
            factory: The site.
            mode: Of the file, once this port is closed.
        """
        self.leaving = False
        self._shouldShutdown = False  # shutting the socket down would end the successor's listening too
        self._heir = heir = self.adopt(self.reactor, self.fileno(), factory)
        heir.mode = mode
        return heir

    def inherit(self, file: Identity) -> None:
        """Have the file from now on: the port before this one is closed."""
        self._owns = file
        self._path.chmod(self.mode)

    def let_go(self) -> None:
        """Leave socket and file to another process."""
        self._shouldShutdown = False
        self._owns = None

    def take_over(self) -> None:
        """Have the file that another process has let go of."""
        found = _identity(self._path)
        if self.heir_of_a_process and found is not None:
            self.heir_of_a_process = False
            with contextlib.suppress(OSError):  # bound with rights that are given up by now: it has that process' mode
                self.inherit(found)

    def startListening(self) -> None:
        """Listen."""
        tcp._reservedFD.reserve()  # noqa: SLF001  # as Twisted's ports do: with it one can be turned away when none is left
        skt, self._preexistingSocket = self._preexistingSocket, None
        if skt is not None:
            self._shouldShutdown = False  # it may be another port's too
            skt = _Listening(skt.family, skt.type, skt.proto, skt.detach())
        else:
            try:
                skt = _bound(self._path, self.mode)
            except OSError as error:
                raise CannotListenError(None, self._bindPath, error) from error
            self._owns = _identity(self._path)
        factory: Any = self.factory
        factory.doStart()
        skt.listen(self.backlog)
        self.connected = True
        self.socket = skt
        self.fileno = skt.fileno  # type: ignore[method-assign]
        self.numberAccepts = 100
        self.startReading()

    def loseConnection(self, connDone: Any = _DONE) -> Any:  # noqa: N803  # Twisted's name
        """Close a turn of the reactor later; the file goes now, since a process that ends may have no further turn."""
        self._leave_file()
        return super().loseConnection(connDone)

    stopListening = loseConnection

    def connectionLost(self, reason: Failure) -> None:
        """Close."""
        self._leave_file()
        tcp.Port.connectionLost(self, reason)

    def _leave_file(self) -> None:
        """Hand the file to the successor, or remove it."""
        owned, self._owns = self._owns, None
        heir, path = self._heir, self._path
        if owned is not None and _identity(path) == owned:
            # The file may be in a directory that is not ours any more.
            with contextlib.suppress(OSError):
                if heir is not None and heir.connected:
                    heir.inherit(owned)
                else:
                    path.unlink()


def _bound(path: Path, mode: int) -> socket.socket:
    """Make a socket at a path; nobody can connect to it before it has the mode, since it does not listen yet."""
    skt = _Listening(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        skt.setblocking(False)
        try:
            skt.bind(bytes(path))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale(path):
                raise
            path.unlink()
            skt.bind(bytes(path))
        path.chmod(mode)
    except BaseException:
        skt.close()
        raise
    return skt


def _is_stale(path: Path) -> bool:
    """Whether a path is that of a socket at which nobody listens."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.setblocking(False)
        # Who listens and has no room says EAGAIN, a socket of another kind EPROTOTYPE.
        return caller.connect_ex(bytes(path)) == errno.ECONNREFUSED


def _identity(path: Path) -> Identity | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
