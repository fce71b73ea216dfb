"""Tell of certificates that end soon, or have ended: each once a day, as long as a listener shows it.

A service under the gateway's `MultiService`. Who watches the metrics has an alert for it
(`gateway_certificate_end_timestamp_seconds`); this is for who reads the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

INTERVAL = 60.0
"""Seconds between two looks: a certificate that a reload has brought is looked at soon."""

SOON = 14 * 86400.0
"""Seconds before its end from which on a certificate is told of, as in the alert GatewayCertificateEndsSoon."""

AGAIN = 86400.0
"""Seconds after which the same is told again."""

_log = Logger()


class CertificateEnds(Service):
    """Looks at what listeners show.

    Args:
        shown: Returns listener, name and end (Unix seconds) of each certificate.
        clock: Keeps time.
        wall_clock: Unix seconds.
    """

    name = "certificate-ends"

    def __init__(
        self, shown: Callable[[], Iterable[tuple[str, str, float]]], clock: Any, wall_clock: Callable[[], float]
    ) -> None:
        self._shown = shown
        self._wall_clock = wall_clock
        self._told: dict[tuple[str, str, float], float] = {}
        self._looking = LoopingCall(self.look)
        self._looking.clock = clock

    def startService(self) -> None:
        """Look now, and from time to time."""
        Service.startService(self)
        self._looking.start(INTERVAL)

    def stopService(self) -> None:
        """Look no more."""
        Service.stopService(self)
        if self._looking.running:
            self._looking.stop()

    def look(self) -> None:
        """Tell of those that end soon and have not been told of for a day."""
        now = self._wall_clock()
        soon = [one for one in self._shown() if one[2] - now < SOON]
        # What is not shown any more, or was renewed, is forgotten.
        self._told = {one: self._told[one] for one in soon if one in self._told}
        for one in soon:
            if now - self._told.get(one, -AGAIN) >= AGAIN:
                self._told[one] = now
                _tell(*one, now)


def _tell(listener: str, name: str, end: float, now: float) -> None:
    days = (end - now) / 86400
    if days < 0:
        _log.error(
            "The certificate {name} at {listener} has ended {ago:.1f} days ago",
            name=name,
            listener=listener,
            ago=-days,
            days=round(days, 1),
            event="certificate.ends_soon",
        )
    else:
        _log.warn(
            "The certificate {name} at {listener} ends in {days} days",
            name=name,
            listener=listener,
            days=round(days, 1),
            event="certificate.ends_soon",
        )
