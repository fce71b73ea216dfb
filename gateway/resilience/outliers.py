"""Eject backends that fail real requests, for a time that grows, and never too many at once.

Layer 2: decides only. Told by the forwarder how each attempt ended; asked
before a backend is picked. The outlier detection of Envoy, with these choices:

- The failures within a window count, not those in a row: one good answer in
  three does not keep a failing backend in.
- The first ejection lasts `eject`, the second in a row twice that, and so on up
  to ten times. Each `eject` that a backend then spends in service without
  another ejection takes one back.
- At most `max_ejected_percent` of the backends are out at once, rounded down,
  but one may always be (a tenth of three backends is none, and the rule would
  be off without saying so): as Envoy did it from the start. The only backend
  is never ejected, since there is no other to pick; nor is any at 0 percent.
- As long as a backup is in service, all that are no backups may be out: it is
  there to take over from the last of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Final

MOST_TIMES: Final = 10
"""How many times `eject` the longest ejection lasts."""

OnChange = Callable[[str, bool, str], None]
"""Called after a change with the backend's name, whether it is ejected now, and the cause in words."""


@dataclass(frozen=True, slots=True)
class OutlierRules:
    """When a backend is ejected.

    Attributes:
        failures: So many within `window` eject it.
        window: Seconds.
        eject: Seconds of the first ejection.
        max_ejected_percent: Most backends out at once, while no backup can take over; 0: none ever.
    """

    failures: int = 5
    window: float = 30.0
    eject: float = 30.0
    max_ejected_percent: float = 50.0


class Suspect:
    """One backend, as its detector sees it. Made by `OutlierDetector.watch`.

    Attributes:
        name: The backend's.
        until: When its ejection is over, or was; minus infinity if it never had one.
        times: Ejections in a row, forgiven one by one.
        last_error: What the last failure was.
    """

    __slots__ = ("_detector", "_failures", "last_error", "name", "times", "until")

    def __init__(self, name: str, detector: OutlierDetector) -> None:
        self.name = name
        self.until = -inf
        self.times = 0
        self.last_error = ""
        self._detector = detector
        self._failures: deque[float] = deque(maxlen=detector.rules.failures)

    def ejected(self, now: float) -> bool:
        """Whether it is not to be picked at `now`."""
        return now < self.until

    def record(self, ok: bool, now: float, why: str = "") -> None:
        """A real attempt ended.

        Args:
            ok: False for what the backend did wrong, never for the client's or the gateway's fault.
            now: Monotonic seconds.
            why: The reason of a failure.
        """
        if ok:
            return
        self.last_error = why
        if now < self.until:
            return  # under way when it was ejected, or tried because nothing else was left
        failures = self._failures
        failures.append(now)
        if len(failures) == failures.maxlen and now - failures[0] <= self._detector.rules.window:
            self._detector.suspect(self, now)

    def eject(self, now: float, rules: OutlierRules) -> float:
        """Take it out from `now` on, and return for how many seconds."""
        forgiven = int((now - self.until) // rules.eject) if self.times else 0
        self.times = max(0, self.times - forgiven) + 1
        seconds = rules.eject * min(self.times, MOST_TIMES)
        self.until = now + seconds
        self._failures.clear()
        return seconds


class OutlierDetector:
    """Passive health of the backends of one upstream.

    Args:
        rules: When a backend is ejected.
        names: The backends' names.
        on_change: Hears of every ejection and return; of a return no sooner than somebody asks.

    Attributes:
        backups: Names of backends that are asked when no other may be tried.
    """

    __slots__ = ("_on_change", "_out", "_suspects", "backups", "rules")

    def __init__(self, rules: OutlierRules, names: Iterable[str] = (), on_change: OnChange | None = None) -> None:
        self.rules = rules
        self._on_change = on_change
        self._suspects = {name: Suspect(name, self) for name in names}
        self._out: dict[str, Suspect] = {}
        self.backups: frozenset[str] = frozenset()

    def watch(self, name: str) -> Suspect:
        """Return the backend of this name, for a hot path to hold; a new one counts as good."""
        suspect = self._suspects.get(name)
        if suspect is None:
            suspect = self._suspects[name] = Suspect(name, self)
        return suspect

    def forget(self, name: str) -> None:
        """The upstream has this backend no more."""
        self._suspects.pop(name, None)
        self._out.pop(name, None)

    def out(self, now: float) -> int:
        """Return how many are ejected; ejections that are over by now are told as returns."""
        for suspect in [suspect for suspect in self._out.values() if not suspect.ejected(now)]:
            del self._out[suspect.name]
            self._tell(suspect, False, "its ejection is over")
        return len(self._out)

    def suspect(self, suspect: Suspect, now: float) -> None:
        """A backend has failed often enough: eject it, unless too many are out."""
        if self._suspects.get(suspect.name) is not suspect:
            return  # forgotten, while attempts on it were under way
        if self.out(now) >= self._most() and not self._is_replaced(suspect):
            return
        failures = self.rules.failures
        seconds = suspect.eject(now, self.rules)
        self._out[suspect.name] = suspect
        cause = f"{failures} failures within {self.rules.window:g} s"
        if suspect.last_error:
            cause += f", the last by {suspect.last_error}"
        self._tell(suspect, True, f"{cause}; out for {seconds:g} s")

    def _most(self) -> int:
        share, backends = self.rules.max_ejected_percent, len(self._suspects)
        if share <= 0.0 or backends < 2:
            return 0
        return max(1, int(backends * share / 100.0))

    def _is_replaced(self, suspect: Suspect) -> bool:
        """Whether a backup takes over what a backend would get, if that were out."""
        if suspect.name in self.backups or self.rules.max_ejected_percent <= 0.0:
            return False
        return any(name in self._suspects and name not in self._out for name in self.backups)

    def _tell(self, suspect: Suspect, ejected: bool, cause: str) -> None:
        if self._on_change is not None:
            self._on_change(suspect.name, ejected, cause)
