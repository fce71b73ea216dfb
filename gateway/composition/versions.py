"""The configurations that were put into force, each with when, by whom, and what it changed; the last few are kept.

Kept by `gateway.composition.changes`. A version's name is a text: a number, from 1 at the start, and a mark of the
start: `"3-9f86d081"`. Without the mark, a change that was meant for version 3 of a process would fit version 3 of the
process that was started after it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from gateway.composition.collecting import let_go
from gateway.composition.past import Past, packed, unpacked
from gateway.composition.slices import Slices
from gateway.config import Settings
from gateway.config.differences import Difference

KEPT = 20
"""Versions that can be gone back to, with the one in force."""


class UnknownVersion(LookupError):
    """No version of this name is kept.

    Attributes:
        version: The name.
    """

    def __init__(self, version: str) -> None:
        super().__init__(f"There is no version {version!r}, or it is no longer kept.")
        self.version = version


class OtherVersion(Exception):
    """The configuration is not the one any more that the change was made for; nothing was changed.

    Attributes:
        expected: The version that it was made for.
        version: The version in force.
    """

    def __init__(self, expected: str, version: str) -> None:
        super().__init__(f"The configuration in force is version {version}, not {expected}.")
        self.expected = expected
        self.version = version


@dataclass(frozen=True, slots=True)
class Version:
    """A configuration that is, or was, in force; what it says is asked of `Versions`.

    Attributes:
        name: What it is called.
        at: Unix seconds when it came into force.
        who: Who put it there: `start`, `SIGHUP`, `watch`, `application`, `admin:NAME`.
        changes: What it has other than the version before it.
    """

    name: str
    at: float
    who: str
    changes: tuple[Difference, ...]


class Versions:
    """The last versions.

    Args:
        settings: What the process is started with.
        at: Unix seconds.
        start: Marks the start: no other has the same.
    """

    def __init__(self, settings: Settings, at: float, start: str) -> None:
        self._start = start
        self._number = 1
        self._kept = deque([Version(self._name(), at, "start", ())], KEPT)
        # What the versions say, in the same order: that in force as it is, those before packed, but between `add` and
        # `pack`.
        self._said: deque[Settings | Past] = deque([settings], KEPT)

    @property
    def current(self) -> Version:
        """The one in force."""
        return self._kept[-1]

    def add(self, settings: Settings, at: float, who: str, changes: tuple[Difference, ...]) -> Version:
        """Note that a configuration is in force; the oldest of those that are kept is forgotten."""
        self._number += 1
        # What was said of thousands of routes before, and is again, is kept once.
        known = {change: change for change in self.current.changes}
        version = Version(self._name(), at, who, tuple([known.get(change, change) for change in changes]))
        self._kept.append(version)
        self._said.append(settings)
        return version

    async def pack(self, slices: Slices) -> None:
        """Pack what the version before that in force says; the caller lets nothing be added meanwhile."""
        before, settings = self._said[-2], self._said[-1]
        if not isinstance(before, Settings) or not isinstance(settings, Settings):
            return
        self._said[-2], gone = await packed(before, settings, slices)
        del before
        await let_go(gone, slices)

    async def settings(self, name: str, slices: Slices) -> Settings:
        """Return what a version says; nothing is added meanwhile.

        Raises:
            UnknownVersion: None of those that are kept is called so.
        """
        names = [version.name for version in self._kept]
        if name not in names:
            raise UnknownVersion(name)
        said = list(self._said)
        found = said.pop()
        assert isinstance(found, Settings)  # that in force
        for past in reversed(said[names.index(name) :]):
            found = past if isinstance(past, Settings) else await unpacked(past, found, slices)
        return found

    def newest_first(self) -> list[Version]:
        """Return those that are kept."""
        return list(reversed(self._kept))

    def _name(self) -> str:
        return f"{self._number}-{self._start}"
