"""`GatewaySite`: the factory of client connections.

A Twisted `Site` whose protocol is our channel, which hands exchanges to the root of the snapshot's tree. Twisted's own
channel and request buffer bodies, cap little and cost five times what the wire needs. The site's resource, for who asks
it as a Twisted site, is the same tree (`gateway.serving.gateway_tree.GatewayTree`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.web.server import Site

from gateway.http.forwarded import ForwardedRules
from gateway.http1.request_parser import RequestMemo
from gateway.http2.fields import RequestBlocks
from gateway.peer import Forwarding
from gateway.serving.contract import ConnectionOptions, Host, Served, Streaming
from gateway.serving.doors import Door
from gateway.serving.gateway_tree import GatewayTree
from gateway.serving.http1_channel import Http1Channel
from gateway.serving.tree import Root
from gateway.transport.deadlines import Deadlines


def _nobody_counts(flood: str) -> None:
    """There are no metrics."""


class GatewaySite(Site, Host):
    """Makes a channel for each client connection.

    Args:
        root: Renders exchanges.
        options: For connections and exchanges that begin from now on; `apply` replaces them.
        rules: Who is believed about clients, and what backends are told; `apply` replaces them.
        deadlines: Watches the channels.
        now: Monotonic seconds.
        date: Value of the Date field.
        gone: Told of each client, and each subrequest, that is gone: what is kept for it is no use any more.
        random: As `random.random`.
        later: Calls something at the end of the reactor's turn.

    Attributes:
        channels: Open connections.
        asking: What the gateway, or the application around it, asks of backends without a client.
        draining: Every response closes its connection.
        doors: Where connections come in, by the address of the listener; one is there as long as its port, or a
            connection that came by it.
        memo: Request heads that were read before.
        blocks: Those of HTTP/2.
        on_flood: Told which limit of HTTP/2 a client went over.
        http2_connections: How many there were so far.
    """

    def __init__(
        self,
        root: Root[Any],
        options: ConnectionOptions,
        rules: ForwardedRules,
        deadlines: Deadlines,
        now: Callable[[], float],
        date: Callable[[], bytes],
        gone: Callable[[object], None],
        random: Callable[[], float],
        later: Callable[[Callable[[], None]], object],
    ) -> None:
        # The sessions, the log and the form parser of `Site` are never reached: our channel makes none of its requests.
        super().__init__(GatewayTree(self), parsePOSTFormSubmission=False)
        self.root = root
        self.options = options
        self.rules = rules
        self.now = now
        self.date = date
        self.random = random
        self.later = later
        self.channels: dict[Served, None] = {}
        self.asking: dict[Served, None] = {}
        self.doors: WeakValueDictionary[str, Door] = WeakValueDictionary()
        self.draining = False
        self.memo = RequestMemo()
        self.blocks = RequestBlocks()
        self.on_flood: Callable[[str], None] = _nobody_counts
        self.http2_connections = 0
        self._streaming: dict[Served, Streaming] = {}
        self._streams = 0  # of connections that are closed
        self._deadlines = deadlines
        self._gone = gone
        self._drained: Deferred[None] | None = None

    def apply(self, options: ConnectionOptions, rules: ForwardedRules) -> None:
        """Let connections and exchanges that begin from now on go by these."""
        self.options = options
        self.rules = rules
        # Heads were judged by the limits that were in force; what came before whole was routed by the routes that were.
        self.memo.repeats.clear()
        self.memo = RequestMemo(self.memo.repeats)
        self.blocks = RequestBlocks()
        self._tell_doors()

    def _tell_doors(self) -> None:
        for door in self.doors.values():
            door.catch_up()

    def startFactory(self) -> None:
        """Nothing to start: `Site` would begin to write dates and logs every second."""

    def stopFactory(self) -> None:
        """Nothing to stop."""

    def buildProtocol(self, addr: IAddress | None) -> Http1Channel:  # type: ignore[override]  # not Twisted's channel
        """Make the channel for a client."""
        return Http1Channel(self, getattr(addr, "host", ""))

    def forwarding(self, peer: str, secure: bool) -> Forwarding:
        """Prepare what is the same for all exchanges of a connection."""
        return self.rules.for_peer(peer, b"https" if secure else b"http")

    def connected(self, connection: Served) -> None:
        """A connection is open."""
        self.channels[connection] = None
        self._deadlines.watch(connection)

    def disconnected(self, connection: Served) -> None:
        """A connection is closed."""
        self.channels.pop(connection, None)
        self._deadlines.forget(connection)
        self._gone(connection)
        streaming = self._streaming.pop(connection, None)
        if streaming is not None:
            self._streams += streaming.taken
        self._check_drained()

    def speaks_http2(self, connection: Streaming) -> None:
        """A connection that is open is one of HTTP/2."""
        self.http2_connections += 1
        self._streaming[connection] = connection

    def http2_streams(self) -> int:
        """Return how many streams connections of HTTP/2 have had."""
        return self._streams + sum([connection.taken for connection in self._streaming.values()])

    def forget(self, stream: object) -> None:
        """A stream of a connection is over."""
        self._gone(stream)

    def flooded(self, flood: str) -> None:
        """A client went over a limit of HTTP/2."""
        self.on_flood(flood)

    def entered(self, subrequest: Served) -> None:
        """A subrequest has begun (`gateway.forwarding.subrequest.Keeper`): it is waited for like a connection."""
        self.asking[subrequest] = None
        self._deadlines.watch(subrequest)

    def left(self, subrequest: Served) -> None:
        """It is over."""
        self.asking.pop(subrequest, None)
        self._deadlines.forget(subrequest)
        self._gone(subrequest)
        self._check_drained()

    @property
    def drained(self) -> bool:
        """Whether the last exchange is over, and none may begin any more: the pools are being closed."""
        return self._drained is not None and self._drained.called

    def part(self) -> None:
        """Let every answer from now on close its connection; those that are idle stay open."""
        self.draining = True
        self._tell_doors()

    def drain(self) -> Deferred[None]:
        """Close connections as they become idle; fire when all are closed."""
        self.part()
        for channel in list(self.channels):
            channel.drain()
        return self.emptied()

    def emptied(self) -> Deferred[None]:
        """Fire when all connections are closed; their ports are closed already, and nobody is told to hurry."""
        if self._drained is None:
            self._drained = Deferred()
        self._check_drained()
        return self._drained

    def abort(self) -> None:
        """Close every connection, and end every subrequest, at once."""
        for channel in [*self.channels, *self.asking]:
            channel.shut()

    def _check_drained(self) -> None:
        if self._drained is not None and not self._drained.called and not (self.channels or self.asking):
            self._drained.callback(None)
