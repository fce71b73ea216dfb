"""What root has read is handed on by a process that is root no more. With real ones: `tests/system/test_rights.py`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config.lent_files import LentFiles
from gateway.processes.held_files import HeldFiles, borrow
from tests.rights import closed, open_place


class World:
    """A configuration that names a key, an open file, and a directory of certificates."""

    def __init__(self, place: Path) -> None:
        self.key, self.open, self.live = place / "key.pem", place / "cert.pem", place / "live"
        self.inside = self.live / "x" / "both.pem"
        self.inside.parent.mkdir(parents=True)
        for file in (self.key, self.open, self.inside):
            file.write_text(file.name)
        self.named = [str(self.key), str(self.open), str(self.live), str(place / "missing.pem")]
        self.held = HeldFiles(lambda: self.named, LentFiles())

    def handed_on(self, held: HeldFiles | None = None) -> dict[str, bytes]:
        """What a process has that is started now."""
        descriptor = (held or self.held).handed_on()
        theirs = LentFiles()
        if descriptor is None:
            return {}
        borrow(descriptor, theirs)
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(descriptor)
        files = (self.key, self.open, self.inside)
        return {file.name: found for file in files if (found := theirs.content(file)) is not None}


@pytest.fixture
def world() -> Iterator[World]:
    """One."""
    with open_place() as place:
        yield World(place)


def test_what_this_process_may_not_read_any_more_is_handed_on(world: World) -> None:
    """Also from a directory that it may not list; what everybody may read is left where it is."""
    world.held.read()
    with closed(world.key, world.live):
        world.held.rights_are_gone()

        assert world.handed_on() == {"key.pem": b"key.pem", "both.pem": b"both.pem"}


def test_where_all_may_be_read_nothing_is(world: World) -> None:
    """Neither is anything where nobody has given up a right."""
    assert world.handed_on() == {}
    world.held.read()
    world.held.rights_are_gone()
    world.held.changed()

    assert world.handed_on() == {}


def test_who_was_lent_files_hands_them_on(world: World) -> None:
    """A process that has taken over has workers too, and is succeeded in its turn."""
    world.held.read()
    with closed(world.key, world.live):
        world.held.rights_are_gone()
        descriptor = world.held.handed_on()
        assert descriptor is not None
        theirs = LentFiles()
        borrow(descriptor, theirs)
        next_one = HeldFiles(lambda: world.named, theirs, lambda file: theirs.content(file) or file.read_bytes())
        next_one.read()
        next_one.rights_are_gone()

        assert world.handed_on(next_one) == {"key.pem": b"key.pem", "both.pem": b"both.pem"}


def test_after_a_change_it_is_what_is_in_force(world: World) -> None:
    """A file that was opened to all and read anew, and closed again, is not handed on as it was at the start."""
    world.held.read()
    with closed(world.key, world.live):
        world.held.rights_are_gone()
    world.key.write_text("renewed")
    world.named.remove(str(world.live))

    world.held.changed()

    assert world.handed_on() == {"key.pem": b"renewed"}
    with closed(world.key):
        world.held.changed()
        assert world.handed_on() == {"key.pem": b"renewed"}
