"""What a peer can flood a connection with, counted: who goes over a limit is told ENHANCE_YOUR_CALM.

Layer 1. It is for clients: a server that answers a hundred streams may rightly reset them all, and one of gRPC asks by
PING how far away we are as often as it is answered. What it sends is counted, and cuts nothing (D-311).

The caller passes the time. Frames that cost little each are not refused one by one: what is bounded is how many of them
come. What never becomes an event (empty frames, unknown ones, CONTINUATION) is bounded inside the engine.

Each limit, and what it stands against:

* Resets (`limits.http2.resets` within `limits.http2.window`): streams that the peer reset, those that it made the
  engine reset, and those that the engine refused: over `limits.http2.concurrent_streams`, or with a malformed head
  (D-326). Rapid reset (CVE-2023-44487) and MadeYouReset (CVE-2025-8671).
* SETTINGS and PING, 100 at once and 10 a second: each asks for an answer. Answers to PING are counted with them: we ask
  rarely, and who answers more is not asked. Clients of gRPC ask by PING how far away we are, once for each part of an
  answer that they get: what is written allows as many as it does of WINDOW_UPDATE (D-357).
* WINDOW_UPDATE, after Envoy's formula: 5, 2 for each stream, 20 for each part of content that is written, and one for
  each 128 octets of it. Honest peers send two for a DATA frame at most, and those with small windows get small frames:
  a window of 256 octets is within the limit, one that is given back octet by octet is not (D-356).
* DATA that has padding and no content, and heads that are ignored (of streams that are over, or behind a GOAWAY): 1,000
  at once and 33 a second, as the engine counts empty frames.
"""

from __future__ import annotations

from typing import Final

RESETS: Final = "resets"
SETTINGS: Final = "settings"
PINGS: Final = "pings"
WINDOW_UPDATES: Final = "window_updates"
"""Names of floods, for the metric."""

HEADERS: Final = "headers"
GLITCHES: Final = "glitches"
"""Those that the engine itself tells."""

_ASKING: Final = (100, 10.0)
_UPDATES: Final = 5
_BY_STREAM: Final = 2
_BY_DATA: Final = 20
_OCTETS: Final = 128
_IGNORED: Final = (1000, 33.0)


class Bucket:
    """So many at once, and so many a second from then on.

    Args:
        burst: At once.
        rate: A second.
    """

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = self._left = burst
        self._rate = rate
        self._at = 0.0

    def take(self, count: int, now: float) -> bool:
        """Whether so many more are within the limit."""
        if now > self._at:
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
        self._left -= count
        return self._left >= 0.0

    def earn(self, count: int) -> None:
        """Let so many more be taken, never more at once than the burst."""
        if self._left < self._burst:
            self._left = min(self._burst, self._left + count)


class Abuse:
    """The counters of one connection.

    Args:
        resets: Streams that may be reset at once.
        window: Seconds in which as many may be reset again.

    Attributes:
        flood: The first limit that the peer went over; empty while there is none.
        resets: Counted so far, likewise the others.
    """

    __slots__ = (
        "_ignored",
        "_pings",
        "_resets",
        "_settings",
        "_updates_left",
        "flood",
        "pings",
        "resets",
        "settings",
        "updates",
    )

    def __init__(self, resets: int, window: float) -> None:
        self.flood = ""
        self.resets = self.settings = self.pings = self.updates = 0
        self._resets = Bucket(resets, resets / window)
        self._settings = Bucket(*_ASKING)
        self._pings = Bucket(*_ASKING)
        self._ignored: Bucket | None = None  # made when there is something to count
        self._updates_left = _UPDATES

    def reset(self, now: float) -> None:
        """The peer has reset a stream, made us reset one, or begun one that was refused."""
        self.resets += 1
        if not self._resets.take(1, now):
            self._over(RESETS)

    def asked_settings(self, now: float) -> None:
        """SETTINGS came."""
        self.settings += 1
        if not self._settings.take(1, now):
            self._over(SETTINGS)

    def pinged(self, now: float) -> None:
        """A PING came, or an answer to one."""
        self.pings += 1
        if not self._pings.take(1, now):
            self._over(PINGS)

    def ignored(self, frames: int, now: float) -> None:
        """Frames came that mean nothing: DATA without content that ends nothing, heads of streams that are over."""
        if self._ignored is None:
            self._ignored = Bucket(*_IGNORED)
        if not self._ignored.take(frames, now):
            self._over(GLITCHES)

    def untold(self, begun: int, others: int, parted: bool, now: float) -> None:
        """Heads came whose streams were refused, and heads of streams that are over.

        Args:
            begun: Of new streams.
            others: Of streams that are over.
            parted: The peer was told that no further stream is taken, and may not have heard it yet.
            now: As ever.
        """
        if parted:
            begun, others = 0, begun + others
        for _ in range(begun):
            self.reset(now)
        if others > 0:
            self.ignored(others, now)

    def updated(self) -> None:
        """A WINDOW_UPDATE came."""
        self.updates += 1
        self._updates_left -= 1
        if self._updates_left < 0:
            self._over(WINDOW_UPDATES)

    def opened(self) -> None:
        """A stream began: its window may be enlarged."""
        self._updates_left += _BY_STREAM

    def wrote(self, octets: int) -> None:
        """Content was written: the peer gives windows back for it, and may measure how long it takes."""
        earned = _BY_DATA + octets // _OCTETS
        self._updates_left += earned
        self._pings.earn(earned)

    def _over(self, flood: str) -> None:
        if not self.flood:
            self.flood = flood
