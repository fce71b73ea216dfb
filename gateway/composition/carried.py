"""What one configuration hands to the next: things that are the same by identity in both.

Layer 6. Breakers, limiters, key sets, probes: whatever has a memory or a timer.
A build asks for a thing by everything that it is made from; where there is a
thing that was made from the same, the build gets that one. When the build is put
into force, the things that it did not ask for are let go; when the build fails,
those that it made.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, gatherResults

T = TypeVar("T")


class Noted:
    """What a part of a build has asked for, so that a later build that takes the part over asks for the same."""

    __slots__ = ("actions", "keys")

    def __init__(self) -> None:
        self.keys: list[Hashable] = []
        self.actions: list[Callable[[], None]] = []


@runtime_checkable
class Prepared(Protocol):
    """A service that has to be ready before a configuration that asks for it comes into force (a plugin).

    It runs from then on; where the configuration does not come into force after all, it is stopped.
    """

    def prepare(self) -> Deferred[None]:
        """Start; fails where the configuration must not come into force."""


class Carried(Service):
    """Keeps things by identity, from configuration to configuration.

    A thing that is an `IService` is started when its configuration is in force and the gateway runs, and stopped when
    no configuration asks for it any more.
    """

    def __init__(self) -> None:
        self._things: dict[Hashable, Any] = {}
        self._asked: dict[Hashable, None] = {}
        # A dictionary keeps the order in which new things are started; that of a set differs from process to process.
        self._made: dict[Hashable, None] = {}
        self._actions: list[Callable[[], None]] = []
        self._noted: Noted | None = None

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the thing of this identity, made now where there is none.

        Args:
            key: Everything that it is made from, and what kind of thing it is.
            make: Makes it; opens and starts nothing.
        """
        self._asked[key] = None
        if self._noted is not None:
            self._noted.keys.append(key)
        if key not in self._things:
            self._things[key] = make()
            self._made[key] = None
        found: T = self._things[key]
        return found

    def asked(self, key: Hashable) -> Any:
        """Return the thing of this identity if this build has asked for it, None otherwise."""
        return self._things[key] if key in self._asked else None

    def then(self, action: Callable[[], None]) -> None:
        """Do something to a thing that was there before (give it another limit) once this build is in force.

        Args:
            action: Does not fail; forgotten where the build does.
        """
        self._actions.append(action)
        if self._noted is not None:
            self._noted.actions.append(action)

    @contextmanager
    def noting(self) -> Iterator[Noted]:
        """Note what is asked for meanwhile; nothing else may build then."""
        noted = self._noted = Noted()
        try:
            yield noted
        finally:
            self._noted = None

    def again(self, noted: Noted) -> None:
        """Ask for what a part asked for that is in force, and that this build takes over as it is."""
        self._asked.update(dict.fromkeys(noted.keys))
        self._actions += noted.actions

    def all_asked(self, kind: str) -> list[Any]:
        """Return the things that this build has asked for by a key that begins so, in the order in which it did."""
        return [self._things[key] for key in self._asked if isinstance(key, tuple) and key[0] == kind]

    def unasked(self) -> list[Hashable]:
        """Return the identities of the things that this build has not asked for: in force, it lets go of them."""
        return [key for key in self._things if key not in self._asked]

    def begin(self) -> None:
        """A build begins."""
        self._asked.clear()
        self._made.clear()
        self._actions.clear()

    async def prepare(self) -> None:
        """Wait until what is new is ready, where a configuration must not come into force before it is.

        Raises:
            Exception: It will not be: the build is to be rolled back.
        """
        for key in list(self._made):
            thing = self._things[key]
            if isinstance(thing, Prepared):
                await thing.prepare()

    def commit(self) -> None:
        """The build is in force: let go of what it did not ask for, start what is new."""
        for key in [key for key in self._things if key not in self._asked]:
            self._stop(self._things.pop(key))
        if self.running:
            for key in self._made:
                _start(self._things[key])
        self._made.clear()
        actions, self._actions = self._actions, []
        for action in actions:
            action()

    def roll_back(self) -> None:
        """The build failed: let go of what it made."""
        for key in self._made:
            self._stop(self._things.pop(key, None))
        self._made.clear()
        self._actions.clear()

    def startService(self) -> None:
        """Start what there is."""
        super().startService()
        for thing in self._things.values():
            _start(thing)

    def stopService(self) -> Deferred[Any]:
        """Stop what there is; fires when all of it has stopped."""
        super().stopService()
        return gatherResults([stopping for thing in self._things.values() if (stopping := self._stop(thing))])

    def _stop(self, thing: object) -> Deferred[Any] | None:
        if IService.providedBy(thing) and thing.running:
            stopping: Deferred[Any] | None = thing.stopService()
            return stopping
        return None


def _start(thing: object) -> None:
    if IService.providedBy(thing) and not thing.running:
        thing.startService()
