"""Where connections wait that begin with a PROXY header: watched, drained and counted by the site.

The site's side of `gateway.listening.introductions`. Who may introduce clients is asked of the configuration in force,
for each connection; a reload changes it for those that come after it.

Tests: `tests/flow/test_introductions.py::test_who_is_not_trusted_is_closed_unread`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from gateway.serving.site import GatewaySite

if TYPE_CHECKING:
    from gateway.listening.introductions import Introduction

AGAIN = 60.0
"""Seconds until a cause is told again: whoever is turned away comes back."""

_log = Logger()


class Reception:
    """Lets connections wait for their headers (`gateway.listening.introduced.Reception`).

    Args:
        site: The gateway's.
        count: Counts a connection that is closed, by its cause.
    """

    def __init__(self, site: GatewaySite, count: Callable[[str], None]) -> None:
        self._site = site
        self._count = count
        self._told: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def admits(self, peer: str) -> bool:
        """Whether a peer may introduce clients."""
        return peer in self._site.rules.trusted

    def begun(self, connection: Introduction) -> float:
        """Watch a connection; returns when it is out of time."""
        self._site.connected(connection)
        return self._site.now() + self._site.options.client_header

    def over(self, connection: Introduction) -> None:
        """It waits no more."""
        self._site.disconnected(connection)

    def refused(self, peer: str, cause: str, why: str) -> None:
        """Count it, and say so: of each cause one line a minute."""
        self._count(cause)
        now = self._site.now()
        before = self._untold.pop(cause, 0)
        if now < self._told.get(cause, 0.0):
            self._untold[cause] = before + 1
            return
        self._told[cause] = now + AGAIN
        more = f"; and {before} more since this was said last" if before else ""
        _log.warn(
            "Closed a connection of {client_ip} to a listener with `proxy_protocol`: {cause}{more}",
            client_ip=peer or "a UNIX socket",
            cause=why,
            more=more,
            event="proxy_protocol.refused",
        )
