"""What a client's connection is given by the site that made it.

`gateway.serving.site` is the one that serves; the connections (`connection`, `channel`, `tunnel`) know no more of it
than this.

Tests: `tests/serving/test_doors.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from mypy_extensions import mypyc_attr

from gateway.http1.request_parser import RequestMemo
from gateway.http2.fields import RequestBlocks
from gateway.peer import Forwarding
from gateway.serving.tree import Root
from gateway.transport.deadlines import Timed


class ConnectionOptions(NamedTuple):
    """Times (seconds) and sizes (octets) of client connections."""

    client_header: float
    client_body: float
    client_idle: float
    client_max_age: float
    request: float
    request_header: int
    header_fields: int
    streams: int = 100
    resets: int = 200
    reset_window: float = 30.0


class Served(Timed, Protocol):
    """A connection that its site watches, drains and closes.

    Attributes:
        closed: It is gone.
    """

    @property
    def closed(self) -> bool: ...

    def drain(self) -> None:
        """Accept no further request; close when idle."""

    def shut(self) -> None:
        """Close at once, whatever is under way."""


class Streaming(Served, Protocol):
    """A connection of HTTP/2.

    Attributes:
        taken: Streams that it has had so far.
    """

    @property
    def taken(self) -> int: ...


@mypyc_attr(allow_interpreted_subclasses=True)
class Host:
    """Who made a connection, as the connection sees it; a base class, since it is asked for every request.

    Attributes:
        options: For connections and exchanges that begin now.
        root: Renders exchanges.
        memo: Request heads that were read before.
        blocks: Those of HTTP/2.
        draining: Every response closes its connection.
        now: Monotonic seconds.
        date: Value of the Date field.
        random: As `random.random`.
        later: Calls something at the end of the reactor's turn.
    """

    options: ConnectionOptions
    root: Root[Any]
    memo: RequestMemo
    blocks: RequestBlocks
    draining: bool
    now: Callable[[], float]
    date: Callable[[], bytes]
    random: Callable[[], float]
    later: Callable[[Callable[[], None]], object]

    def catch_up(self) -> None:
        """Take over what is in force, where that is another's; called where nobody tells of changes."""

    def forwarding(self, peer: str, secure: bool) -> Forwarding:
        """Prepare what is the same for all exchanges of a connection."""
        raise NotImplementedError

    def connected(self, connection: Served) -> None:
        """A connection is open."""
        raise NotImplementedError

    def disconnected(self, connection: Served) -> None:
        """A connection is closed."""
        raise NotImplementedError

    def speaks_http2(self, connection: Streaming) -> None:
        """A connection that is open is one of HTTP/2: its streams are counted."""

    def forget(self, stream: object) -> None:
        """A stream of a connection that goes on is over: what was kept for it is no use any more."""
        raise NotImplementedError

    def flooded(self, flood: str) -> None:
        """A client went over a limit of HTTP/2 (`gateway.http2.abuse`), and its connection is closed for it."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Delegate(Host):
    """Stands for the site where not all of its routes are: one port, one route.

    What connections ask for each request is copied from the site when it changes, not looked up there each time.

    Args:
        site: The gateway's.
    """

    def __init__(self, site: Host) -> None:
        self._site = site
        self.now = site.now
        self.date = site.date
        self.random = site.random
        self.later = site.later
        self.catch_up()

    def catch_up(self) -> None:
        self.options = self._site.options
        self.memo = self._site.memo
        self.blocks = self._site.blocks
        self.draining = self._site.draining

    def forwarding(self, peer: str, secure: bool) -> Forwarding:
        return self._site.forwarding(peer, secure)

    def connected(self, connection: Served) -> None:
        self._site.connected(connection)

    def disconnected(self, connection: Served) -> None:
        self._site.disconnected(connection)

    def speaks_http2(self, connection: Streaming) -> None:
        self._site.speaks_http2(connection)

    def forget(self, stream: object) -> None:
        self._site.forget(stream)

    def flooded(self, flood: str) -> None:
        self._site.flooded(flood)
