"""`Shipper`: keeps what is to be sent, sends it in batches, and tries again where that fails.

No request ever waits for it: `put` queues or drops. Its states and their table are in
`gateway.telemetry.shipping.phases`; what its receiver wants and says is its `Sink`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.headers import Headers
from gateway.telemetry.shipping.contract import Post, Receipt, Sink
from gateway.telemetry.shipping.losses import Losses
from gateway.telemetry.shipping.phases import NEXT, Event, State
from gateway.telemetry.shipping.queue import Queue

FIRST: Final = 0.5
"""Seconds of the first pause after a failure; each further one is twice as long."""
LONGEST: Final = 30.0
"""Seconds of the longest pause that we choose ourselves."""
LONGEST_ASKED_FOR: Final = 300.0
"""Seconds of the longest pause that a receiver may ask for (`Retry-After`)."""
MOST_TRIES: Final = 20
"""How often a batch is sent to a receiver that answers: one that it always fails at must not keep the others for ever.
A receiver that does not answer is waited for, as long as there is room; so is one of which a proxy says that."""
PARCEL: Final = 1024 * 1024
"""Octets of a batch, before it is compressed: receivers refuse long ones, and each is packed at once."""
FLUSH: Final = 5.0
"""Seconds that the flush at the end may take where the receiver does not take what it is sent."""

_NOBODY: Final = frozenset({502, 503, 504})
"""What is answered in the place of a receiver that does not answer, whatever it is sent."""

_log = Logger()


class Shipper(Service):
    """Sends items to one receiver.

    Args:
        sink: The receiver.
        post: Sends a parcel.
        clock: For timers.
        wall_clock: Unix seconds, for a date in `Retry-After`.
        random: From 0 up to 1, for the length of pauses.
        limit: Octets that may be queued.
        batch: Items that are sent together at most.
        interval: Seconds that an item waits for others.
        oldest: Whether the oldest items are dropped where there is no room, and not the newest.
        flush: Seconds that the flush at the end may take.
        patience: Asked when these are over and nothing has failed: how many more a receiver that is slow may have.
        stop_posting: Called at the very end, for what `post` keeps open.
        lost: Told how many items were lost each time, for a counter.
        delivered: Told how many items were delivered each time, likewise.
    """

    def __init__(
        self,
        sink: Sink,
        post: Post,
        clock: Any,
        wall_clock: Callable[[], float],
        random: Callable[[], float],
        *,
        limit: int,
        batch: int,
        interval: float,
        oldest: bool = False,
        flush: float = FLUSH,
        patience: Callable[[], float] = lambda: 0.0,
        stop_posting: Callable[[], Deferred[Any] | None] = lambda: None,
        lost: Callable[[int], object] = lambda _: None,
        delivered: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.state = State.EMPTY
        self._sink = sink
        self._post = post
        self._clock = clock
        self._wall_clock = wall_clock
        self._random = random
        self._queue = Queue(limit, oldest)
        self._batch = batch
        self._interval = interval
        self._flush = flush
        self._patience = patience
        self._stop_posting = stop_posting
        self._lost = lost
        self._delivered = delivered
        self._losses = Losses(sink.what, sink.where, clock)
        self._full = f"the queue was full ({limit} octets)"
        self._timer: Any = None
        self._out_of_time: Any = None
        self._posting: Deferred[Any] | None = None
        self._tries = 0
        self._step = FIRST
        self._pause = 0.0
        self._failing = False
        self._patient = False
        self._closed: Deferred[None] | None = None

    @property
    def octets(self) -> int:
        """What is queued takes so many octets, the batch under way included."""
        return self._queue.octets

    @property
    def queued(self) -> int:
        """How many items are queued, those under way included."""
        return len(self._queue)

    @property
    def lost(self) -> int:
        """How many items were lost so far."""
        return self._losses.total

    def put(self, item: bytes) -> None:
        """Queue an item to be sent; dropped and counted where there is no room, or where the shipper is closed."""
        state = self.state
        if state is State.CLOSED:
            self._lose(1, "nothing is sent any more")
            return
        dropped = self._queue.put(item)
        if dropped:
            self._lose(dropped, self._full)
        if state is State.EMPTY:
            if len(self._queue):
                self._happened(Event.TAKEN)
        elif state is State.GATHERING and self._queue.waiting >= self._batch:
            self._happened(Event.FILLED)

    def stopService(self) -> Deferred[None]:
        """Send what is queued; fires when that is done, or has taken too long."""
        super().stopService()
        closed = self._closed = Deferred()
        if self.state is State.CLOSED:
            closed.callback(None)
            return closed
        self._out_of_time = self._clock.callLater(self._flush, self._overdue)
        self._happened(Event.CLOSE)
        return closed

    def _overdue(self) -> None:
        """The flush has had its time: a receiver that is only slow gets what is left of the gateway's."""
        left = 0.0 if self._failing else self._patience()
        self._patient = left > 0
        if left:
            self._out_of_time = self._clock.callLater(left, self._happened, Event.OUT_OF_TIME)
        else:
            self._happened(Event.OUT_OF_TIME)

    # What happens, by the table.

    def _happened(self, event: Event) -> None:
        before = self.state
        after = NEXT.get((before, event))
        if after is None:
            return
        self.state = after
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        if after is State.GATHERING:
            self._timer = self._clock.callLater(self._interval, self._happened, Event.DUE)
            if event is Event.TAKEN and self._queue.waiting >= self._batch:
                self._happened(Event.FILLED)
        elif after is State.CLOSED:
            self._end()
        elif after in (State.WAITING, State.PAUSING):
            self._timer = self._clock.callLater(self._pause, self._happened, Event.DUE)
        elif after in (State.SENDING, State.FLUSHING) and not (
            before is State.SENDING and event is Event.CLOSE
        ):  # in which case a batch is under way already
            self._send()

    def _send(self) -> None:
        queue = self._queue
        items = queue.front() or queue.batch(self._batch, PARCEL)
        self._tries += 1
        try:
            posting = self._posting = self._post(self._sink.pack(items))
        except Exception:  # noqa: BLE001 - a fault of ours in one batch must not end all shipping
            _log.failure("Packing {what} for {where} failed", what=self._sink.what, where=self._sink.where)
            self._give_up(len(items), "they could not be packed")
            self._go_on()
            return
        posting.addCallbacks(self._answered, self._unanswered, callbackArgs=(items,))
        posting.addErrback(self._stumbled, items)

    def _answered(self, receipt: Receipt, items: list[bytes]) -> None:
        self._posting = None
        verdict = self._sink.judge(items, receipt)
        again = list(verdict.again)
        done = len(items) - len(again) - verdict.refused
        if done:
            self._delivered(done)
        if verdict.refused:
            self._lose(verdict.refused, verdict.said or "they were refused")
        if not again:
            self._queue.done()
            self._recovered()
            self._go_on()
        elif self._tries >= MOST_TRIES and receipt.status not in _NOBODY:
            self._give_up(len(again), f"{verdict.said}, {self._tries} times")
            self._go_on()
        else:
            self._queue.keep(again)
            self._later(verdict.said, _asked_for(receipt.headers, self._wall_clock()))

    def _unanswered(self, failure: Failure) -> None:
        if self.state is State.CLOSED:
            return  # it was cancelled
        self._posting = None
        self._tries = 0
        self._later(failure.getErrorMessage() or type(failure.value).__name__, None)

    def _stumbled(self, failure: Failure, items: list[bytes]) -> None:
        """Give a batch up whose answer could not be judged: that is a fault of ours."""
        _log.failure("The answer of {where} was not understood", failure, where=self._sink.where)
        self._give_up(len(items), "its answer was not understood")
        self._go_on()

    def _later(self, cause: str, asked_for: float | None) -> None:
        """Send the batch again after a pause: what the receiver asks for, or longer from time to time."""
        if not self._failing:
            self._failing = True
            _log.warn(
                "Sending {what} to {where} failed: {cause}. It is tried again",
                what=self._sink.what,
                where=self._sink.where,
                cause=cause,
                event="shipping.failed",
            )
        step, self._step = self._step, min(self._step * 2, LONGEST)
        wait = step * (0.5 + self._random() / 2)
        self._pause = wait if asked_for is None else max(asked_for, wait)
        self._happened(Event.AGAIN)
        if self._patient:
            self._happened(Event.OUT_OF_TIME)

    def _recovered(self) -> None:
        self._tries, self._step = 0, FIRST
        if self._failing:
            self._failing = False
            _log.info(
                "Sending {what} to {where} works again",
                what=self._sink.what,
                where=self._sink.where,
                event="shipping.recovered",
            )

    def _give_up(self, count: int, cause: str) -> None:
        self._posting = None
        self._tries = 0
        self._lose(count, cause)
        self._queue.done()

    def _go_on(self) -> None:
        """The batch is done with: say what there is to do next."""
        waiting = len(self._queue)
        self._happened(Event.EMPTIED if not waiting else Event.LEFT if waiting < self._batch else Event.MORE)

    def _lose(self, count: int, cause: str) -> None:
        self._lost(count)
        self._losses.add(count, cause)

    def _end(self) -> None:
        left = self._queue.clear()
        if left:
            self._lose(left, "they were not delivered before the end")
        if self._posting is not None:
            self._posting.cancel()
            self._posting = None
        if self._out_of_time is not None and self._out_of_time.active():
            self._out_of_time.cancel()
        self._losses.close()
        self._stop_posting()
        closed = self._closed
        if closed is not None and not closed.called:
            closed.callback(None)


def _asked_for(headers: Headers, now: float) -> float | None:
    """Return the seconds of `Retry-After` (RFC 9110 section 10.2.3); None where it says nothing that is understood."""
    value = headers.index.get(b"retry-after")
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), LONGEST_ASKED_FOR)
    try:
        wait = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST_ASKED_FOR)
