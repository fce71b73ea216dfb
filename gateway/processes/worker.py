"""A worker: one gateway, which its parent tells what to serve, when to change and when to end.

Made by `gateway.tap` in a process that `gateway.processes.launching` has started. It says `up` when it serves, `failed`
with the words of an error when it cannot, `closed` when it accepts no connection any more; and it hears `alive`,
`prepare`, `commit`, `forget`, `rehearse`, `reloaded`, `logs`, `stand_in`, `stand_down`, `drain` and `hurry`. When its
parent is gone it drains.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.composition.changes import Read, Unfit
from gateway.composition.configured import Configured
from gateway.composition.lifecycle import GatewayService
from gateway.composition.origin import Origin
from gateway.composition.patience import within
from gateway.composition.starting import StartError
from gateway.config import ConfigError, Settings
from gateway.config.lent_files import lent
from gateway.listening.endpoints import ListenFailed
from gateway.processes.assignment import Assignment
from gateway.processes.channel import Channel, Handler, connect, told
from gateway.processes.edition import Edition
from gateway.processes.made import FILES, NotTold, heard
from gateway.processes.stand_ins import STAND_DOWN, STAND_IN
from gateway.transport.inherited import Given, Inherited

if TYPE_CHECKING:
    from gateway.processes.substitute import Substitute  # loaded when another worker is not there

PARTING: Final = 1.0
"""Seconds for the last words to the parent."""

NOT_OURS: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that a terminal, or who means all processes, sends to workers too: the parent acts on them."""

_log = Logger()


class Forgotten(Exception):
    """What was prepared does not come into force."""


class Worker(Service):
    """The service of a worker.

    Args:
        told: By the parent.
        channel: To it; it speaks when this service starts.
        reactor: The running one.
        environ: For substitution and overrides.
        make: Makes the gateway: of where its configuration comes from, and the sockets that it is given.
        whole: What all workers have in common; None in a test.
        take_signal: Sets the handler of a signal.

    Attributes:
        gateway: What it serves.
        channel: To the parent.

    Raises:
        gateway.config.ConfigError: The configuration cannot be used.
    """

    def __init__(
        self,
        told: Assignment,
        channel: Channel,
        reactor: Any,
        environ: Mapping[str, str],
        make: Callable[[Origin, Inherited], GatewayService],
        whole: Any = None,
        take_signal: Callable[[int, Any], object] = signal.signal,
    ) -> None:
        self._told = told
        self._reactor = reactor
        self._clock: IReactorTime = reactor
        self._whole = whole
        self._take_signal = take_signal
        self.channel = channel
        edition = Edition.read(told.edition)
        if edition.settings is None:
            self._configured = Configured.told(edition.found, edition.overlay, environ)
        else:
            self._configured = Configured.of_another(edition.settings, environ, (edition.found, edition.overlay))
        self._inherited = Inherited(told.sockets, told.shared)
        self.gateway = make(Origin(self._configured), self._inherited)
        self._verdict: Deferred[None] | None = None
        self._applied: Deferred[Any] | None = None
        self._ending = False
        self._substitute: Substitute | None = None
        handlers: dict[str, Handler] = {
            "alive": lambda _: True,
            "prepare": self._prepare,
            "commit": self._commit,
            "forget": lambda _: self._forget(),
            "rehearse": self._rehearse,
            "reloaded": self.gateway.count_reload,
            "logs": lambda _: self.gateway.reopen_logs(),
            "drain": self._drain,
            STAND_IN: self._stand_in,
            STAND_DOWN: self._stand_down,
            "hurry": lambda _: self.gateway.hurry(),
        }
        for kind, handler in handlers.items():
            channel.on(kind, handler)

    def startService(self) -> None:
        """Speak with the parent, and serve when it has said what stands."""
        super().startService()
        connect(self._reactor, self._told.channel, self.channel)
        self.channel.lost.addCallback(lambda _: self._orphaned())
        self._reactor.callWhenRunning(self._take_signals)
        self._reactor.callWhenRunning(lambda: ensureDeferred(self._serve()))

    def stopService(self) -> Deferred[None]:
        """Drain."""
        super().stopService()
        self._ending = True
        return ensureDeferred(self._stop())

    async def _serve(self) -> None:
        try:
            if self._whole is not None:
                await self._whole.welcome()
            if self._ending:
                return
            self.gateway.startService()
            if self._whole is not None:
                self._whole.startService()
        except StartError as error:
            self._give_up(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody is served
            _log.failure("This worker cannot serve")
            self._give_up(f"gateway: a worker cannot serve: {error}")
        else:
            self.gateway.when_closed(lambda: self.channel.tell("closed"))
            self.channel.tell("up")
            lent.end()

    def _give_up(self, words: str) -> None:
        self.channel.tell("failed", words)
        self._end()

    async def _stop(self) -> None:
        self._forget()
        if self.gateway.running:
            await self.gateway.stopService()
        if self._whole is not None and self._whole.running:
            self._whole.stopService()
        self.channel.close()
        await within(self.channel.lost, PARTING, self._clock)

    def _take_signals(self) -> None:
        for number in NOT_OURS:
            # A handler that does nothing, not SIG_IGN: programs that this process starts would inherit that.
            self._take_signal(number, lambda number, frame: None)

    def _orphaned(self) -> None:
        """The parent is gone."""
        if not self._ending:
            _log.error("The parent process is gone: this worker drains", event="worker.orphaned")
            self._end()

    def _drain(self, body: Mapping[str, Any]) -> None:
        if body["handed_over"]:
            self.gateway.ports.hand_over()
        self._end()

    def _end(self) -> None:
        if not self._ending:
            self._ending = True
            self._reactor.callWhenRunning(self._reactor.stop)

    def _stand_in(self, body: Mapping[str, Any]) -> None:
        """Accept at the queues of a worker that is not there."""
        descriptors = self.channel.received
        try:
            if self._substitute is None:
                from gateway.processes.substitute import Substitute  # few are ever asked

                self._substitute = Substitute(lambda: self.gateway.gateway.listeners.open)
            given = [Given(*said) for said in body["sockets"]]
            handed = [each._replace(descriptor=new) for each, new in zip(given, descriptors, strict=True)]
            if not self._ending:
                self._substitute.stand_in(body["place"], handed)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _stand_down(self, place: int) -> None:
        if self._substitute is not None:
            self._substitute.stand_down(place)

    # A configuration, in two steps.

    def _prepare(self, body: Mapping[str, Any]) -> Deferred[None] | str:
        """Build everything that a configuration needs; fires when it is ready, and waits for a verdict then.

        Returns:
            `FILES` where it has to be told the files.
        """
        try:
            read = self._said(body)
        except NotTold:
            for descriptor in self.channel.received:
                os.close(descriptor)
            return FILES
        handed = zip(body["sockets"], self.channel.received, strict=True)
        sockets = [Given(*said)._replace(descriptor=descriptor) for said, descriptor in handed]
        self._inherited.add(sockets, [(where, port) for where, port in body["shared"]])
        ready: Deferred[None] = Deferred()
        verdict: Deferred[None] = Deferred()

        def keep(settings: Settings) -> Deferred[None]:
            self._verdict = verdict
            ready.callback(None)
            return verdict

        def failed(failure: Failure) -> None:
            self._inherited.close()
            if failure.check(Forgotten):
                return
            if ready.called:
                _log.failure("What was prepared did not come into force", failure)
                self._end()  # it is not what the others are
                return
            if not failure.check(ConfigError, ListenFailed, Unfit):
                _log.failure("Nothing can be built from the configuration", failure)
            ready.errback(failure)

        changes = self.gateway.changes
        self._applied = changes.apply(read, "parent", None, keep)
        self._applied.addErrback(failed)
        return ready

    def _commit(self, body: object) -> Deferred[None]:
        applied, self._applied = self._applied, None
        verdict, self._verdict = self._verdict, None
        if applied is None or verdict is None:
            raise LookupError("nothing is ready")
        done: Deferred[None] = Deferred()
        applied.addCallback(lambda _: self._inherited.close())
        applied.chainDeferred(done)
        verdict.callback(None)
        return done

    def _forget(self) -> None:
        verdict, self._verdict = self._verdict, None
        if verdict is not None:
            verdict.errback(Forgotten())

    async def _rehearse(self, body: Mapping[str, Any]) -> str | None:
        try:
            read = self._said(body)
        except NotTold:
            return FILES
        await self.gateway.changes.plan(read)
        return None

    def _said(self, body: Mapping[str, Any]) -> Read:
        """Return what reads the configuration that the parent means.

        Raises:
            gateway.processes.made.NotTold: It has to say what that is made from.
        """
        if "edition" in body:
            edition = Edition.of(body["edition"])
            return lambda: self._configured.taken(edition.found, edition.overlay)
        settings = heard(body["made"], self.gateway.settings)
        return lambda: self._configured.made_elsewhere(settings)


def say_that_it_failed(descriptor: int, words: str) -> None:
    """Tell the parent why there is no gateway; the reactor does not run, so nobody else speaks on this descriptor."""
    os.write(descriptor, told("failed", words))
