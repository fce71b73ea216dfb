"""The watcher: a change of content is told, once; the same content again is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from gateway.composition.watcher import POLL, SETTLE, ConfigWatcher, digest


class Notifier:
    """Stands for Twisted's inotify reader."""

    def __init__(self) -> None:
        self.reading = False
        self.closed = False
        self.watched: dict[str, Callable[..., None]] = {}

    def startReading(self) -> None:  # noqa: N802  # Twisted's name
        self.reading = True

    def watch(self, path: Any, mask: int, callbacks: list[Callable[..., None]]) -> None:
        assert mask
        self.watched[path.path] = callbacks[0]

    def loseConnection(self) -> None:
        self.closed = True

    def notice(self) -> None:
        """Something happened in the first directory."""
        next(iter(self.watched.values()))(None, None, 0)


class Watch:
    """A watcher of a path, and what it said."""

    def __init__(self, path: Path, inotify: bool = True) -> None:
        self.clock = Clock()
        self.notifier = Notifier()
        self.changes = 0
        notifier = (lambda reactor: self.notifier) if inotify else None
        self.watcher = ConfigWatcher(path, self.changed, self.clock, notifier)
        self.watcher.startService()

    def changed(self) -> None:
        self.changes += 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A configuration."""
    path = tmp_path / "gateway.yaml"
    path.write_text("a: 1")
    return path


def test_a_change_is_told_when_it_has_settled(path: Path) -> None:
    """Editors write in several steps."""
    watch = Watch(path)
    path.write_text("a:")
    watch.notifier.notice()
    watch.clock.advance(SETTLE / 2)
    path.write_text("a: 2")
    watch.notifier.notice()
    watch.clock.advance(SETTLE * 0.9)
    assert watch.changes == 0
    watch.clock.advance(SETTLE * 0.2)

    assert watch.changes == 1


def test_the_same_content_is_no_change(path: Path) -> None:
    """However often it is written."""
    watch = Watch(path)
    path.write_text("a: 1")
    watch.notifier.notice()
    watch.clock.advance(SETTLE)

    assert watch.changes == 0


def test_without_inotify_it_is_looked_at_now_and_then(path: Path) -> None:
    """Network file systems have none."""
    watch = Watch(path, inotify=False)
    path.write_text("a: 2")
    watch.clock.advance(POLL - 0.1)
    assert watch.changes == 0
    watch.clock.advance(0.2)
    watch.clock.pump([POLL] * 3)

    assert watch.changes == 1


def test_inotify_that_fails_is_done_without(path: Path) -> None:
    """A user has only so many watches."""

    def fail(reactor: Any) -> Any:
        raise OSError("no more watches")

    clock = Clock()
    changes: list[None] = []
    watcher = ConfigWatcher(path, lambda: changes.append(None), clock, fail)
    watcher.startService()
    path.write_text("a: 2")
    clock.advance(POLL)
    watcher.stopService()

    assert len(changes) == 1


def test_a_configmap_changes_by_its_link(tmp_path: Path) -> None:
    """Kubernetes: the file is a link through a directory that is a link, and that one is swapped."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "gateway.yaml").write_text(f"a: {version}")
    (tmp_path / "..data").symlink_to("1")
    path = tmp_path / "gateway.yaml"
    path.symlink_to("..data/gateway.yaml")
    watch = Watch(path)
    assert {str(tmp_path), str(tmp_path / "1")} == set(watch.notifier.watched)
    (tmp_path / "fresh").symlink_to("2")
    (tmp_path / "fresh").replace(tmp_path / "..data")
    watch.notifier.notice()
    watch.clock.advance(SETTLE)

    assert watch.changes == 1


def test_a_configuration_that_is_away_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is being exchanged: looking goes on."""
    directory = tmp_path / "conf.d"
    directory.mkdir()
    (directory / "a.yaml").write_text("a: 1")
    watch = Watch(directory)
    away = True
    listed = Path.iterdir

    def iterdir(path: Path) -> Any:
        if away:
            raise FileNotFoundError(path)
        return listed(path)

    # What a look finds between two system calls of somebody else.
    monkeypatch.setattr(Path, "iterdir", iterdir)
    watch.clock.advance(POLL)
    assert watch.changes == 0
    away = False
    (directory / "a.yaml").write_text("a: 2")
    watch.clock.advance(POLL)

    assert watch.changes == 1


def test_a_stopped_watcher_says_nothing(path: Path) -> None:
    """Not even what it had just noticed; nothing is left to happen."""
    watch = Watch(path)
    path.write_text("a: 2")
    watch.notifier.notice()
    watch.watcher.stopService()
    watch.clock.advance(POLL)

    assert (watch.changes, watch.notifier.closed, watch.clock.getDelayedCalls()) == (0, True, [])


class TestDigest:
    """What counts as content."""

    @pytest.mark.parametrize("name", ["a.yaml", "b.yml", "c.json", ".env"])
    def test_files_that_are_read(self, tmp_path: Path, name: str) -> None:
        """Of a directory, and the variables beside them."""
        before = digest(tmp_path)
        (tmp_path / name).write_text("x")

        assert digest(tmp_path) != before

    def test_files_that_are_not(self, tmp_path: Path, path: Path) -> None:
        """Backups of editors, and what stands beside a single file."""
        alone, together = digest(path), digest(tmp_path)
        (tmp_path / "gateway.yaml~").write_text("x")
        assert digest(tmp_path) == together
        (tmp_path / "other.yaml").write_text("x")

        assert digest(path) == alone

    def test_moving_content_from_one_file_to_another(self, tmp_path: Path) -> None:
        """Changes it: order and names count."""
        (tmp_path / "a.yaml").write_text("12")
        (tmp_path / "b.yaml").write_text("3")
        before = digest(tmp_path)
        (tmp_path / "a.yaml").write_text("1")
        (tmp_path / "b.yaml").write_text("23")

        assert digest(tmp_path) != before

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """Is empty; that it comes is a change."""
        missing = tmp_path / "gateway.yaml"
        before = digest(missing)
        missing.write_text("")

        assert digest(missing) != before
