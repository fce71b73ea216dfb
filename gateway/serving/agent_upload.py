"""What an application sends by an agent: an `IBodyProducer` becomes the body of a request.

Tests: `tests/serving/test_agent.py::test_content_of_known_length_goes_with_its_length`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IConsumer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import RequestGenerationFailed
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from gateway.body import Body

_log = Logger()


@implementer(IConsumer)
class Upload:
    """The consumer of a producer, and the source of a body.

    Args:
        producer: As given to the agent.
        failed: Told, once, where the producer fails or writes more or less than it said it would.
        moved: Told of each part that comes, and of the end.

    Attributes:
        body: Goes to the backend; it pauses the producer when enough waits there.
    """

    def __init__(self, producer: IBodyProducer, failed: Callable[[Failure], None], moved: Callable[[], None]) -> None:
        length = producer.length
        self.body = Body(self, None if length is UNKNOWN_LENGTH else int(length))
        self._producer = producer
        self._failed = failed
        self._moved = moved
        self._producing = False

    def start(self) -> None:
        """Let the producer begin."""
        self._producing = True
        maybeDeferred(self._producer.startProducing, self).addCallbacks(self._produced, self._broken)

    def stop(self) -> None:
        """The exchange is over: nothing more is taken."""
        if self._producing:
            self._producing = False
            try:
                self._producer.stopProducing()
            except Exception:  # noqa: BLE001 - it is the application's; the exchange is over all the same
                _log.failure("The producer of a request's content failed to stop")

    # Called by the producer (IConsumer).

    def write(self, data: bytes) -> None:
        """Take some of the content."""
        if not self._producing or not data:
            return
        body = self.body
        if body.length is not None and body.received + len(data) > body.length:
            self._misbehaved("more")
        else:
            self._moved()
            body.push(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Body producers are asked to start; they do not register (`IBodyProducer`)."""
        raise RuntimeError("The producer of a request's content does not register itself.")

    def unregisterProducer(self) -> None:
        """Body producers say by their Deferred that they have done (`IBodyProducer`)."""
        raise RuntimeError("The producer of a request's content says by its Deferred that it has done.")

    # The body (gateway.body.BodySource).

    def pause_reading(self) -> None:
        """Enough waits for the backend."""
        if self._producing:
            self._producer.pauseProducing()

    def resume_reading(self) -> None:
        """There is room again."""
        if self._producing:
            self._producer.resumeProducing()

    def body_over_limit(self, body: Body) -> None:
        """No limit is set: how much an application sends is its own affair."""

    # How it ends.

    def _produced(self, _: object) -> None:
        if not self._producing:
            return
        body = self.body
        if body.length is not None and body.received < body.length:
            self._misbehaved("less")
            return
        self._producing = False
        self._moved()
        body.end()

    def _broken(self, failure: Failure) -> None:
        if self._producing:
            self._producing = False
            self._failed(Failure(RequestGenerationFailed([failure])))

    def _misbehaved(self, how: str) -> None:
        self.stop()
        error = ValueError(f"The producer wrote {how} than the {self.body.length} octets that it had promised.")
        self._failed(Failure(RequestGenerationFailed([Failure(error)])))
