"""The content of a request on its way to two backends: the one that answers, and one that gets a copy.

Made by `gateway.forwarding.mirror`. Chunks are shared, not copied.

# Note [Two speeds]
The first backend's pace is the client's: its pauses pause the client. The second one pauses nobody. What it has not
taken waits here, up to `MOST` octets; with more, the copy is given up. So the client goes at the pace that it would
have without a copy, and a copy has a bound on the memory that it takes.

Tests: `tests/forwarding/test_mirror.py::test_any_schedule_gives_the_backend_what_the_client_sent`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.body import Body
from gateway.headers import Headers

MOST: Final = 256 * 1024
"""Octets of a copy that may wait, beside what is in the second backend's own body."""


class Copied:
    """The content for the second backend, and what of it waits (`gateway.body.BodySource`).

    Args:
        length: Of the content, None where it is not known.
        moved: Called for each part that goes on.
        outrun: Called once, where more waits than may; nothing comes after it.

    Attributes:
        body: What the second backend takes.
        complete: Whether all of the content has come from the client.
        over: Whether nobody wants any more of it.
    """

    __slots__ = (
        "_full",
        "_moved",
        "_outrun",
        "_running",
        "_trailers",
        "_waiting",
        "_waits",
        "body",
        "complete",
        "over",
    )

    def __init__(self, length: int | None, moved: Callable[[], None], outrun: Callable[[], None]) -> None:
        self.body = Body(self, length)
        self.complete = False
        self.over = False
        self._moved = moved
        self._outrun = outrun
        self._waiting: deque[bytes] = deque()
        self._waits = 0
        self._trailers: Headers | None = None
        self._full = False
        self._running = False

    def received(self, data: bytes) -> None:
        """Take a chunk; it goes on, or waits."""
        if self.over:
            return
        self._waiting.append(data)
        self._waits += len(data)
        self._run()
        if self._waits > MOST and not self.over:
            self.stop()
            self._outrun()

    def ended(self, trailers: Headers | None) -> None:
        """Take the end."""
        self.complete = True
        self._trailers = trailers
        self._run()

    def stop(self) -> None:
        """Let nothing more of it go on."""
        self.over = True
        self._waiting.clear()
        self._waits = 0

    def _run(self) -> None:
        if self._running:
            return  # the second backend paused and resumed within one write: the loop that made the write goes on
        self._running = True
        try:
            while self._waiting and not (self._full or self.over):
                data = self._waiting.popleft()
                self._waits -= len(data)
                self._moved()
                self.body.push(data)
            if self.complete and not (self._waiting or self.over):
                self.over = True
                self.body.end(self._trailers)
        finally:
            self._running = False

    # The body (gateway.body.BodySource).

    def pause_reading(self) -> None:
        self._full = True

    def resume_reading(self) -> None:
        self._full = False
        self._run()

    def body_over_limit(self, body: Body) -> None:
        """Nothing: no limit is set on it; the client's own content has one."""


class Tee:
    """Passes a client's content on, and to a `Copied` (sink of the first body, source of the one in its place).

    Args:
        body: The client's, not taken yet.
        copied: Gets the same chunks.

    Attributes:
        body: Takes the place of the first one.
    """

    __slots__ = ("_before", "_copied", "body")

    def __init__(self, body: Body, copied: Copied) -> None:
        self._before = body
        self._copied = copied
        self.body = Body(self, body.length, body.origin)

    def begin(self) -> None:
        """Pass on what has come already, and then what comes."""
        before = self._before
        first = before.take()
        if first:
            self.body_received(first)
        if before.failed:
            self.body_failed()
        elif before.ended:
            self.body_ended(before.trailers)
        else:
            before.attach(self)

    # The body before (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        if not self.body.failed:
            self.body.push(data)
        self._copied.received(data)

    def body_ended(self, trailers: Headers | None) -> None:
        if not self.body.failed:
            self.body.end(trailers)
        self._copied.ended(trailers)

    def body_failed(self) -> None:
        if not self.body.failed:
            self.body.fail()

    # The body after (gateway.body.BodySource).

    def pause_reading(self) -> None:
        self._before.pause()

    def resume_reading(self) -> None:
        self._before.resume()

    def body_over_limit(self, body: Body) -> None:
        self._before.over_limit()
