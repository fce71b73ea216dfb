"""Put configurations into force in all workers or in none: the stage of a parent (`gateway.composition.changes`).

First all prepare: each builds everything, and waits. Then all are told to put it into force; or, where one of them
cannot build it, all forget it. A worker that dies between the two is replaced by one with what is in force by then:
no process is started meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred
from twisted.logger import Logger

from gateway.composition.changes import Keep, Unfit
from gateway.composition.configured import Configured
from gateway.config import ConfigError, Problem, Settings
from gateway.processes.channel import Channel, ChannelError, ChannelLost, Refused
from gateway.processes.edition import Edition
from gateway.processes.made import FILES, NotTold, told
from gateway.processes.sockets import Fresh, Sockets
from gateway.processes.team import Team

LONG: Final = 120.0
"""Seconds in which a worker builds a configuration, whatever its size, or puts it into force."""

_log = Logger()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is ready in all workers.

    Attributes:
        channels: Theirs.
        fresh: Sockets that are new.
        edition: What it was made from.
    """

    channels: list[Channel]
    fresh: Fresh
    edition: Edition


class WholeStage:
    """The stage.

    Args:
        configured: Knows what configurations are made from.
        sockets: Those of all workers.
        team: The workers.
        stopping: Whether the whole has begun to stop.

    Attributes:
        edition: What is in force.
    """

    def __init__(self, configured: Configured, sockets: Sockets, team: Team, stopping: Callable[[], bool]) -> None:
        self._configured = configured
        self._sockets = sockets
        self._team = team
        self._stopping = stopping
        self.edition = Edition(*configured.made_from(configured.settings), configured.settings)

    @property
    def settings(self) -> Settings:
        """Those in force."""
        return self._configured.settings

    @property
    def stopping(self) -> bool:
        """Whether the whole has begun to stop."""
        return self._stopping()

    def reloaded(self, done: bool) -> None:
        """Have one worker count it: figures are those of all of them."""
        for _, channel in self._team.serving()[:1]:
            channel.tell("reloaded", done)

    async def rehearse(self, settings: Settings) -> None:
        """Have one worker build it, and let go of it again.

        Raises:
            gateway.config.ConfigError: It cannot be built, for what is wrong at these places.
            Unfit: It cannot be built.
        """
        for _, channel in self._team.serving()[:1]:
            try:
                if await channel.ask("rehearse", self._said(settings), LONG) == FILES:
                    await channel.ask("rehearse", self._in_files(settings), LONG)
            except ChannelError as error:
                raise _unfit(error) from None

    async def prepare(self, settings: Settings, keep: Keep | None) -> Prepared:
        """Have all workers build it.

        Raises:
            gateway.config.ConfigError: One of them cannot, for what is wrong at these places; all have forgotten it.
            Unfit: One of them cannot; all have forgotten it.
            gateway.listening.endpoints.ListenFailed: A port cannot be opened.
        """
        edition = Edition(*self._configured.made_from(settings), settings)
        fresh = await self._sockets.prepare(settings)
        self._team.held = True
        channels: list[Channel] = []
        try:
            await self._team.when(self._team.steady)
            self._team.rest(still=True)
            channels = await self._all_prepare(settings, fresh)
            kept = None if keep is None else keep(settings)
            if kept is not None:
                await kept
        except BaseException:
            self._team.release()
            for _, channel in self._team.serving():
                channel.tell("forget")
            self._sockets.abandon(fresh)
            raise
        return Prepared(channels, fresh, edition)

    async def commit(self, settings: Settings, ready: Prepared, in_force: Callable[[], None]) -> None:
        """Have all workers put it into force; one that does not answer is not what it is to be, and replaced."""
        try:
            await self._commit(settings, ready, in_force)
        finally:
            self._team.release(anew=True)

    async def _commit(self, settings: Settings, ready: Prepared, in_force: Callable[[], None]) -> None:
        self.edition = ready.edition
        in_force()
        answers = [channel.ask("commit", patience=LONG) for channel in ready.channels]
        for channel, (done, failure) in zip(ready.channels, await _all(answers), strict=True):
            if not done and not failure.check(ChannelLost):
                _log.error("A worker has not put the configuration into force: {why}", why=failure.getErrorMessage())
                channel.close()  # so it drains, and another comes
        await self._sockets.commit(settings, ready.fresh)

    def _said(self, settings: Settings) -> dict[str, Any]:
        """Return settings as they are told to workers in which those of this process are in force."""
        try:
            return {"made": told(settings, self._configured.settings)}
        except NotTold:
            return self._in_files(settings)

    def _in_files(self, settings: Settings) -> dict[str, Any]:
        return {"edition": Edition(*self._configured.made_from(settings)).body()}

    async def _all_prepare(self, settings: Settings, fresh: Fresh) -> list[Channel]:
        said = self._said(settings)
        serving = self._team.serving()
        asked = [
            ensureDeferred(self._one_prepares(index, channel, said, settings, fresh)) for index, channel in serving
        ]
        ready = []
        refusals = []
        for (_, channel), (done, failure) in zip(serving, await _all(asked), strict=True):
            if done:
                ready.append(channel)
            elif not failure.check(ChannelLost):
                refusals.append(failure.value)
        if refusals:
            # What a worker says of the configuration is worth more than that another has not answered.
            raise _unfit(next((each for each in refusals if isinstance(each, Refused)), refusals[0]))
        return ready

    async def _one_prepares(
        self, index: int, channel: Channel, said: dict[str, Any], settings: Settings, fresh: Fresh
    ) -> None:
        share = self._sockets.share(index, fresh)
        sockets = {"sockets": [list(given) for given in share.sockets], "shared": share.shared}
        descriptors = [given.descriptor for given in share.sockets]
        if await channel.ask("prepare", said | sockets, LONG, descriptors) == FILES:
            await channel.ask("prepare", self._in_files(settings) | sockets, LONG, descriptors)


def _unfit(error: Exception) -> ConfigError | Unfit:
    """Return what a worker has said, with the places of its problems where it has said any."""
    said = error.problems if isinstance(error, Refused) else ()
    return ConfigError(Problem(*each) for each in said) if said else Unfit(str(error))


async def _all(asked: list[Deferred[Any]]) -> list[tuple[bool, Any]]:
    found: list[tuple[bool, Any]] = await DeferredList(asked, consumeErrors=True)
    return found
