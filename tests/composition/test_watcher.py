"""The watcher: a change of content is told, once; the same content again is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.inotify import IN_DELETE_SELF
from twisted.internet.task import Clock

from gateway.composition.watcher import POLL, SETTLE, ConfigWatcher


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

    def notice(self, mask: int = 0) -> None:
        """Something happened in the first directory."""
        next(iter(self.watched.values()))(None, None, mask)


class Watch:
    """A watcher of a path, and what it said."""

    def __init__(self, path: Path, inotify: bool = True) -> None:
        self.clock = Clock()
        self.notifiers: list[Notifier] = []
        self.changes = 0
        self.watcher = ConfigWatcher(path, self.changed, self.clock, self.make if inotify else None)
        self.watcher.startService()

    def make(self, reactor: object) -> Notifier:
        self.notifiers.append(Notifier())
        return self.notifiers[-1]

    @property
    def notifier(self) -> Notifier:
        """The last one that was made."""
        return self.notifiers[-1]

    def changed(self) -> None:
        self.changes += 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A configuration."""
    path = tmp_path / "gateway.yaml"
    path.write_text("a: 1\n")
    return path


def test_a_change_is_told_when_it_has_settled(path: Path) -> None:
    """Editors write in several steps."""
    watch = Watch(path)
    path.write_text("a:\n")
    watch.notifier.notice()
    watch.clock.advance(SETTLE / 2)
    path.write_text("a: 2\n")
    watch.notifier.notice()
    watch.clock.advance(SETTLE * 0.9)
    assert watch.changes == 0
    watch.clock.advance(SETTLE * 0.2)

    assert watch.changes == 1


def test_the_same_content_is_no_change(path: Path) -> None:
    """However often it is written."""
    watch = Watch(path)
    path.write_text("a: 1\n")
    watch.notifier.notice()
    watch.clock.advance(SETTLE)

    assert watch.changes == 0


def test_without_inotify_it_is_looked_at_now_and_then(path: Path) -> None:
    """Network file systems have none."""
    watch = Watch(path, inotify=False)
    watch.clock.advance(0)
    path.write_text("a: 2\n")
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
    path.write_text("a: 2\n")
    clock.advance(POLL)
    watcher.stopService()

    assert len(changes) == 1


def test_a_configmap_changes_by_its_link(tmp_path: Path) -> None:
    """Kubernetes: the file is a link through a directory that is a link, and that one is swapped."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "gateway.yaml").write_text(f"a: {version}\n")
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
    (directory / "a.yaml").write_text("a: 1\n")
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
    (directory / "a.yaml").write_text("a: 2\n")
    watch.clock.advance(POLL)

    assert watch.changes == 1


def test_a_stopped_watcher_says_nothing(path: Path) -> None:
    """Not even what it had just noticed; nothing is left to happen."""
    watch = Watch(path)
    path.write_text("a: 2\n")
    watch.notifier.notice()
    watch.watcher.stopService()
    watch.clock.advance(POLL)

    assert (watch.changes, watch.notifier.closed, watch.clock.getDelayedCalls()) == (0, True, [])


def test_a_change_between_reading_and_watching_is_seen(path: Path) -> None:
    """What is compared with is what there was before it was read."""
    clock = Clock()
    changes: list[None] = []
    watcher = ConfigWatcher(path, lambda: changes.append(None), clock, None)
    path.write_text("a: 2\n")
    watcher.startService()
    clock.advance(0)

    assert len(changes) == 1


def test_what_a_reload_read_by_itself_is_not_told_again(path: Path) -> None:
    """SIGHUP and inotify: one reload."""
    watch = Watch(path)
    watch.clock.advance(0)
    path.write_text("a: 2\n")
    watch.notifier.notice()
    watch.watcher.reading()
    watch.clock.advance(SETTLE)

    assert watch.changes == 0


class TestCutOff:
    """A text that ends in the middle of a line may be the front half of one that is being written."""

    def test_it_is_waited_for(self, path: Path) -> None:
        """Writers hand over blocks, not lines; what follows is the change."""
        watch = Watch(path)
        watch.clock.advance(0)
        path.write_text("a: 2\nrou")
        watch.notifier.notice()
        watch.clock.pump([SETTLE] * 3)
        assert watch.changes == 0
        path.write_text("a: 2\nroutes: []\n")
        watch.notifier.notice()
        watch.clock.advance(SETTLE)
        assert watch.changes == 1
        watch.clock.pump([POLL] * 3)

        assert watch.changes == 1

    @pytest.mark.parametrize("inotify", [True, False])
    def test_it_is_taken_when_nobody_goes_on_writing(self, path: Path, inotify: bool) -> None:
        """Some editors leave the last newline out."""
        watch = Watch(path, inotify)
        watch.clock.advance(POLL)
        path.write_text("a: 2")
        watch.watcher.look()
        watch.clock.advance(POLL - 0.1)
        assert watch.changes == 0
        watch.clock.advance(0.2)

        assert watch.changes == 1

    def test_each_further_block_is_waited_for(self, path: Path) -> None:
        """The time begins anew with each."""
        watch = Watch(path)
        watch.clock.advance(0)
        for text in ("a: 2", "a: 2\nb", "a: 2\nb: 3\nc"):
            path.write_text(text)
            watch.notifier.notice()
            watch.clock.advance(POLL - 0.1)
        assert watch.changes == 0
        watch.clock.advance(POLL)

        assert watch.changes == 1

    def test_one_that_was_in_force_already_holds_nothing_up(self, path: Path, tmp_path: Path) -> None:
        """A certificate is renewed beside a configuration without a last newline."""
        path.write_text("a: 1")
        (tmp_path / "server.pem").write_text("one")
        watch = Watch(path)
        watch.watcher.building([str(tmp_path / "server.pem")])
        watch.clock.advance(0)
        (tmp_path / "server.pem").write_text("two")
        watch.notifier.notice()
        watch.clock.advance(SETTLE)

        assert watch.changes == 1

    def test_one_that_goes_back_is_forgotten(self, path: Path) -> None:
        """No change is left."""
        watch = Watch(path)
        watch.clock.advance(0)
        path.write_text("a: 2")
        watch.watcher.look()
        path.write_text("a: 1\n")
        watch.clock.pump([POLL] * 3)

        assert watch.changes == 0


class TestNamedFiles:
    """Certificates, keys, authorities."""

    @pytest.fixture
    def watch(self, path: Path, tmp_path: Path) -> Watch:
        """A configuration that names a certificate in another directory."""
        (tmp_path / "tls").mkdir()
        (tmp_path / "tls/server.pem").write_text("one")
        watch = Watch(path)
        watch.watcher.building([str(tmp_path / "tls/server.pem")])
        watch.clock.advance(0)
        return watch

    def test_a_renewed_one_is_a_change(self, watch: Watch, tmp_path: Path) -> None:
        """Its directory is watched."""
        assert str(tmp_path / "tls") in watch.notifier.watched
        (tmp_path / "tls/server.pem").write_text("two")
        watch.notifier.notice()
        watch.clock.advance(SETTLE)

        assert watch.changes == 1

    def test_a_list_that_is_being_written_is_waited_for(self, watch: Watch, tmp_path: Path) -> None:
        """The front half of a file of users is one with fewer users; another file holds it up no longer."""
        users, other = tmp_path / "tls/htpasswd", tmp_path / "tls/server.pem"
        users.write_text("alice:hash")
        watch.watcher.building([str(users), str(other)], [str(users)])
        other.write_text("two")
        watch.watcher.look()
        assert watch.changes == 1

        users.write_text("alice:hash\nbo")
        watch.watcher.look()
        assert watch.changes == 1
        users.write_text("alice:hash\nbob:hash\n")
        watch.watcher.look()
        assert watch.changes == 2

        users.write_text("alice:hash")
        watch.watcher.look()
        watch.clock.advance(POLL - 0.1)
        assert watch.changes == 2
        watch.clock.advance(0.2)
        assert watch.changes == 3

    def test_one_that_is_named_no_more_is_none(self, watch: Watch, tmp_path: Path) -> None:
        """Nor is its directory watched."""
        watch.watcher.building([])
        (tmp_path / "tls/server.pem").write_text("two")
        watch.clock.advance(POLL)

        assert watch.changes == 0
        assert str(tmp_path / "tls") not in watch.notifier.watched

    def test_one_that_is_missing_is_waited_for(self, watch: Watch, tmp_path: Path) -> None:
        """Where it will be made, as far as that is there."""
        watch.watcher.building([str(tmp_path / "later/key.pem")])
        (tmp_path / "later").mkdir()
        watch.notifier.notice()
        watch.clock.advance(SETTLE)
        assert watch.changes == 0
        assert str(tmp_path / "later") in watch.notifier.watched
        (tmp_path / "later/key.pem").write_text("key")
        watch.notifier.notice()
        watch.clock.advance(SETTLE)

        assert watch.changes == 1


def test_another_directory_of_the_same_name_is_watched_anew(tmp_path: Path) -> None:
    """The one before was moved away; Twisted's reader goes on with that one, or closes itself."""
    directory = tmp_path / "conf.d"
    directory.mkdir()
    (directory / "a.yaml").write_text("a: 1\n")
    watch = Watch(directory)
    watch.clock.advance(0)
    first = watch.notifier
    directory.rename(tmp_path / "old")
    directory.mkdir()
    (directory / "a.yaml").write_text("a: 1\n")
    watch.clock.advance(POLL)

    assert (first.closed, watch.notifier.closed, watch.changes) == (True, False, 0)


def test_a_deleted_directory_is_watched_anew(path: Path) -> None:
    """Even if the one that comes after it has the same number."""
    watch = Watch(path)
    watch.clock.advance(0)
    first = watch.notifier
    watch.notifier.notice(IN_DELETE_SELF)
    watch.clock.advance(SETTLE)

    assert watch.notifier is not first
