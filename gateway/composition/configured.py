"""What the configuration in force was made from: the files, and over them what the admin API has changed.

Asked by `gateway.composition.lifecycle` to read the configuration, and by `gateway.composition.administration` to
change it. What a change is made from is kept as text: a tree of thousands of routes takes more memory than its text.

Note [A change is noted when it is in force]

What is read may turn out not to build. So each reading is noted as `_pending`, and becomes what is in force when
`gateway.composition.changes`, which lets in one change at a time, says that its settings are.

Tests: `tests/admin/test_configuration.py::test_files_that_change_stay_below_the_overlay`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence, Sized
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gateway.composition.made import Before, Made, check_whole, of_settings
from gateway.composition.overlay_file import Kept, OverlayFile, settle
from gateway.composition.reader import LARGE, Read, Reader
from gateway.config import ConfigError, Settings, overlays, sources
from gateway.config.apart import Question, bare, compose_over
from gateway.config.effective import effective
from gateway.config.loading import Loaded, compose, of_mapping
from gateway.config.nodes import MapNode
from gateway.config.overlays import NOTHING, Overlay
from gateway.config.problems import Problem
from gateway.config.sources import Source, Sources

if TYPE_CHECKING:
    from gateway.composition.placed import Looks, Placed
    from gateway.config.editing import Edit

_log = Logger(namespace="gateway.config")

T = TypeVar("T")

MANY = 100
"""Routes from which on a whole configuration that was put is read elsewhere."""

KEPT = 20
"""Versions whose overlay is remembered."""

Configuration = Settings | Mapping[str, Any] | str | Path

Gather = Callable[[list[Problem]], Sources]


class Configured:
    """Reads configurations, and knows what that in force was made from.

    Args:
        configuration: The first one.
        environ: For substitution and overrides.
        reading: Called before files are read.
        gather: Reads what is no path (a configuration in etcd); None for files.
        find: Returns the overlay; gets the file that the configuration names for it.
        warn: Say in the log what is doubtful.

    Attributes:
        overlay_path: Where the overlay is kept; None for nowhere.
        doubt: Why the overlay, as it was written down last, may be lost with the power; empty where it is not.

    Raises:
        ConfigError: It is wrong.
    """

    def __init__(
        self,
        configuration: Configuration | Made,
        environ: Mapping[str, str],
        reading: Callable[[], object],
        gather: Gather | None = None,
        find: Callable[[Path | None], Overlay] = overlays.on_disk,
        *,
        warn: bool = True,
    ) -> None:
        self._environ = environ
        self._reading = reading
        self._where = None if isinstance(configuration, Made) else sources.named(configuration)
        self._gather = gather
        self._find = find
        self._warns = warn
        self.overlay_path: Path | None = None
        self._pending = self._first(configuration)
        self._in_force = self._pending
        self._past: dict[str, Before] = {}
        self._readings = 0
        self._file: OverlayFile | None = None
        self._reader: Reader | None = None
        self.doubt = ""
        self._looks: Looks | None = None

    @property
    def settings(self) -> Settings:
        """What was read first, or is in force."""
        return self._in_force.settings

    @property
    def overlay(self) -> Overlay:
        """What is over the files."""
        return self._in_force.overlay

    @classmethod
    def told(cls, found: Sources, overlay: Overlay, environ: Mapping[str, str]) -> Configured:
        """Return one that another process has read, and has said what is doubtful about.

        Raises:
            ConfigError: It is wrong.
        """
        return cls("", environ, lambda: None, lambda problems: found, lambda path: overlay, warn=False)

    @classmethod
    def of_another(
        cls, settings: Settings, environ: Mapping[str, str], read: tuple[Sources, Overlay] | None = None
    ) -> Configured:
        """Return one whose settings another process has made; what of, says where something is written."""
        base, overlay = read or (None, NOTHING)
        return cls(Made(settings, base, overlay, {}), environ, lambda: None, warn=False)

    def taken(self, found: Sources, overlay: Overlay) -> Settings | Awaitable[Settings]:
        """Take what another process has read.

        Raises:
            ConfigError: It cannot be used.
        """
        return self._read(found, overlay)

    def made_elsewhere(self, settings: Settings) -> Settings:
        """Take settings that another process has made; what of is known there."""
        self._pending = Made(settings, None, NOTHING, {})
        return settings

    def made_from(self, settings: Settings) -> tuple[Sources, Overlay]:
        """Return what settings are made from that are in force, or were read last, or were in force before."""
        for made in (self._pending, self._in_force):
            if made.settings is settings and made.base is not None:
                return made.base, made.overlay
        from gateway.config import editing

        return self._base(), editing.whole(settings)

    async def written(self, settings: Settings) -> MapNode | None:
        """Do as `tree` does, beside the reactor where it is large."""
        return await self._beside(settings.routes, self.tree, settings)

    def tree(self, settings: Settings) -> MapNode | None:
        """Return what settings were made from that were read last; None where others were, or they were in no file."""
        made = self._pending
        if made.base is None or made.settings is not settings:
            return None
        with suppress(ConfigError):
            # It was read without an error before, so it is again: nobody keeps the places of thousands of routes.
            return self._composed(made.base, made.overlay).root
        return None

    def starts_as(self, version: str) -> None:
        """Say what the version is called that the process starts with."""
        self._remember(version)

    def keep_in(self, file: OverlayFile) -> None:
        """Say who writes the overlay down."""
        self._file = file

    def read_by(self, reader: Reader) -> None:
        """Say who makes settings of what is large."""
        self._reader = reader

    async def again(self) -> Settings:
        """Read the files again; what the admin API has changed stays over them.

        Raises:
            ConfigError: They cannot be used.
        """
        assert self._where is not None  # `reload` asks only where there is one
        self._reading()
        problems: list[Problem] = []
        found = self._gathered(self._where, problems)
        read = self._read(found, self.overlay, problems)
        settings = read if isinstance(read, Settings) else await read
        if self.overlay.whole is None:
            check_whole(settings, self.settings, self._where)
        return settings

    def other(self, configuration: Configuration) -> Settings | Awaitable[Settings]:
        """Take another configuration from the application; what the admin API has changed stays over it.

        Raises:
            ConfigError: It cannot be used.
        """
        problems: list[Problem] = []
        if isinstance(configuration, Settings):
            if self.overlay.empty:
                self._pending = of_settings(configuration)
                return configuration
            found = of_mapping(effective(configuration, revealed=True))
        elif isinstance(configuration, Mapping):
            found = of_mapping(configuration)
        else:
            found = sources.gather(Path(configuration), problems)
        return self._read(found, self.overlay, problems)

    def edited(self, edit: Edit) -> Settings | Awaitable[Settings]:
        """Return what a change by the admin API would put into force.

        Raises:
            ConfigError: It cannot be used.
            gateway.config.editing.NoSuchObject: It is for something that is not there.
        """
        from gateway.config import editing  # loaded with the first change by the admin API

        made, large = self._in_force, self._large_body(edit)
        if large is not None:
            return self._edited_elsewhere(large, edit)
        overlay = editing.apply(edit, made.overlay, made.settings, made.held)
        return self._edited_alone(edit, overlay) or self._read(self._base(), overlay)

    def _edited_alone(self, edit: Edit, overlay: Overlay) -> Settings | None:
        """Return what a change of a single thing leaves, where that can be told without reading the files again."""
        from gateway.config import alone

        made = self._in_force
        if not (made.bare and made.base):
            return None
        ground = alone.Ground(made.bare, made.base.directory, {**made.base.variables, **self._environ})
        changed = alone.changed(edit, overlay, made.settings, made.held, ground)
        if changed is None:
            return None
        self._warn(changed.doubts)
        self._pending = replace(made, settings=changed.settings, overlay=overlay, packed=b"")
        return changed.settings

    async def checked(self, body: Source) -> Sequence[Problem]:
        """Return what is doubtful about a whole configuration in the place of the files; nothing changes.

        Raises:
            ConfigError: It cannot be used.
        """
        from gateway.config import editing

        edit, made = editing.Edit("replace", body=body), self._in_force
        large = self._large_body(edit)
        if large is None:
            overlay = editing.apply(edit, made.overlay, made.settings, made.held)
        else:
            overlay = await large.aside(editing.apply, edit, made.overlay, made.settings, made.held)
        return (await self._loaded(overlay, large)).doubts

    async def origins(self, search: str, start: int, end: int, written: bool) -> dict[str, Any]:
        """Return some of the values in force, each with its place (`gateway.composition.placed.Placed.part`).

        Raises:
            ConfigError: What they were read from cannot be read again: a file that it names has gone.
        """
        if self._looks is None:
            from gateway.composition.placed import Looks  # few look

            self._looks = Looks(self._place)
        made = self._in_force
        return await self._looks.part(made, partial(self._beside, made.settings.routes), (search, start, end, written))

    def _place(self, made: Made) -> Placed:
        from gateway.composition.placed import Placed
        from gateway.config.origins import values

        base = made.base or of_mapping(effective(made.settings, revealed=True))
        return Placed(values(made.settings, self._composed(base, made.overlay).root))

    async def _edited_elsewhere(self, reader: Reader, edit: Edit) -> Settings:
        from gateway.config import editing

        made = self._in_force
        overlay = await reader.aside(editing.apply, edit, made.overlay, made.settings, made.held)
        return await self._read_elsewhere(reader, self._base(), overlay, ())

    def _large_body(self, edit: Edit) -> Reader | None:
        """Return who reads what was sent, where it is large."""
        size = 0 if edit.body is None else len(edit.body.text)
        return self._reader if self._reader is not None and self._reader.is_large_text(size) else None

    async def go_back(self, version: str, settings: Settings) -> None:
        """Write down what is over the files when the settings of an earlier version come into force.

        The files may have changed since: then they are set aside, so that a restart finds what is in force.

        Raises:
            gateway.composition.overlay_file.NotKept: It cannot be written.
        """
        self._pending = await self._gone_back(self._past.get(version), settings)
        kept = self.keep(settings)
        if kept is not None:
            await kept

    async def _gone_back(self, past: Before | None, settings: Settings) -> Made:
        made, overlay = self._in_force, None
        if past is not None:
            overlay = await self._beside(past.packed, Kept.unpacked, past.packed)
            if past.reading == made.reading and made.base is not None:
                return Made(settings, made.base, overlay, past.held, bare=past.bare, reading=past.reading)
        read = None
        if overlay is not None:
            with suppress(ConfigError):
                read = await self._loaded(overlay)
        if read is None or overlay is None or read.settings != settings:
            from gateway.config import editing

            # Of many routes it takes seconds to say.
            overlay = await self._beside(settings.routes, editing.whole, settings)
            read = await self._loaded(overlay)
        known = read.bare if isinstance(read, Read) else b""
        return Made(settings, made.base, overlay, read.held, bare=known, reading=made.reading)

    async def _beside(self, much: Sized, work: Callable[..., T], *arguments: Any) -> T:
        """Do some work, in a thread where it is for much."""
        if self._reader is None or len(much) <= MANY:
            return work(*arguments)
        return await self._reader.aside(work, *arguments)

    async def _loaded(self, overlay: Overlay, reader: Reader | None = None) -> Loaded | Read:
        """Return what the files in force are with an overlay; a reader is asked where much is read."""
        base = self._base()
        if self._reader is not None and self._is_large(self._reader, base, overlay):
            reader = self._reader
        if reader is None:
            return self._composed(base, overlay)
        question = Question(base, (), overlay, self.overlay_path, self._environ, {})
        return await reader.compose(question, self.settings)

    def _is_large(self, reader: Reader, found: Sources, overlay: Overlay) -> bool:
        whole = overlay.whole is not None and len(self.settings.routes) > MANY
        return whole or reader.is_large(found)

    def keep(self, settings: Settings) -> Deferred[None] | None:
        """Write down what a change by the admin API leaves.

        Returns:
            Fails with `gateway.composition.overlay_file.NotKept`.
        """
        pending = self._pending
        assert pending.settings is settings  # one change at a time
        if self._file is None:
            return None

        def kept(kept: Kept) -> None:
            self.doubt = kept.doubt
            if kept.doubt:
                _log.error("The overlay is written, and may be lost with the power: {doubt}", doubt=kept.doubt)
            self._pending = replace(pending, overlay=kept.overlay, packed=kept.packed)

        return self._file.keep(self.overlay_path, pending.overlay).addCallback(kept)

    def in_force(self, settings: Settings, version: str) -> None:
        """Note that settings are in force; see Note [A change is noted when it is in force]."""
        pending = self._pending
        if pending.settings is not settings:  # an application has gone back to an earlier version by itself
            pending = of_settings(settings)
        self._in_force = pending
        self._remember(version)
        while len(self._past) > KEPT:
            del self._past[next(iter(self._past))]

    def _remember(self, version: str) -> None:
        made = self._in_force
        self._past[version] = Before(made.packed, made.reading, made.held, made.bare)

    def _first(self, configuration: Configuration | Made) -> Made:
        if isinstance(configuration, Made):
            return configuration
        if isinstance(configuration, Settings):
            if configuration.admin.overlay is None:
                return of_settings(configuration)
            configuration = effective(configuration, revealed=True)
        problems: list[Problem] = []
        if isinstance(configuration, Mapping):
            found = of_mapping(configuration)
        else:
            found = self._gathered(str(configuration), problems)
        loaded = compose(found, self._environ, self._find, problems=problems)
        self.overlay_path = loaded.overlay_path
        self._warn(loaded.doubts)
        packed = settle(None, loaded.overlay).packed
        known = bare(loaded) if sum(len(source.text) for source in found.files) >= LARGE else b""
        return Made(loaded.settings, found, loaded.overlay, loaded.held, packed, known)

    def _gathered(self, where: str, problems: list[Problem]) -> Sources:
        return sources.gather(Path(where), problems) if self._gather is None else self._gather(problems)

    def _read(
        self, found: Sources, overlay: Overlay, problems: Sequence[Problem] = ()
    ) -> Settings | Awaitable[Settings]:
        if self._reader is not None and self._is_large(self._reader, found, overlay):
            return self._read_elsewhere(self._reader, found, overlay, problems)
        return self._was_read(self._composed(found, overlay, problems), found, overlay)

    async def _read_elsewhere(
        self, reader: Reader, found: Sources, overlay: Overlay, problems: Sequence[Problem]
    ) -> Settings:
        question = Question(found, problems, overlay, self.overlay_path, self._environ, {})
        return self._was_read(await reader.compose(question, self.settings), found, overlay)

    def _was_read(self, read: Loaded | Read, found: Sources, overlay: Overlay) -> Settings:
        self._warn(read.doubts)
        packed = self._in_force.packed if overlay is self.overlay else b""
        known = read.bare if isinstance(read, Read) else b""
        same = found is self._in_force.base
        if not same:
            self._readings += 1
        reading = self._in_force.reading if same else self._readings
        # Twenty sets of the same thousands of names would be kept otherwise.
        held = self._in_force.held if read.held == self._in_force.held else read.held
        self._pending = Made(read.settings, found, overlay, held, packed, known, reading)
        return read.settings

    def _composed(self, found: Sources, overlay: Overlay, problems: Sequence[Problem] = ()) -> Loaded:
        return compose_over(found, overlay, self.overlay_path, self._environ, problems)

    def _warn(self, doubts: list[Problem]) -> None:
        for doubt in doubts if self._warns else ():
            _log.warn("{doubt}", doubt=str(doubt))

    def _base(self) -> Sources:
        return self._in_force.base or of_mapping(effective(self.settings, revealed=True))
