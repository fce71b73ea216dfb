"""A reactor that opens nothing: for finding out what opening would fail on."""

# mypy: allow-untyped-calls, disable-error-code="misc"
# (The reactor for tests is Twisted's own, and untyped.)

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IListeningPort
from twisted.internet.testing import MemoryReactorClock


class MemoryReactor(MemoryReactorClock):
    """Takes whatever it is asked to listen on, and looks at certificates as a listener would."""

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, *rest: Any, **named: Any) -> IListeningPort:  # noqa: N803  # the interface's
        contextFactory.getContext()
        listening: IListeningPort = super().listenSSL(port, factory, contextFactory, *rest, **named)
        return listening
