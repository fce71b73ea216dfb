"""What the admin API asks for, by the one mechanism that changes configurations (`gateway.composition.changes`).

Tests: `tests/admin/test_configuration.py::test_a_route_is_put_and_deleted`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.admin.changing import Past, Planned, as_json, refusal
from gateway.composition.changes import Changes, Plan, Stopping
from gateway.composition.configured import Configured
from gateway.composition.overlay_file import NotKept
from gateway.composition.reader import CannotRead
from gateway.composition.slices import Slices
from gateway.composition.versions import OtherVersion, UnknownVersion, Version
from gateway.config import ConfigError, Settings
from gateway.config.editing import AlreadyThere, Edit, NoSuchObject
from gateway.config.effective import in_parts
from gateway.config.overlays import Overlay
from gateway.config.problems import NotPossible, Problem
from gateway.config.sources import Source
from gateway.errors import ConfigurationChanged, GatewayError, InternalError, RouteNotFound, ShuttingDown

SHOWING: Final = 250
"""Work of writing a thing of the configuration as data."""

_log = Logger()


class Administration:
    """Plans, changes and rolls back for the admin API.

    Args:
        changes: Makes the changes.
        configured: Knows what they are made from.
        settings: Returns what is in force.
        slices: Makes what counts the work of showing it.
    """

    def __init__(
        self,
        changes: Changes,
        configured: Configured,
        settings: Callable[[], Settings],
        slices: Callable[[], Slices] = Slices,
    ) -> None:
        self._slices = slices
        self._shown: tuple[Settings, bytes] | None = None
        self._changes = changes
        self._configured = configured
        self._settings = settings

    @property
    def version(self) -> str:
        """The name of the version in force."""
        return self._changes.version

    @property
    def settings(self) -> Settings:
        """What is in force."""
        return self._settings()

    @property
    def overlay(self) -> Overlay:
        """What is over the files."""
        return self._configured.overlay

    @property
    def durable(self) -> bool:
        """Whether a restart finds the overlay."""
        return self._configured.overlay_path is not None and not self._configured.doubt

    @property
    def doubt(self) -> str:
        """Why a restart may not find the overlay, which has a file."""
        return self._configured.doubt

    def versions(self) -> list[Past]:
        """Return the versions that are kept, that in force first."""
        return [Past(one.name, one.at, one.who, one.changes) for one in self._changes.versions()]

    def check(self, body: Source) -> Deferred[Sequence[Problem]]:
        """Return what is doubtful about a whole configuration; fails with a `GatewayError`."""
        return ensureDeferred(self._configured.checked(body)).addErrback(_refused)

    async def shown(self) -> bytes:
        """Return what is in force, as JSON, secrets masked; made once for a version, and in slices."""
        settings = self.settings
        if self._shown is None or self._shown[0] is not settings:
            slices, parts = self._slices(), in_parts(settings)
            while True:
                try:
                    written = next(parts)
                except StopIteration as done:
                    self._shown = settings, as_json(done.value)
                    break
                await slices.did(written * SHOWING)
        return self._shown[1]

    async def origins(self, search: str, start: int, end: int, written: bool) -> dict[str, Any]:
        """Return some of the values in force, each with its place; fails with a `GatewayError`."""
        try:
            return await self._configured.origins(search, start, end, written)
        except ConfigError as error:
            raise refusal(error.problems) from None

    def plan(self, edit: Edit, expected: str | None) -> Deferred[Planned]:
        """Say what a change would do; fails with a `GatewayError`."""

        def planned(plan: Plan) -> Planned:
            return Planned(plan.version, plan.version, plan.changes)

        return self._changes.plan(lambda: self._configured.edited(edit), expected).addCallbacks(planned, _refused)

    def change(self, edit: Edit, who: str, expected: str | None) -> Deferred[Planned]:
        """Put a change into force; fails with a `GatewayError`."""
        done = self._changes.apply(lambda: self._configured.edited(edit), who, expected, self._configured.keep)
        return done.addCallbacks(self._made, _refused)

    def roll_back(self, version: str, who: str, expected: str | None) -> Deferred[Planned]:
        """Put an earlier version into force; fails with a `GatewayError`."""
        keep = partial(self._configured.go_back, version)
        return self._changes.roll_back(version, who, expected, keep).addCallbacks(self._made, _refused)

    def _made(self, version: Version) -> Planned:
        names = [one.name for one in self._changes.versions()]
        before = names[names.index(version.name) + 1]
        return Planned(before, version.name, version.changes)


def _refused(failure: Failure) -> Any:
    """Say in the answer's words why a change was not made."""
    raise _error(failure) from None


def _error(failure: Failure) -> GatewayError:
    error = failure.value
    if isinstance(error, ConfigError):
        return refusal(error.problems)
    if isinstance(error, OtherVersion):
        return ConfigurationChanged(f"The configuration in force is version {error.version}.")
    if isinstance(error, AlreadyThere):
        return ConfigurationChanged(str(error))
    if isinstance(error, (UnknownVersion, NoSuchObject)):
        return RouteNotFound(str(error))
    if isinstance(error, (Stopping, CannotRead)):
        return ShuttingDown()
    if isinstance(error, NotKept):
        _log.error("The overlay cannot be written, so nothing was changed: {error}", error=str(error))
        return InternalError(f"The overlay cannot be written, so nothing was changed: {error}.")
    if isinstance(error, NotPossible):
        return refusal(error.problems)
    # A plugin, a file or a library that the configuration names has failed: what is in force stays in force.
    _log.failure("Nothing can be built from the configuration that was sent", failure)
    return refusal([Problem("", 0, 0, "", "it cannot be built; the gateway's log says why")])
