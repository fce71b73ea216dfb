"""The admin listener: opened, moved and closed."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, Protocol

from twisted.internet.defer import ensureDeferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as BaseRequest
from twisted.web.server import Request, Site

from gateway.admin.resources import REQUEST_BODY, Tree
from gateway.listening.endpoints import Listening, listen
from gateway.listening.listeners import OpenPort
from gateway.transport.port import ConnectionLimit

TIMEOUT = 30.0
"""Seconds that a connection may be idle."""
CONNECTIONS = 100
"""Connections at once: a scraper and a few people."""
KEPT = 64
"""Connections that are kept: when one more comes, the one whose last request is longest ago is closed."""


class AdminSettings(Protocol):
    """The `admin` section."""

    @property
    def endpoint(self) -> str: ...


class AdminRequest(Request):
    """A stock request with bounded content: Twisted takes in all of it, however long, before anyone is asked."""

    _refused = False
    _most = REQUEST_BODY

    def gotLength(self, length: int | None) -> None:  # noqa: N802  # Twisted calls it
        """Make room for the content, unless it says that it is too long."""
        self.content = self._content = BytesIO()
        channel: Any = self.channel
        self._most = channel.site.most(channel.asked_for, self)
        if length is not None and length > self._most:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  # Twisted calls it
        """Take a piece of the content, unless it has become too long."""
        if self._refused:
            return
        self._content.write(data)
        if self._content.tell() > self._most:
            self._refuse()

    def process(self) -> None:
        """Find the resource and render it; the answer names the request, as every answer of a gateway does."""
        if self._refused:
            return
        channel: Any = self.channel  # Twisted's type has no site
        self.setHeader(b"X-Request-ID", channel.site.new_id().encode())
        channel.site.has_asked(channel)
        if self.path == b"*":
            # Twisted would answer by itself, and name itself in the answer.
            self.path = b"/*"
        super().process()

    def _refuse(self) -> None:
        self._refused = True
        channel: Any = self.channel
        channel.transport.write(
            b"HTTP/1.1 413 Content Too Large\r\nGateway-Reason: request.too_large\r\n"
            b"Connection: close\r\nContent-Length: 0\r\n\r\n"
        )
        channel.loseConnection()


class AdminChannel(HTTPChannel):
    """A stock channel that its site knows of."""

    site: AdminSite
    _path: bytes

    @property
    def asked_for(self) -> bytes:
        """The target of the request whose head has come; the request itself has it when its content has come, too."""
        return self._path

    def connectionMade(self) -> None:
        super().connectionMade()
        self.site.connected(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.disconnected(self)
        super().connectionLost(reason)


class AdminSite(Site):
    """A stock site that parses no forms and logs no lines, and that idle connections cannot fill.

    Args:
        root: The tree.
        reactor: Keeps time.
        new_id: Makes identifiers of requests.
    """

    def __init__(self, root: Tree, reactor: Any, new_id: Callable[[], str]) -> None:
        self.new_id = new_id
        self._tree = root
        # The stock channel drops a connection whose head is over 16 KiB.
        super().__init__(root, AdminRequest, timeout=TIMEOUT, reactor=reactor, parsePOSTFormSubmission=False)
        self.protocol = AdminChannel  # type: ignore[method-assign, assignment]  # HTTP/1.1 only: no channel of either kind
        self._open: dict[AdminChannel, None] = {}  # in the order in which they last asked something

    def connected(self, channel: AdminChannel) -> None:
        """Close one where there are too many: clients that connect and say nothing must not lock operators out.

        A bound for each peer would not help: behind a port-forward all of them have one address.
        """
        self._open[channel] = None
        if len(self._open) > KEPT:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abortConnection()  # type: ignore[union-attr]

    def has_asked(self, channel: AdminChannel) -> None:
        """A whole request came on this connection: now it is the last one to be closed."""
        if channel in self._open:
            del self._open[channel]
            self._open[channel] = None

    def disconnected(self, channel: AdminChannel) -> None:
        """It is gone."""
        self._open.pop(channel, None)

    def most(self, path: bytes, request: Request) -> int:
        """Return how many octets of content a request may have."""
        return self._tree.leaf(path.partition(b"?")[0]).most(request)

    def acceptableProtocols(self) -> list[bytes]:
        """Offer HTTP/1.1 only: Twisted would add its HTTP/2 wherever the library for that happens to be there."""
        return [b"http/1.1"]

    def log(self, request: BaseRequest) -> None:
        """Scrapes are not news; and stock `Site` would log secrets in queries."""


class AdminListener:
    """The one port of the admin site.

    Args:
        reactor: The real one.
        make_root: Makes the tree when it is first needed.
        new_id: Makes identifiers of requests.
        open_port: Opens the port of an endpoint string.
    """

    def __init__(
        self,
        reactor: Any,
        make_root: Callable[[], Tree],
        new_id: Callable[[], str],
        open_port: OpenPort = listen,
    ) -> None:
        self._reactor = reactor
        self._site: AdminSite | None = None
        self._make_root = make_root
        self._new_id = new_id
        self._open_port = open_port
        self._open: Listening | None = None
        self._limit = ConnectionLimit(CONNECTIONS)

    @property
    def address(self) -> str | None:
        """Return where it listens, None while it does not."""
        return None if self._open is None else self._open.describe()

    @property
    def listening(self) -> Listening | None:
        """Return its port, None while it has none."""
        return self._open

    async def open(self, settings: AdminSettings) -> None:
        """Listen where the settings say; the port before it is closed once the new one is open.

        Raises:
            ListenFailed: The port before it stays.
        """
        await self.commit(await self.prepare(settings))

    async def prepare(self, settings: AdminSettings) -> Listening | None:
        """Open the port that the settings say, beside the one before it; `commit` or `abandon` follows.

        Returns:
            The new port; None where the one before it is the same.

        Raises:
            ListenFailed: It cannot be opened.
        """
        before = self._open
        if before is not None and before.endpoint == settings.endpoint:
            return None
        if self._site is None:
            self._site = AdminSite(self._make_root(), self._reactor, self._new_id)
        if before is None:
            return await self._open_port(self._reactor, settings.endpoint, self._site, self._limit)
        before.leave(True)
        try:
            return await self._open_port(self._reactor, settings.endpoint, self._site, self._limit)
        finally:
            before.leave(False)

    async def commit(self, fresh: Listening | None) -> None:
        """Listen on what was prepared, and close the port before it."""
        if fresh is None:
            return
        before, self._open = self._open, fresh
        if before is not None:
            await before.stop_accepting()

    def abandon(self, fresh: Listening | None) -> None:
        """Close again what was prepared."""
        if fresh is not None:
            ensureDeferred(fresh.stop_accepting())

    def read_certificates(self) -> Callable[[], None]:
        """Read its certificates again; returns what puts them into force, for new connections.

        Raises:
            ListenFailed: One cannot be used; nothing has changed.
        """
        fresh = [] if self._open is None else self._open.read_again()

        def use_them() -> None:
            for use in fresh:
                use()

        return use_them

    async def close(self) -> None:
        """Listen no more."""
        opened, self._open = self._open, None
        if opened is not None:
            await opened.stop_accepting()
