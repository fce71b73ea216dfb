"""Who makes connections that begin with a PROXY header, and the address of a client of whom it says nothing.

What reads the header is `gateway.listening.introductions`.

Tests: `tests/flow/test_introductions.py::test_the_client_is_whom_the_header_names`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import ServerFactory
from zope.interface import implementer

UNTRUSTED = "untrusted"
"""Why a connection is closed: its peer is not in `trusted_proxies`."""

Wait = Callable[["Introduced", "IAddress | None"], TwistedProtocol]
"""Makes a connection until its header is read."""


@implementer(IAddress)
class Anonymous:
    """In place of the address of a client of whom its proxy says nothing; by Note [Who may introduce] there.

    Attributes:
        host: The proxy's address, empty at a UNIX socket.
    """

    __slots__ = ("host",)

    def __init__(self, host: str) -> None:
        self.host = host


class Reception(Protocol):
    """Who waits for introductions: the site, as `gateway.serving.reception` has it."""

    def admits(self, peer: str) -> bool:
        """Whether a peer, by its address, may introduce clients."""

    def begun(self, connection: Any) -> float:
        """A connection waits for its header: it is watched, and drained; returns when it is out of time."""

    def over(self, connection: Any) -> None:
        """It waits no more."""

    def refused(self, peer: str, cause: str, why: str) -> None:
        """A connection of a peer was closed, or is about to be."""


class Introduced(ServerFactory):
    """Makes connections that begin with a PROXY header.

    Args:
        inside: Makes what follows it.
        reception: Waits for it.
        wait: Makes the connection until it is read: an `Introduction`, loaded where a listener has them.
    """

    noisy = False  # the gateway's own log says where it listens

    def __init__(self, inside: IProtocolFactory, reception: Reception, wait: Wait) -> None:
        self.inside = inside
        self.reception = reception
        self._wait = wait

    def around(self, factory: IProtocolFactory) -> Introduced:
        """Return the same, with what another factory makes: that of TLS around `inside`."""
        return Introduced(factory, self.reception, self._wait)

    def doStart(self) -> None:
        """A port is open; see `IProtocolFactory.doStart`."""
        self.inside.doStart()

    def doStop(self) -> None:
        """It is closed."""
        self.inside.doStop()

    def buildProtocol(self, addr: IAddress | None) -> TwistedProtocol | None:
        """Make what waits for the header; None, for which the port closes the connection, where nobody is admitted."""
        peer = getattr(addr, "host", "")
        if self.reception.admits(peer):
            return self._wait(self, addr)
        self.reception.refused(peer, UNTRUSTED, "it is not in `trusted_proxies`")
        return None
