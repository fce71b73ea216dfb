"""What we use of Twisted that Twisted does not promise: each part in one module, with what is relied on.

A part that is used elsewhere, or is not used any more, fails here. When a new
release of Twisted comes out, this file and `tests/system/test_transport.py`
say whether the upper bound in setup.cfg can be raised.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import select
import socket
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import Protocol
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.web.client import HTTPConnectionPool
from twisted.web.http import HTTPChannel

import gateway
from tests.system.private_reactor import private_reactor

USED = {
    # The target of a request whose content is still to come: its `Request` has it when all has come.
    "gateway.admin.service": {"_path"},
    # A connection that comes back to a pool after this was closed: the pool has no public way to refuse it.
    "gateway.dialling.fetching": {"_putConnection"},
    # Straight from epoll to `doRead`: there is no public way in.
    "gateway.transport.loop": {"_poller", "_selectables", "_doReadOrWrite", "_disconnectSelectable"},
    # A port on a socket that listens already: the public `adoptStreamPort` makes ports of Twisted's own class.
    "gateway.transport.port": {"_fromListeningDescriptor", "_logger", "_preexistingSocket", "_shouldShutdown", "_type"},
    # The same at a UNIX socket, whose file is ours to keep.
    "gateway.transport.unix_port": {
        "_bindPath",
        "_fromListeningDescriptor",
        "_preexistingSocket",
        "_reservedFD",
        "_shouldShutdown",
    },
    # Twisted's log file, written to its end: there is no public way to say how it is opened.
    "gateway.telemetry.twistd_log": {"_file", "_openFile"},
    # Several records in one system call: `write` is public, what it calls for each piece is not.
    "gateway.transport.tls": {
        "_write",
        "_tlsConnection",
        "_lostTLSConnection",
        "_bufferedWrite",
        "_tlsShutdownFinished",
        # An abort without `close_notify`; what OpenSSL says by itself, counted.
        "_aborted",
        "_flushSendBIO",
        "_handshakeDone",
    },
    # Writing at once: the state of the queue is in attributes that only the class itself was meant to read.
    "gateway.transport.direct": {
        "_aborting",
        "_connectDone",
        "_finishInit",
        "_isSendBufferFull",
        "_maybePauseProducer",
        "_tempDataBuffer",
        "_tempDataLen",
        "_writeDisconnected",
        "_writeDisconnecting",
    },
    # A client connection of our class.
    "gateway.dialling.dialer": {"_makeTransport"},
}
"""Private names of Twisted by the module of ours that uses them."""


def private(source: str) -> set[str]:
    """Private names that a piece of source reads, sets or defines on objects."""
    found = set()
    for node in ast.walk(ast.parse(textwrap.dedent(source))):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            targets = [
                target
                for each in node.body
                for target in (
                    each.targets
                    if isinstance(each, ast.Assign)
                    else [each.target]
                    if isinstance(each, ast.AnnAssign)
                    else []
                )
            ]
            found.update(target.id for target in targets if isinstance(target, ast.Name))
    return {name for name in found if name.startswith("_") and not name.startswith("__")}


def classes() -> Iterator[type]:
    """Every class of the package."""
    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        for value in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(value) and value.__module__ == module.name:
                yield value


def inherited() -> dict[str, set[str]]:
    """Private names of Twisted's classes in our subclasses of them, by our module."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in classes():
        theirs = {
            name
            for base in each.__mro__
            if base.__module__.startswith("twisted.")
            for name in private(inspect.getsource(base))
        }
        for base in each.__mro__ if theirs else ():
            if base.__module__.startswith("gateway."):
                found[base.__module__] |= private(inspect.getsource(base)) & theirs
    return {module: names for module, names in found.items() if names}


def test_each_is_used_in_one_module() -> None:
    """Those on `self` are found here; those of other objects by ruff (SLF001), from which three are excepted."""
    known = {module: names for module, names in USED.items() if module != "gateway.transport.loop"}

    assert inherited() == known
    assert (
        private(inspect.getsource(importlib.import_module("gateway.transport.loop"))) == USED["gateway.transport.loop"]
    )


def test_one_private_module_is_imported() -> None:
    """For the errors of an answer, which `twisted.web.client` does not name; a reason of its own in each place."""
    imported = {
        node.module
        for path in Path(gateway.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and re.match(r"twisted\..*\b_", node.module)
    }

    assert imported <= {"twisted.web._newclient"}


def test_the_admin_port_relies_on_the_target_of_the_channel() -> None:
    """It is there when the fields have come, before the request is told that all has come."""
    assert "self._path = " in inspect.getsource(HTTPChannel.lineReceived)
    assert "self._path" in inspect.getsource(HTTPChannel.allContentReceived)


def test_a_fetcher_relies_on_who_puts_connections_back() -> None:
    """Each connection comes back by one call."""
    assert list(inspect.signature(HTTPConnectionPool._putConnection).parameters) == ["self", "key", "connection"]
    assert "self._putConnection(key, protocol)" in inspect.getsource(HTTPConnectionPool._newConnection)


def test_the_loop_relies_on_the_reactor_s_four_parts() -> None:
    """`poll(seconds, most)` gives descriptors and events; the main loop calls what `doIteration` is at that turn."""
    assert list(inspect.signature(EPollReactor._doReadOrWrite).parameters) == ["self", "selectable", "fd", "event"]
    assert list(inspect.signature(EPollReactor._disconnectSelectable).parameters)[:4] == [
        "self",
        "selectable",
        "why",
        "isRead",
    ]
    assert "self.doIteration(t)" in inspect.getsource(EPollReactor.mainLoop)
    read: list[bytes] = []
    with private_reactor() as reactor:
        near, far = socket.socketpair()
        with near, far:

            class Readable:
                """Something that is watched."""

                fileno = staticmethod(near.fileno)

                @staticmethod
                def doRead() -> None:
                    """Take what has come."""
                    read.append(near.recv(9))

            watched: Any = Readable()
            reactor.addReader(watched)
            far.send(b"x")

            assert reactor._selectables[near.fileno()] is watched
            assert (near.fileno(), select.EPOLLIN) in reactor._poller.poll(1, 9)
            reactor._doReadOrWrite(watched, near.fileno(), select.EPOLLIN)
            reactor.removeReader(watched)
    assert read == [b"x"]


def test_a_port_relies_on_making_one_of_its_own_class_from_a_descriptor() -> None:
    """With the descriptor duplicated, and nothing shut down for others where that is said."""
    tcp_port, unix_port = tcp.Port._fromListeningDescriptor, unix.Port._fromListeningDescriptor
    assert list(inspect.signature(tcp_port).parameters) == ["reactor", "fd", "addressFamily", "factory"]
    assert list(inspect.signature(unix_port).parameters) == ["reactor", "fd", "factory"]
    assert tcp.Port._preexistingSocket is None
    assert tcp.Port._shouldShutdown is True
    assert tcp.Port._type == "TCP"

    class Ours(tcp.Port):
        """Any subclass."""

    with private_reactor() as reactor, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        made: Any = Ours._fromListeningDescriptor(reactor, listening.fileno(), socket.AF_INET, None)

        assert made.__class__ is Ours
        duplicate: socket.socket = made._preexistingSocket  # type: ignore[assignment]  # the class says Optional
        with duplicate:
            assert duplicate.fileno() != listening.fileno()
            assert duplicate.getsockname() == listening.getsockname()


def test_tls_relies_on_the_four_parts_of_a_write() -> None:
    """`_write` is handed what may be sent, and itself asks and calls what ours does in its place."""
    assert list(inspect.signature(TLSMemoryBIOProtocol._write).parameters) == ["self", "bytes"]
    body = inspect.getsource(TLSMemoryBIOProtocol._write)
    for part in (
        "self._lostTLSConnection",
        "self._tlsConnection.send(",
        "self._bufferedWrite(",
        "self._tlsShutdownFinished(",
    ):
        assert part in body
    assert "except WantReadError" in body
    assert TLSMemoryBIOProtocol._lostTLSConnection is False


def test_an_abort_by_tls_relies_on_two_flags() -> None:
    """Twisted's own sets them, says goodbye and aborts the transport; ours says nothing. Who writes calls `_write`."""
    assert "self._aborted = True\n        self.disconnecting = True\n" in inspect.getsource(
        TLSMemoryBIOProtocol.abortConnection
    )
    assert "self._flushSendBIO()" in inspect.getsource(TLSMemoryBIOProtocol._flushReceiveBIO)
    assert "self.transport.write(" in inspect.getsource(TLSMemoryBIOProtocol._flushSendBIO)
    assert "self._handshakeDone = True" in inspect.getsource(TLSMemoryBIOProtocol._checkHandshakeStatus)


def test_writing_at_once_relies_on_the_state_of_the_queue() -> None:
    """What waits is `dataBuffer` from `offset`, then `_tempDataBuffer` of `_tempDataLen` bytes; flags end writing."""
    near, far = socket.socketpair()
    with near, far, private_reactor() as reactor:
        waiting: Any = tcp.Connection(near, Protocol(), reactor)

        assert (waiting.dataBuffer, waiting.offset, waiting._tempDataBuffer, waiting._tempDataLen) == (b"", 0, [], 0)
        flags = [waiting._writeDisconnecting, waiting._writeDisconnected, waiting._aborting, waiting.TLS]
        assert flags == [False, False, False, False]
        waiting.connected = True
        waiting.write(b"one")
        assert (waiting.dataBuffer, waiting._tempDataBuffer, waiting._tempDataLen) == (b"", [b"one"], 3)
    assert "self._isSendBufferFull()" in inspect.getsource(tcp.Connection._maybePauseProducer)


def test_a_client_relies_on_two_calls() -> None:
    """The connector makes the transport, and the transport says once that it is connected."""
    assert "self._makeTransport()" in inspect.getsource(tcp.Connector.connect)
    assert "self._connectDone()" in inspect.getsource(tcp.BaseClient.doConnect)
