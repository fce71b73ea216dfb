"""Records of both logs on their way to a shipper (`gateway.telemetry.shipping`), which sends them somewhere.

A request's end costs an append (`gateway.telemetry.log_lines`); ten times a second what was collected is handed to the
shipper in force. Where a reload exchanges the shipper, exchanges that began before it write here as before, and their
records go where the new one sends them.

# Note [What an item is]

A letter for the log that it is from (`ACCESS`, `APPLICATION`), 19 digits for the time at which it was handed over
(Unix nanoseconds: whoever finds no time in the record goes by them), and the record without its end.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any, Final, Protocol

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, LogEvent, PredicateResult
from zope.interface import implementer

from gateway.telemetry.log_lines import LogLines, Twofold
from gateway.telemetry.logging import as_json

TICK: Final = 0.1
"""Seconds between two times that records are handed over."""

EARLY: Final = 256 * 1024
"""Octets of records that are handed over before."""

ACCESS: Final = b"A"
APPLICATION: Final = b"P"

HEAD: Final = 20
"""Octets of an item before its record: Note [What an item is]."""

_OWN: Final = "gateway.telemetry.shipping"
"""What a shipper says about records that it could not send would be one more of those."""

_MOST_WRITERS: Final = 4


class Taker(Protocol):
    """As much of a `gateway.telemetry.shipping.shipper.Shipper` as is needed."""

    @property
    def octets(self) -> int:
        """What is queued takes so many octets."""

    def put(self, item: bytes) -> None:
        """Queue an item, or drop it."""


class ShippedLines(Service):
    """Collects records, and hands them to the shipper in force.

    Args:
        clock: Tells when.
        wall_clock: Unix seconds.
        lost: Told of which sink how many records were lost since no shipper was in force any more.
    """

    def __init__(self, clock: Any, wall_clock: Callable[[], float], lost: Callable[[str, int], object]) -> None:
        self._wall_clock = wall_clock
        self._lost = lost
        self._shipper: Taker | None = None
        self._sink = ""
        self._access = LogLines(self._hand_over, EARLY)
        self._application = LogLines(self._hand_over, EARLY)
        self._loop = LoopingCall(self._hand_over)
        self._loop.clock = clock
        self._writers: dict[Callable[[bytes], None], Twofold] = {}

    def beside(self, write: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """Return what hands a record of the access log to `write` and collects it here; the same for the same."""
        found = self._writers.get(write)
        if found is None:
            if len(self._writers) >= _MOST_WRITERS:
                self._writers.clear()
            found = self._writers[write] = Twofold(write, self._access)
        return found.write

    def tell(self, record: bytes) -> None:
        """Collect a record of the application log."""
        self._application.write(record)

    def follow(self, shipper: Taker, sink: str) -> None:
        """Hand records to another shipper from now on, that of a sink."""
        self._shipper, self._sink = shipper, sink

    def queued(self) -> list[tuple[tuple[str, ...], int]]:
        """Return the samples of the metric that says how much is queued."""
        return [] if self._shipper is None else [((self._sink,), self._shipper.octets)]

    def startService(self) -> None:
        """Begin to hand over."""
        super().startService()
        self._access.early = self._application.early = EARLY
        self._loop.start(TICK, now=False)

    def stopService(self) -> None:
        """Hand over what there is; what comes later is lost."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        self._hand_over()
        self._shipper = None
        self._access.early = self._application.early = -1

    def _hand_over(self) -> None:
        if not self._access.lines and not self._application.lines:
            return
        shipper = self._shipper
        at = b"%019d" % int(self._wall_clock() * 1e9)
        for letter, collected in ((APPLICATION, self._application), (ACCESS, self._access)):
            lines = collected.take()
            if shipper is None:
                if lines:
                    self._lost(self._sink, len(lines))
                continue
            head, put = letter + at, shipper.put
            for line in lines:
                put(head + line[:-1])


@implementer(ILogObserver)
class ApplicationRecords(Service):
    """Has the records of the application log sent too, as JSON, from its start to its stop.

    Args:
        lines: Collects them.
        publisher: Has the events: `twisted.logger.globalLogPublisher`.
        wanted: Whether an event is written (`gateway.telemetry.logging.Levels`).
        call: Calls something on the reactor's thread: `reactor.callFromThread`.
    """

    def __init__(
        self,
        lines: ShippedLines,
        publisher: Any,
        wanted: Callable[[LogEvent], Any],
        call: Callable[[Callable[[bytes], None], bytes], object],
    ) -> None:
        self._lines = lines
        self._publisher = publisher
        self._wanted = wanted
        self._call = call
        self._thread = 0

    def startService(self) -> None:
        """Begin to listen."""
        super().startService()
        self._thread = get_ident()
        self._publisher.addObserver(self)

    def stopService(self) -> None:
        """Listen no more."""
        super().stopService()
        self._publisher.removeObserver(self)

    def __call__(self, event: LogEvent) -> None:
        """Take an event, on whichever thread it is."""
        if event.get("log_namespace", "").startswith(_OWN) or self._wanted(event) is PredicateResult.no:
            return
        record = as_json(event).encode()
        if get_ident() == self._thread:
            self._lines.tell(record)
        else:
            self._call(self._lines.tell, record)
