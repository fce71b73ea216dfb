"""`MemoryGateway`: the parts of one gateway, assembled over memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gateway.answering.health import State
from gateway.composition.assembly import Gateway, assemble
from gateway.config import Settings
from gateway.listening.listeners import Entry
from gateway.memory.network import MemoryNetwork
from gateway.memory.stand_ins import MemoryLog, NoThreads
from gateway.transport.deadlines import INTERVAL

if TYPE_CHECKING:
    from gateway.composition.whole import Whole

EPOCH = 1_780_000_000.0
"""Unix seconds when the virtual clock shows 0."""


def virtual_clock() -> Clock:
    """Return a clock that has been running for a while, as a machine's has."""
    clock = Clock()
    clock.advance(1_000_000.0)
    return clock


class _Closing(Protocol):
    """A connection that the port closes at once: its factory has made no protocol for it."""

    def connectionMade(self) -> None:
        self.transport.loseConnection()  # type: ignore[union-attr]


class MemoryGateway:
    """The real site, chain, forwarder and pool; nothing is opened, and nothing happens unless it is told to.

    Args:
        settings: The configuration.
        network: What it dials into, and whose clock is its own.
        chance: For everything that is left to chance.
        wall_clock: Unix seconds; by default they move with the virtual clock.
        whole: What is in common with other workers, where there are some.
        log: Takes its access log; by default one that keeps it.

    Attributes:
        network: As given.
        log: Its access log.
        parts: What it is assembled of.

    Raises:
        gateway.config.ConfigError: Something that the configuration names cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        network: MemoryNetwork,
        chance: random.Random,
        wall_clock: Callable[[], float] | None = None,
        whole: Whole | None = None,
        log: MemoryLog | None = None,
    ) -> None:
        self.network = network
        self.log = MemoryLog() if log is None else log
        self.parts: Gateway = assemble(
            settings,
            network.clock,
            now=self.now,
            wall_clock=wall_clock or (lambda: EPOCH + network.clock.seconds()),
            random_bytes=chance.randbytes,
            chance=chance.random,
            dialer=network,
            make_writer=lambda path: self.log,  # type: ignore[arg-type, return-value]
            threads=lambda most, name: NoThreads(),
            later=network.soon,
            whole=whole,
        )

    def now(self) -> float:
        """Return monotonic seconds: as in production not what the reactor's clock shows, lest the two be mixed."""
        return self.network.clock.seconds() - 500_000.0

    def start(self) -> None:
        """Begin to do by itself what it does by itself: probes, refreshing keys."""
        self.parts.foundation.health.state = State.RUNNING
        self.parts.foundation.carried.startService()

    def accept(
        self,
        client: IProtocol,
        address: str,
        listener: str | None = None,
        secure: bool = False,
        certificate: Any = None,
    ) -> None:
        """Let a client connect from an address.

        Args:
            client: Its protocol.
            address: Where it is.
            listener: The name of the listener that it connects to; the first one by default.
            secure: Whether it is taken for a connection with TLS, whatever the listener is.
            certificate: What the client shows in the handshake, as pyOpenSSL has it; None for nothing.

        Raises:
            LookupError: There is no such listener.
        """
        ports = {one.name: Entry(one.endpoint, one.proxy_protocol) for one in self.parts.root.tree.settings.listeners}
        port = next(iter(ports.values()), Entry("")) if listener is None else ports[listener]
        channel = self.parts.listeners.factory_of(port).buildProtocol(IPv4Address("TCP", address, 50000))
        self.network.connect(
            client, _Closing() if channel is None else channel, address, secure=secure, certificate=certificate
        )
        self.network.pump()

    def advance(self, seconds: float) -> None:
        """Let time pass, in the steps in which deadlines are looked at."""
        left = seconds
        while left > 0:
            step = min(INTERVAL, left)
            self.network.clock.advance(step)
            left -= step
            self.parts.foundation.deadlines.sweep()
            self.network.pump()

    def apply(self, settings: Settings) -> None:
        """Put another configuration into force, as a reload does; what has to be ready before that has no time for it.

        Raises:
            Exception: It cannot come into force: what was in force is so still.
        """
        carried = self.parts.foundation.carried
        try:
            snapshot = self.parts.build(settings, self.log)  # type: ignore[arg-type]
            failures: list[Failure] = []
            ensureDeferred(carried.prepare()).addErrback(failures.append)
            for failure in failures:
                failure.raiseException()
        except BaseException:
            self.parts.foundation.pool.retain(self.parts.root.tree.pool_keys)
            carried.roll_back()
            raise
        self.parts.put_in_force(snapshot)
        self.parts.foundation.pool.retain(snapshot.pool_keys)
        carried.commit()
        self.network.pump()
