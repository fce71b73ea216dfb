"""What stands between a producer and the transport below TLS.

Used by `gateway.transport.memory_tls`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.python import log
from zope.interface import implementer

NEXT_TURN = 1e-8
"""Seconds, as Twisted's cooperator has it: with 0 a clock of a test would never come to an end of its turn."""


@implementer(IPushProducer)
class Membrane:
    """Stands before a producer: it is paused while the transport below is full, or while writes wait for TLS."""

    __slots__ = ("_below", "_tls", "producer")

    def __init__(self, producer: Any) -> None:
        self.producer = producer
        self._below = False
        self._tls = False

    def pauseProducing(self) -> None:
        """The transport below is full."""
        paused, self._below = self._below or self._tls, True
        if not paused:
            self.producer.pauseProducing()

    def resumeProducing(self) -> None:
        """The transport below has room."""
        paused, self._below = self._below, False
        if paused and not self._tls:
            self.producer.resumeProducing()

    def pause_for_tls(self) -> None:
        """What is written waits for the other end."""
        paused, self._tls = self._below or self._tls, True
        if not paused:
            self.producer.pauseProducing()

    def resume_after_tls(self) -> None:
        """Nothing waits for the other end."""
        paused, self._tls = self._tls, False
        if paused and not self._below:
            self.producer.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.producer.stopProducing()


@implementer(IPushProducer)
class Pulled:
    """Makes a pull producer one that can be paused: what it writes is encrypted before the queue below has it.

    It is asked once a turn of the reactor, as long as there is room.

    Args:
        producer: An `IPullProducer`.
        later: Calls a function in the next turn: `reactor.callLater`.
        failed: Called where the producer raises an exception, which is logged.
    """

    def __init__(self, producer: Any, later: Callable[..., Any], failed: Callable[[], None]) -> None:
        self._producer = producer
        self._later = later
        self._failed = failed
        self._waiting = False
        self._paused = False
        self._over = False

    def resumeProducing(self) -> None:
        """Begin to ask, or go on."""
        self._paused = False
        self._ask_later()

    def pauseProducing(self) -> None:
        """There is no room."""
        self._paused = True

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._over = True
        self._producer.stopProducing()

    def stop_asking(self) -> None:
        """The producer has nothing more."""
        self._over = True

    def _ask_later(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._later(NEXT_TURN, self._ask)

    def _ask(self) -> None:
        self._waiting = False
        if self._paused or self._over:
            return
        try:
            self._producer.resumeProducing()
        except Exception:  # noqa: BLE001  # whatever a producer raises ends its connection, not the reactor's turn
            log.err(None, "a producer failed")
            self._over = True
            self._failed()
            return
        self._ask_later()
