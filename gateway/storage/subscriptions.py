"""Messages that instances send each other through Redis: a connection that listens, kept up.

Redis keeps no message for who is not there. After a connection was lost
something may have been missed, and who listens is told that.

Tests: `tests/storage/test_redis.py`.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gateway.config.redis_url import RedisAddress
from gateway.storage.redis_link import Dial, Link
from gateway.storage.resp import pack

OnMessage = Callable[[bytes], object]
OnMissed = Callable[[], object]

INTERVAL = 10.0
"""Seconds between two PINGs: a connection that only listens does not notice by itself that nobody is there."""


class Subscriptions:
    """The channels that somebody listens to; without any there is no connection.

    Args:
        address: Where Redis is.
        dial: Connects to a host and port.
        reactor: Keeps time.
        random: From 0 up to 1.
    """

    _log = Logger()

    def __init__(self, address: RedisAddress, dial: Dial, reactor: Any, random: Callable[[], float]) -> None:
        self._link = Link(address, dial, reactor, random, self._up, lambda link, cause: self._down())
        self._reactor = reactor
        self._listeners: dict[bytes, list[tuple[OnMessage, OnMissed | None]]] = {}
        self._running = False
        self._linked = False
        self._was_up = False
        self._heard = True
        self._timer: Any = None

    def add(self, channel: str, on_message: OnMessage, on_missed: OnMissed | None = None) -> Callable[[], None]:
        """Hear the messages of a channel.

        Args:
            channel: Its name.
            on_message: Takes each message.
            on_missed: Called when the connection is back after it was lost: there may have been messages meanwhile.

        Returns:
            What ends it.
        """
        name, listener = channel.encode(), (on_message, on_missed)
        listeners = self._listeners.setdefault(name, [])
        listeners.append(listener)
        if len(listeners) == 1:
            self._say(b"SUBSCRIBE", name)
        self._connect()

        def end() -> None:
            if listener in listeners:
                listeners.remove(listener)
                if not listeners:
                    del self._listeners[name]
                    self._say(b"UNSUBSCRIBE", name)

        return end

    def start(self) -> None:
        """Connect, where somebody listens."""
        self._running = True
        self._connect()

    def stop(self) -> Deferred[None] | None:
        """Close; fires when it is closed."""
        self._running = False
        self._cancel_timer()
        return self._link.stop()

    def _connect(self) -> None:
        if self._running and self._listeners and not self._linked:
            self._linked = True
            self._link.start()

    def _up(self, link: Link) -> None:
        assert link.connection is not None
        link.connection.pushed = self._received
        if self._listeners:
            self._say(b"SUBSCRIBE", *self._listeners)
        self._heard = True
        self._timer = self._reactor.callLater(INTERVAL, self._ping)
        if self._was_up:
            for _, on_missed in [one for listeners in self._listeners.values() for one in listeners]:
                if on_missed is not None:
                    self._call(on_missed)
        self._was_up = True

    def _down(self) -> None:
        self._cancel_timer()

    def _ping(self) -> None:
        self._timer = None
        if not self._heard:
            self._link.drop()
            return
        self._heard = False
        self._say(b"PING")
        self._timer = self._reactor.callLater(INTERVAL, self._ping)

    def _say(self, *words: bytes) -> None:
        connection = self._link.connection
        if connection is not None:
            connection.transport.write(pack(*words))

    def _received(self, reply: Any) -> None:
        self._heard = True
        if not isinstance(reply, list) or len(reply) != 3 or reply[0] != b"message":
            return  # the answers to SUBSCRIBE and PING
        for on_message, _ in list(self._listeners.get(reply[1], ())):
            self._call(on_message, reply[2])

    def _call(self, listener: Callable[..., object], *args: bytes) -> None:
        try:
            listener(*args)
        except Exception:  # noqa: BLE001 - the other listeners hear it
            self._log.failure("A listener failed on a message from Redis")

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
