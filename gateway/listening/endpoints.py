"""From an endpoint string to an open port, or one line that says why not.

Used by the listeners' service and by the admin listener. Any Twisted server
endpoint works; what it opens are our ports (`gateway.transport.port`), because
the endpoint is given a reactor that makes them.
"""

# mypy: allow-untyped-calls
# (Ports are made from sockets by Twisted's own untyped constructors.)

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL, crypto
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from zope.interface import directlyProvides, providedBy

from gateway.config.endpoint_strings import KINDS
from gateway.config.problems import NotPossible, suggestion
from gateway.config.texts import without_credentials
from gateway.listening.certificate_error import CertificateError
from gateway.listening.client_lists import ClientLists
from gateway.listening.introduced import Introduced
from gateway.listening.lent_certificates import readable
from gateway.transport.inherited import SYSTEMD, Given, Inherited
from gateway.transport.port import BACKLOG, TWISTED_BACKLOG, ConnectionLimit, GatewayPort
from gateway.transport.unix_port import GatewayUnixPort

if TYPE_CHECKING:
    from gateway.listening.certificates import CertificateStore
    from gateway.listening.single_certificate import SingleCertificate

_UNKNOWN_KIND = re.compile("Unknown endpoint type: '([^']*)'")

HTTP11 = (b"http/1.1",)


class ListenFailed(NotPossible):
    """A listener cannot be opened: `cannot listen on tcp:80: permission denied`."""

    def __init__(self, endpoint: str, words: str) -> None:
        super().__init__(f"cannot listen on {without_credentials(endpoint)}: {words}")
        self.endpoint = endpoint
        self.words = words


class ListeningReactor:
    """A reactor whose server ports are ours; everything else is the reactor's own.

    Attributes:
        description: The endpoint string that is opened.
        alpn: Protocols that TLS listeners offer.
        client_lists: Which certificates of clients are revoked, as the configuration has it; None where nobody says.
        certificate_stores: Those that endpoints made.
        introduced: What its connections begin with, before TLS; None where they begin at once.
    """

    introduced: Introduced | None = None

    def __init__(
        self,
        reactor: Any,
        description: str,
        limit: ConnectionLimit,
        alpn: Sequence[bytes],
        client_lists: ClientLists | None = None,
        inherited: Inherited | None = None,
    ) -> None:
        self._reactor = reactor
        self._inherited = inherited or Inherited()
        self._limit = limit
        self.description = description
        self.alpn = tuple(alpn)
        self.client_lists = client_lists
        self.certificate_stores: list[CertificateStore | SingleCertificate] = []
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: Any, factory: IProtocolFactory, backlog: int = TWISTED_BACKLOG, interface: str = ""
    ) -> IListeningPort:
        """Listen; see `IReactorTCP.listenTCP`."""
        # Twisted's default cannot be told from the same number in the string; nobody writes that number on purpose.
        queue = BACKLOG if backlog == TWISTED_BACKLOG else backlog
        opened_for = interface, port
        first, *beside = self._opened(opened_for, factory, queue)
        first.beside = tuple(beside)
        for each in (first, *beside):
            each.opened_for = opened_for
            if self._inherited.is_shared(*opened_for):
                each.at_once = 1
        return first

    def _opened(self, opened_for: tuple[str, int], factory: IProtocolFactory, queue: int) -> list[GatewayPort]:
        """Open a place: on the sockets that there are for it, on those of a port that goes, or on a new one."""
        interface, port = opened_for
        handed = self._inherited.take_all(interface, port)
        if handed:
            return [self._adopted(given, factory, queue) for given in handed]
        fresh = GatewayPort(port, factory, queue, interface, self._reactor)
        try:
            self._start(fresh)
        except CannotListenError:
            before = self._leaving(port, interface)
            if before is None:
                raise
            return [self._started(each.successor(factory), queue) for each in (before, *before.beside)]
        return [fresh]

    def _adopted(self, given: Given, factory: IProtocolFactory, queue: int) -> GatewayPort:
        adopted = GatewayPort.adopt(self._reactor, given.descriptor, given.family, factory)
        os.close(given.descriptor)  # the port has a duplicate
        return self._started(adopted, queue)

    def _started(self, port: GatewayPort, queue: int) -> GatewayPort:
        """Start a port on a socket that listens already, which may have had another queue."""
        self._start(port)
        port.backlog = queue
        port.socket.listen(queue)
        return port

    def _leaving(self, port: Any, interface: str) -> GatewayPort | None:
        """Find a port of ours at this address that is about to be closed."""
        address = (interface or "0.0.0.0", port)  # nosec B104 - as `getsockname` has it
        for reader in self._ports():
            if isinstance(reader, GatewayPort) and reader.leaving and reader.limit is self._limit:
                host: Any = reader.getHost()
                if (host.host, host.port) == address:
                    return reader
        return None

    def _ports(self) -> Iterable[Any]:
        """Return the ports that are open, among others."""
        return self._reactor.getReaders()  # type: ignore[no-any-return]

    def listenSSL(
        self,
        port: Any,
        factory: IProtocolFactory,
        contextFactory: Any,  # noqa: N803  # the interface's
        backlog: int = TWISTED_BACKLOG,
        interface: str = "",
    ) -> IListeningPort:
        """Listen for TLS; see `IReactorSSL.listenSSL`."""
        from gateway.listening.single_certificate import SingleCertificate  # TLS is loaded with the first port for it
        from gateway.transport.tls import over_tls

        certificate = SingleCertificate(self.description, contextFactory, self.alpn)
        # Other endpoints that listen for TLS (a plugin's) read their files in ways of their own.
        if self.description.startswith("ssl:"):
            self.certificate_stores.append(certificate)
        listening: Any = self.listenTCP(
            port, over_tls(certificate, factory, self._reactor, client=False), backlog, interface
        )
        listening.called("TLS")
        return listening  # type: ignore[no-any-return]  # a GatewayPort

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = TWISTED_BACKLOG,
        mode: int = 0o666,
        wantPID: bool = False,  # noqa: N803  # the interface's
    ) -> IListeningPort:
        """Listen on a path, without a lock file; see `IReactorUNIX.listenUNIX`, and Note [The file of a socket]."""
        queue = BACKLOG if backlog == TWISTED_BACKLOG else backlog
        given = self._inherited.take(os.fsdecode(address))
        if given is not None:
            port = GatewayUnixPort.adopt(self._reactor, given.descriptor, factory)
            os.close(given.descriptor)  # the port has a duplicate
            port.backlog, port.mode, port.heir_of_a_process = queue, mode, True
            if self._inherited.is_shared(given.where):
                port.at_once = 1
            return self._start(port)
        for reader in self._ports():
            if isinstance(reader, GatewayUnixPort) and reader.leaving and reader.is_at(Path(os.fsdecode(address))):
                port = reader.successor(factory, mode)
                port.backlog = queue
                return self._start(port)
        return self._start(GatewayUnixPort(os.fsencode(address), factory, queue, mode, self._reactor))

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory) -> IListeningPort:  # noqa: N803
        """Take over a listening socket (systemd); see `IReactorSocket.adoptStreamPort`."""
        if addressFamily == socket.AF_UNIX:
            port: Any = GatewayUnixPort.adopt(self._reactor, fileDescriptor, factory)
            port.by_systemd = fileDescriptor
        else:
            port = GatewayPort.adopt(self._reactor, fileDescriptor, addressFamily, factory)
            port.opened_for = (SYSTEMD, fileDescriptor)
        if self._inherited.is_shared(SYSTEMD, fileDescriptor):
            port.at_once = 1
        return self._start(port)

    def _start(self, port: Any) -> IListeningPort:
        port.limit = self._limit
        if self.introduced is not None:
            port.factory = self.introduced.around(port.factory)
        port.startListening()
        listening: IListeningPort = port
        return listening


class Listening:
    """An open port.

    Attributes:
        endpoint: The string it was opened with.
        port: Twisted's port.
    """

    def __init__(
        self, endpoint: str, port: IListeningPort, stores: Sequence[CertificateStore | SingleCertificate] = ()
    ) -> None:
        self.endpoint = endpoint
        self.port = port
        self._stores = tuple(stores)

    def describe(self) -> str:
        """Give the kind and the actual address, e.g. `ssl 127.0.0.1:8443`, `unix /run/gateway.sock`."""
        kind = self.endpoint.partition(":")[0]
        address: Any = self.port.getHost()
        if isinstance(address, UNIXAddress):
            return f"{kind} {os.fsdecode(address.name or b'')}"
        host = f"[{address.host}]" if ":" in address.host else address.host
        return f"{kind} {host}:{address.port}"

    def certificates(self) -> dict[str, float]:
        """Return when what it shows ends, Unix seconds, by name; of two certificates for one name, the first to end."""
        ends: dict[str, float] = {}
        for name, end in (each for store in self._stores for each in store.shown):
            ends[name] = min(end, ends.get(name, end))
        return ends

    def read_again(self) -> list[Callable[[], None]]:
        """Read certificates again; returns what puts them into force.

        Raises:
            ListenFailed: One cannot be used.
        """
        try:
            return [store.read_again() for store in self._stores]
        except Exception as error:
            raise ListenFailed(self.endpoint, words(error)) from error

    def given(self) -> list[Given]:
        """Describe its sockets for a process that is to have them too; none where no port of ours has one."""
        port = self.port
        if isinstance(port, GatewayPort) and port.opened_for is not None:
            return [Given(each.addressFamily, *port.opened_for, each.fileno()) for each in (port, *port.beside)]
        if isinstance(port, GatewayUnixPort):
            if port.by_systemd is not None:
                return [Given(socket.AF_UNIX, SYSTEMD, port.by_systemd, port.fileno())]
            return [Given(socket.AF_UNIX, os.fsdecode(port.getHost().name or b""), 0, port.fileno())]
        return []

    def let_go(self) -> None:
        """Leave socket and file to another process: closing the port ends neither."""
        if isinstance(self.port, (GatewayPort, GatewayUnixPort)):
            self.port.let_go()

    def take_over(self) -> None:
        """Have the file of a socket that another process has let go of."""
        if isinstance(self.port, GatewayUnixPort):
            self.port.take_over()

    def leave(self, leaving: bool) -> None:
        """Note whether this port is about to be closed; see `GatewayPort.leaving`."""
        if isinstance(self.port, (GatewayPort, GatewayUnixPort)):
            self.port.leaving = leaving

    async def stop_accepting(self) -> None:
        """Close the port; what was accepted goes on."""
        closed = self.port.stopListening()
        if closed is not None:
            await closed


async def open_on(reactor: ListeningReactor, factory: IProtocolFactory) -> Listening:
    """Open the port that a reactor's endpoint string describes; raises `ListenFailed`."""
    description = reactor.description
    if isinstance(factory, Introduced):
        reactor.introduced, factory = factory, factory.inside
    try:
        with readable(description) as named:
            endpoint = serverFromString(reactor, named)
        port = await endpoint.listen(factory)
    except Exception as error:  # whatever a parser, its plugin or the kernel has against the string
        raise ListenFailed(description, words(error)) from error
    return Listening(description, port, reactor.certificate_stores)


def listen(
    reactor: Any,
    description: str,
    factory: IProtocolFactory,
    limit: ConnectionLimit | None = None,
    alpn: Sequence[bytes] = HTTP11,
    lists: ClientLists | None = None,
    inherited: Inherited | None = None,
) -> Deferred[Listening]:
    """Open the port that an endpoint string describes.

    Args:
        reactor: The real one.
        description: Any Twisted server endpoint, e.g. `tcp:8080:interface=127.0.0.1`.
        factory: The site; one that is `Introduced` stays outermost, before TLS.
        limit: Shared by the ports of a gateway: how many connections they hold at once.
        alpn: Protocols offered on TLS, best first.
        lists: Which certificates of clients are revoked; None where nobody says.
        inherited: Sockets that this process was started with.

    Returns:
        The open port; fails with `ListenFailed`.
    """
    return Deferred.fromCoroutine(
        open_on(ListeningReactor(reactor, description, limit or ConnectionLimit(), alpn, lists, inherited), factory)
    )


def words(error: Exception) -> str:
    """Say in one line why a port cannot be opened."""
    if isinstance(error, CannotListenError):
        return _of_system(error.socketError)
    if isinstance(error, CertificateError):
        return str(error)
    if isinstance(error, (SSL.Error, crypto.Error)):
        return f"certificate or key not usable: {_of_openssl(error)}"
    if isinstance(error, OSError):
        reason = _of_system(error)
        return f"cannot read {error.filename}: {reason}" if error.filename else reason
    unknown = _UNKNOWN_KIND.match(str(error))
    if unknown is not None:
        return f"{error}{suggestion(unknown[1], KINDS)}"
    # A TypeError is about the arguments of one of Twisted's functions, whose name tells the operator nothing.
    return re.sub(r"^\S+\(\) ", "", (str(error).splitlines() or [""])[0]) or type(error).__name__


def _of_system(error: Any) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def _of_openssl(error: Exception) -> str:
    queue = error.args[0] if error.args else ()
    if isinstance(queue, (list, tuple)) and queue:
        return str(queue[-1][-1])
    return str(error) or type(error).__name__
