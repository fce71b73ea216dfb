"""What the parent of several processes and one of its workers say to each other: one channel for each worker.

A connected pair of UNIX sockets; a frame is four octets of length and a list in JSON. The contract, the same at both
ends:

- `tell(kind, body)`: the handler of `kind` at the other end is called with `body`; nobody answers.
- `ask(kind, body)`: the same, and the Deferred fires with what that handler returns. It fails with `Refused` and the
  words of the handler's error, with `Unanswered` after `patience` seconds, with `ChannelLost` when the other end is
  gone.
- `on(kind, handler)`: `handler(body)` returns what can be written as JSON, or something to await for it.
- What one end says arrives in the order in which it was said; answers come when they are ready. Handlers of one kind
  may overlap where they wait.
- `lost`: fires once, with None, when the other end is gone. What is told after that is dropped without a word.
- `body` is whatever orjson takes: no octets, integers of at most 64 bits, keys are text, text is without lone
  surrogates. Anything else is a `TypeError` of whoever says it, and so is more than `MOST` octets.
- `descriptors` that are asked with are duplicated into the other process, whose handler finds them in `received` when
  it is called, and has to close them. The caller's own have to stay open until it is answered.
- An end that does not read holds up at most `BACKLOG` octets: after that it is taken for gone.

Testable without a socket: `tests/processes/channels.py` has two ends in memory, on a clock of the test's.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from typing import Any, Final

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IFileDescriptorReceiver, IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

MOST: Final = 64 << 20
"""Octets in one frame: a configuration of 20,000 routes takes 10 MB."""

BACKLOG: Final = 256 << 20
"""Octets that may wait for the other end to read."""

PATIENCE: Final = 30.0
"""Seconds for an answer, unless whoever asks says otherwise."""

_LENGTH: Final = 4

Body = Any
"""What JSON can say."""

Handler = Callable[[Body], "Body | Awaitable[Body]"]

_log = Logger()


class ChannelError(Exception):
    """What was asked has no answer."""


class ChannelLost(ChannelError):
    """The other end is gone."""


class Unanswered(ChannelError):
    """The other end has not answered in time."""


class Refused(ChannelError):
    """The handler at the other end failed; the words are those of its error.

    Attributes:
        problems: What the error had as its `problems`, each as a list; empty for none.
    """

    def __init__(self, words: str, problems: Sequence[Sequence[Any]] = ()) -> None:
        super().__init__(words)
        self.problems = problems


@implementer(IFileDescriptorReceiver, IPushProducer)
class Channel(Protocol):
    """One end.

    Args:
        clock: Times what is asked.
        name: Of the other end, for the log.

    Attributes:
        lost: Fires when the other end is gone.
        received: Descriptors that came with what a handler is called for; its to close.
    """

    def __init__(self, clock: Any, name: str) -> None:
        self._clock = clock
        self._name = name
        self._handlers: dict[str, Handler] = {}
        self._asked: dict[int, tuple[Deferred[Body], Any]] = {}
        self._number = 0
        self._unread = bytearray()
        self._descriptors: deque[int] = deque()
        self._waiting: deque[tuple[bytes, Sequence[int]]] = deque()
        self._held = 0
        self._paused = False
        self._gone = False
        self.received: list[int] = []
        self.lost: Deferred[None] = Deferred()

    @property
    def gone(self) -> bool:
        """Whether the other end is gone."""
        return self._gone

    def on(self, kind: str, handler: Handler) -> None:
        """Call `handler` with the body of what is told or asked as `kind`; the one before is replaced."""
        self._handlers[kind] = handler

    def tell(self, kind: str, body: Body = None) -> None:
        """Say something that nobody answers."""
        self._say(["tell", kind, body])

    def ask(
        self, kind: str, body: Body = None, patience: float = PATIENCE, descriptors: Sequence[int] = ()
    ) -> Deferred[Body]:
        """Say something that is answered.

        Args:
            kind: Which handler.
            body: For it.
            patience: Seconds to wait for the answer.
            descriptors: Duplicated into the other process; they have to stay open until it has answered.

        Returns:
            Fires with the answer; fails with a `ChannelError`. Cancelled, it is not waited for any more.
        """
        self._number += 1
        number = self._number
        answer: Deferred[Body] = Deferred(lambda _: self._drop(number))
        if self._gone:
            answer.errback(ChannelLost(f"{self._name} is gone"))
            return answer
        self._say(["ask", kind, body, number, len(descriptors)], descriptors)
        timer = self._clock.callLater(patience, self._too_late, number, kind, patience)
        self._asked[number] = answer, timer
        return answer

    def close(self) -> None:
        """End the channel, after what was said."""
        if self.transport is not None and not self._gone:
            self.transport.loseConnection()

    # What Twisted calls.

    def connectionMade(self) -> None:  # Twisted's names, from here on
        """Begin; what was said before goes out."""
        transport: Any = self.transport
        transport.registerProducer(self, True)
        self._flush()

    def fileDescriptorReceived(self, descriptor: int) -> None:  # noqa: N802  # of another interface than Protocol
        """Keep a descriptor for the frame that it belongs to."""
        os.set_inheritable(descriptor, False)
        self._descriptors.append(descriptor)

    def dataReceived(self, data: bytes) -> None:
        """Read frames."""
        unread = self._unread
        unread += data
        while len(unread) >= _LENGTH and not self._gone:
            length = int.from_bytes(unread[:_LENGTH], "big")
            if length > MOST:
                self._abort(f"it sends a frame of {length} octets")
                return
            if len(unread) < _LENGTH + length:
                return
            frame = orjson.loads(memoryview(unread)[_LENGTH : _LENGTH + length])
            del unread[: _LENGTH + length]
            self._heard(*frame)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Fail what was asked."""
        if self._gone:
            return
        self._gone = True
        self._waiting.clear()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        asked, self._asked = self._asked, {}
        for answer, timer in asked.values():
            timer.cancel()
            answer.errback(ChannelLost(f"{self._name} is gone"))
        self.lost.callback(None)

    def pauseProducing(self) -> None:
        """Keep what is said: the other end does not read."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Send what was kept."""
        self._paused = False
        self._flush()

    def stopProducing(self) -> None:
        """Do nothing: `connectionLost` follows."""

    # What is said.

    def _say(self, frame: list[Any], descriptors: Sequence[int] = ()) -> None:
        octets = orjson.dumps(frame)
        if len(octets) > MOST:
            raise TypeError(f"{len(octets)} octets are more than a frame holds ({frame[1]})")
        if self._gone:
            return
        self._waiting.append((octets, descriptors))
        self._held += len(octets)
        self._flush()
        if self._held > BACKLOG:
            self._abort("it does not read")

    def _flush(self) -> None:
        transport: Any = self.transport
        while self._waiting and transport is not None and not self._paused:
            octets, descriptors = self._waiting.popleft()
            self._held -= len(octets)
            for descriptor in descriptors:
                transport.sendFileDescriptor(descriptor)
            transport.write(len(octets).to_bytes(_LENGTH, "big") + octets)

    def _abort(self, words: str) -> None:
        _log.error("{name} is given up: {words}", name=self._name, words=words)
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()
        self.connectionLost()

    # What is heard.

    def _heard(self, what: str, *rest: Any) -> None:
        if what == "tell":
            Deferred.fromCoroutine(self._told(*rest))
        elif what == "ask":
            Deferred.fromCoroutine(self._answer(*rest))
        else:
            number, body, *more = rest
            answer = self._forget(number)
            if answer is None:
                return  # it was too late, or nobody wants it any more
            if what == "answer":
                answer.callback(body)
            else:
                answer.errback(Refused(body, *more))

    async def _told(self, kind: str, body: Body) -> None:
        try:
            await self._handle(kind, body)
        except Exception:  # noqa: BLE001 - whatever it is, the channel goes on
            _log.failure("{kind}, told by {name}", kind=kind, name=self._name)

    async def _answer(self, kind: str, body: Body, number: int, descriptors: int) -> None:
        self.received = [self._descriptors.popleft() for _ in range(descriptors)]
        try:
            self._say(["answer", number, await self._handle(kind, body)])
        except Exception as error:  # noqa: BLE001 - it is whoever asked who has to know
            problems = [list(each) for each in getattr(error, "problems", ())]
            self._say(["error", number, str(error) or type(error).__name__, problems])

    async def _handle(self, kind: str, body: Body) -> Body:
        handler = self._handlers.get(kind)
        if handler is None:
            raise LookupError(f"nobody answers {kind!r}")
        result = handler(body)
        return await result if isawaitable(result) else result

    def _forget(self, number: int) -> Deferred[Body] | None:
        answer, timer = self._asked.pop(number, (None, None))
        if timer is not None and timer.active():
            timer.cancel()
        return answer

    def _drop(self, number: int) -> None:
        self._forget(number)

    def _too_late(self, number: int, kind: str, patience: float) -> None:
        answer = self._forget(number)
        if answer is not None:
            answer.errback(Unanswered(f"{self._name} has not answered {kind!r} in {patience:g} s"))


def told(kind: str, body: Body) -> bytes:
    """Return the octets with which something is told, for a process whose reactor does not run."""
    octets = orjson.dumps(["tell", kind, body])
    return len(octets).to_bytes(_LENGTH, "big") + octets


def connect(reactor: Any, descriptor: int, channel: Channel) -> None:
    """Let a channel speak over a connected UNIX socket; the descriptor is the channel's from here on."""
    factory = Factory.forProtocol(lambda: channel)
    factory.noisy = False
    reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, factory)
    os.close(descriptor)  # Twisted has a duplicate


def pair() -> tuple[int, int]:
    """Return the descriptors of two sockets that are connected with each other; neither is inherited."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setblocking(False)
    return ours.detach(), theirs.detach()
