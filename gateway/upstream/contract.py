"""The backend's side: what keepers, connections, streams and hearers promise each other.

A `Keeper` (the pool) has `Connection`s made for it and opens `Stream`s on them, one for each attempt. The attempt is
the `Hearer` of its stream: it says what is to be sent, and hears what comes back. What version of HTTP is spoken is the
connection's affair: it writes the head, since only it knows the version and the backend's own name.

# Note [One stream or many]
A connection of HTTP/1.1 is its own only stream: no object is made for a request, and no call passes through one. A
connection of HTTP/2 has many, up to what its peer allows. Keepers see two numbers, `streams` and `most`, and the
difference between them is room. A connection that is to take no more streams (a GOAWAY) sets `most` to 0 and calls
`Keeper.full`; it closes itself when its last stream is over.

These are base classes, not `typing.Protocol`s: they are called for every request, and each call is to go through a
table and not through a look-up by name. `tests/contracts/test_connection.py` has what every implementation keeps.

Tests: `tests/contracts/test_connection.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mypy_extensions import mypyc_attr, trait
from twisted.internet.defer import Deferred

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.fields import FieldFilter
from gateway.message import OpenTunnel, Response
from gateway.transport.deadlines import NEVER, Deadlines


@mypyc_attr(allow_interpreted_subclasses=True)
@trait
class Stream:
    """The way of one attempt to a backend, and of what the backend says to it.

    Attributes:
        takes_calls: It is one of HTTP/2, which calls of gRPC need.
    """

    __slots__ = ()

    takes_calls: ClassVar[bool] = False

    def send(self, hearer: Hearer) -> None:
        """Send the hearer's request; called once. The hearer is told what becomes of it."""
        raise NotImplementedError

    def unused(self) -> None:
        """Nothing will be sent: give the place back. In place of `send`."""
        raise NotImplementedError

    def wait_until(self, deadline: float) -> None:
        """Set when the backend must have said the next thing, in place of what the hearer said before."""
        raise NotImplementedError

    def abort(self) -> None:
        """Give it up; its hearer hears nothing more."""
        raise NotImplementedError

    def time_out(self, error: GatewayError) -> None:
        """Give it up; its hearer is told the error. Nothing happens where it is over."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Hearer:
    """Who wants a stream, and hears what becomes of what is sent on it: an attempt.

    From the keeper comes `connected` or `refused`, unless the keeper gave a stream at once. Then from the stream: any
    number of `interim`; `answered` with a body that goes on, and `finished` at its end; or first `finished` and then
    `answered`, where the whole answer came in one read; or `switched`; or, at any point before `finished`, `failed`,
    which is the last.

    Attributes:
        exchange: Whose request is sent.
        passes: Which of the client's fields are copied.
        deadline: Monotonic seconds when the head of the answer must be there.
        fresh: It wants a fresh connection.
    """

    __slots__ = ()

    exchange: Exchange
    passes: FieldFilter
    deadline: float
    fresh: bool

    @property
    def owner(self) -> object:
        """The client's connection."""
        return self.exchange.downstream

    def connected(self, stream: Stream) -> None:
        """There is a stream now: `send` or `unused` is called on it before this returns."""
        raise NotImplementedError

    def refused(self, error: GatewayError) -> None:
        """There will be no stream."""
        raise NotImplementedError

    def interim(self, status: int, reason: bytes, headers: Headers) -> None:
        """An interim (1xx) response came."""
        raise NotImplementedError

    def answered(self, response: Response) -> None:
        """The head of the answer is there."""
        raise NotImplementedError

    def switched(self, response: Response, end: OpenTunnel) -> None:
        """The backend changes protocols: this is its end of the tunnel."""
        raise NotImplementedError

    def finished(self, status: int) -> float:
        """The answer is complete.

        Args:
            status: What it counts as: that of its head, or what `grpc-status` says (`gateway.http.grpc.outcome`).

        Returns:
            Monotonic seconds, which it notes: who told it need not ask the clock again.
        """
        raise NotImplementedError

    def failed(self, error: GatewayError, body: Body | None) -> None:
        """The stream broke off; `body` is what had begun to be answered."""
        raise NotImplementedError

    def next_deadline(self) -> float:
        """Return when the head of the answer, or the next part of its body, must be there."""
        raise NotImplementedError

    def out_of_time(self) -> None:
        """The stream's deadline has passed: it calls `time_out`, or `wait_until`."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Connection:
    """A connection to a backend, as its keeper sees it.

    Attributes:
        address: The backend's numeric address.
        streams: How many are open on it.
        most: How many may be; see Note [One stream or many].
        uses: Requests sent on it so far.
        deadline: Monotonic seconds when it is closed for being unused; the keeper sets it while there is no stream.
        idle_for: Seconds for which its backend keeps it while it is unused, as far as it said so.
        has_lent: Its place was lent since the last request was sent on it.
        owner: The client's connection that it belongs to once it is authenticated; None while anybody may use it.
        expires: Monotonic seconds from which it is not used again; the keeper sets it once.
        retired: Its address is not the backend's any more: it closes itself when its last stream is over.
    """

    __slots__ = (
        "address",
        "deadline",
        "expires",
        "has_lent",
        "idle_for",
        "most",
        "owner",
        "retired",
        "streams",
        "uses",
    )

    def __init__(self, most: int) -> None:
        self.address = ""
        self.streams = 0
        self.most = most
        self.uses = 0
        self.deadline = NEVER
        self.idle_for = NEVER
        self.expires = NEVER
        self.has_lent = False
        self.owner: object = None
        self.retired = False

    @property
    def lost(self) -> bool:
        """Whether it is no more, or is being closed."""
        raise NotImplementedError

    @property
    def fresh(self) -> bool:
        """Whether it may serve who has lost a race against the end of another one: it has not been used.

        One of many streams stays so while it is in use for the first time, until it refuses a stream.
        """
        return not self.uses

    def open(self) -> Stream:
        """Open a stream; only while there is room."""
        raise NotImplementedError

    def give_up(self) -> None:
        """Others need what it takes, and it only waits for clients: give up what has waited longest.

        The attempt on it fails with `PoolExhausted`; what becomes free is told to the keeper.
        """
        raise NotImplementedError

    def close(self, aborting: bool = False) -> None:
        """Close it.

        Args:
            aborting: At once, without what was written and is not sent.
        """
        raise NotImplementedError

    def on_deadline(self, now: float) -> None:
        """Its deadline has passed (`gateway.transport.deadlines.Timed`)."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Keeper:
    """Who keeps connections: the pool of a backend, as its connections see it.

    Attributes:
        deadlines: Watches connections.
        now: Monotonic seconds.
    """

    __slots__ = ()

    deadlines: Deadlines
    now: Callable[[], float]

    def release(self, connection: Connection, now: float) -> None:
        """A connection has room: one of its streams is over, or it had none and its peer allows more of them.

        Args:
            connection: Which one.
            now: Monotonic seconds.
        """
        raise NotImplementedError

    def set_aside(self, connection: Connection, owner: object) -> None:
        """A connection is unused again that only this owner may have."""
        raise NotImplementedError

    def full(self, connection: Connection) -> None:
        """A connection takes no more streams, although not as many are open as there were to be."""
        raise NotImplementedError

    def lend(self, connection: Connection) -> None:
        """A connection has no room and waits for clients only: it does not count. No error when that is known."""
        raise NotImplementedError

    def reclaim(self, connection: Connection) -> None:
        """A connection does not wait for clients any more: it counts again. No error when that is known."""
        raise NotImplementedError

    def lost(self, connection: Connection) -> None:
        """A connection is no more, or is being closed; no error when that is known."""
        raise NotImplementedError

    def leave(self) -> None:
        """What was counted as in flight is over; a tunnel keeps the place of the attempt that it was made by."""
        raise NotImplementedError


Connect = Callable[[Keeper], "Deferred[Connection]"]
"""Opens a connection for a keeper: dials, agrees on a version, and makes the connection that speaks it."""
