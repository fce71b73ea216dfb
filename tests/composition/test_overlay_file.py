"""The overlay is on the disk whole, or as it was."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from gateway.composition.overlay_file import Kept, NotKept, OverlayFile, write
from gateway.config.overlays import NOTHING, Overlay, parse
from gateway.config.sources import Source
from gateway.memory.stand_ins import NoThreads

OVERLAY = parse(Source("overlay.yaml", "deleted: {routes: [a]}"))


def keep(path: Path | None, overlay: Overlay = OVERLAY) -> list[object]:
    """Write an overlay; returns what came of it."""
    found: list[object] = []
    file = OverlayFile(lambda most, name: NoThreads())
    done: Deferred[Kept] = file.keep(path, overlay)
    done.addBoth(found.append)
    file.stopService()
    return found


def test_an_overlay_is_written_for_its_owner_only(tmp_path: Path) -> None:
    """Whatever the umask is, and whatever was there."""
    path = tmp_path / "overlay.yaml"
    path.write_text("old")
    path.chmod(0o666)
    before = os.umask(0)
    try:
        (kept,) = keep(path)
    finally:
        os.umask(before)

    assert path.read_text() == OVERLAY.text() == kept.overlay.text()  # type: ignore[attr-defined]
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_overlay_is_no_file(tmp_path: Path) -> None:
    """Nor is it an error that there is none."""
    path = tmp_path / "overlay.yaml"
    keep(path)
    assert keep(path, NOTHING)[0].overlay is NOTHING  # type: ignore[attr-defined]
    assert not path.exists()
    assert keep(path, NOTHING)[0].overlay is NOTHING  # type: ignore[attr-defined]


def test_what_a_link_leads_to_is_written(tmp_path: Path) -> None:
    """The link stays."""
    (tmp_path / "real").mkdir()
    path = tmp_path / "overlay.yaml"
    path.symlink_to(tmp_path / "real/overlay.yaml")
    keep(path)

    assert path.is_symlink()
    assert (tmp_path / "real/overlay.yaml").read_text() == OVERLAY.text()


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    """The reason is the system's."""
    (tmp_path / "overlay.yaml").mkdir()
    (failure,) = keep(tmp_path / "overlay.yaml")

    assert isinstance(failure.value, NotKept)  # type: ignore[attr-defined]
    assert str(failure.value) == "Is a directory"  # type: ignore[attr-defined]
    assert [one.name for one in tmp_path.iterdir()] == ["overlay.yaml"]
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "none/overlay.yaml", b"x")


@pytest.mark.parametrize("content", [b"new", None])
def test_a_directory_that_cannot_be_synchronised_is_told(tmp_path: Path, content: bytes | None) -> None:
    """The file is in its place by then: what is said is that it may be lost. See the note of the module."""
    path = tmp_path / "overlay.yaml"
    path.write_text("old")

    def synchronise(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    doubt = write(path, content, synchronise)

    assert doubt == "its directory cannot be synchronised with the disk: Input/output error"
    assert (path.read_bytes() if path.exists() else None) == content
    assert write(path, content) == ""


def test_a_file_that_cannot_be_synchronised_is_not_put_in_place(tmp_path: Path) -> None:
    """What was there is there still, and nothing beside it."""
    path = tmp_path / "overlay.yaml"
    path.write_text("old")

    def synchronise(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(OSError, match="Input/output"):
        write(path, b"new", synchronise)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_an_ended_process_has_left_is_no_obstacle(tmp_path: Path) -> None:
    """A file beside that was not renamed."""
    (tmp_path / ".overlay.yaml.new").write_text("half")
    assert keep(tmp_path / "overlay.yaml") != []
    assert [one.name for one in tmp_path.iterdir()] == ["overlay.yaml"]


def test_what_has_no_file_gets_its_places_all_the_same() -> None:
    """Problems with it name the overlay, and not what was once sent."""
    (kept,) = keep(None)

    assert isinstance(kept, Kept)
    assert kept.overlay.text() == OVERLAY.text()
    assert Kept.unpacked(kept.packed).deleted == OVERLAY.deleted
