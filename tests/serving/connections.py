"""A client's connection to the whole gateway in memory, brought into a phase, and what can happen to it there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.errors import MalformedRequest
from gateway.memory.backend import ok
from gateway.serving.http1_channel import Http1Channel
from gateway.serving.phases import Event, Phase
from gateway.testing import FakeClient, Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n"
LAST = GET.replace(b"Host", b"Connection: close\r\nHost")
TIMEOUTS = {"client_header": "10s", "client_body": "20s", "client_idle": "75s", "request": "40s"}


class Watched(Http1Channel):
    """A channel that remembers its phases."""

    history: list[Phase]

    @property
    def phase(self) -> Phase:
        return self.history[-1]

    @phase.setter
    def phase(self, phase: Phase) -> None:
        if "history" not in self.__dict__:
            self.history = []
        if not self.history or phase is not self.history[-1]:
            self.history.append(phase)


class Connection:
    """One client, and its connection."""

    def __init__(self, **route: Any) -> None:
        routes = [{"name": "orders", "path": "/orders/*", "upstream": "orders", **route}]
        self.gateway = Harness("orders", routes=routes, timeouts=TIMEOUTS, limits={"request_buffer": 0})
        self.backend = self.gateway.backend("orders")
        self.client = FakeClient()
        self.client.half_open = True
        self.channel = Watched(self.gateway.gateway.site, "192.0.2.1")
        self.gateway.network.connect(self.client, self.channel, "192.0.2.1")
        self.settle()

    @property
    def left(self) -> float:
        """Seconds until its deadline."""
        return self.channel.deadline - self.gateway.now()

    def settle(self) -> None:
        """Let everything happen that is under way."""
        self.gateway.network.pump()

    def send(self, data: bytes) -> None:
        """Let the client send."""
        self.gateway.send(data, self.client)

    def reach(self, phase: Phase) -> Connection:
        """Bring it into a phase, with a backend that answers nothing from then on."""
        _REACH[phase](self)
        self.backend.stall()
        assert self.channel.phase is phase
        return self

    def provoke(self, event: Event) -> None:
        """Let something happen, as far as it can happen in this phase."""
        _PROVOKE[event](self)
        self.settle()

    # How a phase is reached.

    def new(self) -> None:
        """Nothing has come."""

    def head(self) -> None:
        """A part of a head has come."""
        self.send(GET[:5])

    def idle(self) -> None:
        """One request was answered."""
        self.backend.answers(ok(b"seven"))
        self.send(GET)

    def held(self) -> None:
        """One was answered, and the client does not read; another has come."""
        self.idle()
        self.unread()

    def serving(self) -> None:
        """One waits for its backend."""
        self.backend.stall()
        self.send(GET)

    def lingering(self) -> None:
        """A request was answered before its content had come."""
        self.send(b"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")

    def closing(self) -> None:
        """The last answer waits in the transport for a client that does not read."""
        self.backend.answers(ok(b"x" * 60_000))
        self.client.stop_reading()
        self.send(GET + GET + LAST)

    def lost(self) -> None:
        """The client has broken off; where nothing is read, the transport finds out when it writes."""
        if self.channel.phase is Phase.HELD:
            self.channel.transport.abortConnection()
        else:
            self.client.reset()
        self.settle()

    # How an event is provoked.

    def octet(self) -> None:
        """The client begins a head."""
        self.client.send(GET[:5] if self.channel.phase is not Phase.HEAD else GET[5:9])

    def request(self) -> None:
        """A head is complete; in `HELD` one is already, and the client reads on."""
        if self.channel.phase is Phase.HELD:
            self.channel.resumeProducing()
        else:
            self.client.send(GET if self.channel.phase is not Phase.HEAD else GET[5:])

    def answered(self) -> None:
        """The backend answers; where no exchange is under way, somebody answers one that is over."""
        if self.channel.phase is Phase.SERVING:
            self.backend.connection.send(ok(b"seven"))
        else:
            self.answer_the_past()

    def answer_the_past(self) -> None:
        """Speak to the client's end of an exchange that is over."""
        other = Connection().reach(Phase.SERVING).channel.life.exchange
        assert other is not None
        self.channel.send_response(other)
        self.channel.abort(other)

    def unread(self) -> None:
        """The transport says that the client does not read; then another head is complete."""
        self.channel.pauseProducing()
        self.client.send(GET if self.channel.phase is not Phase.HEAD else GET[5:])
        self.settle()

    def parted(self) -> None:
        """An answer goes out that says it is the last, to a client that may still be sending."""
        exchange = self.channel.life.exchange
        if exchange is None:
            self.answer_the_past()
        else:
            assert exchange.chain is not None
            exchange.chain.fail(exchange, MalformedRequest())

    def ended(self) -> None:
        """The client closes its half."""
        self.client.half_close()

    def drained(self) -> None:
        """The site is drained."""
        self.channel.drain()

    def expired(self) -> None:
        """The time that is running passes."""
        if self.channel.phase is not Phase.CLOSED:
            self.gateway.advance(self.left + 0.2)

    def closed(self) -> None:
        """Somebody tells the connection to close."""
        if self.channel.phase is not Phase.CLOSED:
            self.channel.close()


_REACH: dict[Phase, Callable[[Connection], None]] = {
    Phase.NEW: Connection.new,
    Phase.HEAD: Connection.head,
    Phase.IDLE: Connection.idle,
    Phase.HELD: Connection.held,
    Phase.SERVING: Connection.serving,
    Phase.LINGERING: Connection.lingering,
    Phase.CLOSING: Connection.closing,
    Phase.CLOSED: Connection.lost,
}

_PROVOKE: dict[Event, Callable[[Connection], None]] = {
    Event.OCTET: Connection.octet,
    Event.REQUEST: Connection.request,
    Event.ANSWERED: Connection.answered,
    Event.UNREAD: Connection.unread,
    Event.PARTED: Connection.parted,
    Event.ENDED: Connection.ended,
    Event.DRAINED: Connection.drained,
    Event.EXPIRED: Connection.expired,
    Event.CLOSED: Connection.closed,
    Event.LOST: Connection.lost,
}
