"""What counts as content, and where a change of it would show."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gateway.composition.fingerprint import Contents, below, cut_off, digest, directories, files_below, sources
from tests.rights import closed, open_place


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A configuration."""
    path = tmp_path / "gateway.yaml"
    path.write_text("a: 1")
    return path


class TestDigest:
    """What counts as content."""

    @pytest.mark.parametrize("name", ["a.yaml", "b.yml", "c.json", ".env"])
    def test_files_that_are_read(self, tmp_path: Path, name: str) -> None:
        """Of a directory, and the variables beside them."""
        before = digest(sources(tmp_path))
        (tmp_path / name).write_text("x")

        assert digest(sources(tmp_path)) != before

    def test_files_that_are_not(self, tmp_path: Path, path: Path) -> None:
        """Backups of editors, and what stands beside a single file."""
        alone, together = digest(sources(path)), digest(sources(tmp_path))
        (tmp_path / "gateway.yaml~").write_text("x")
        assert digest(sources(tmp_path)) == together
        (tmp_path / "other.yaml").write_text("x")

        assert digest(sources(path)) == alone

    def test_moving_content_from_one_file_to_another(self, tmp_path: Path) -> None:
        """Changes it: order and names count."""
        (tmp_path / "a.yaml").write_text("12")
        (tmp_path / "b.yaml").write_text("3")
        before = digest(sources(tmp_path))
        (tmp_path / "a.yaml").write_text("1")
        (tmp_path / "b.yaml").write_text("23")

        assert digest(sources(tmp_path)) != before

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """Is empty; that it comes is a change."""
        missing = tmp_path / "gateway.yaml"
        before = digest(sources(missing))
        missing.write_text("")

        assert digest(sources(missing)) != before

    def test_a_named_pipe(self, tmp_path: Path, path: Path) -> None:
        """Is as what is not there: to read it would be to wait until somebody writes to it."""
        os.mkfifo(tmp_path / "b.yaml")

        assert digest(sources(tmp_path)) == digest([path])
        assert cut_off([tmp_path / "b.yaml"]) is None


class TestContents:
    """Files are read again when their status does not vouch for what is in them."""

    def test_a_file_that_is_long_unchanged_is_read_once(self, path: Path) -> None:
        """Then its status is enough, at every look."""
        contents = Contents(later)
        first = contents.digest([path])

        assert [contents.digest([path]) for _ in range(3)] == [first] * 3
        assert contents.reads == 1

    def test_a_file_that_is_young_is_read_again(self, path: Path) -> None:
        """Another write in the same tick would leave its times as they are."""
        contents = Contents(lambda: path.stat().st_mtime + 1)
        contents.digest([path])
        contents.digest([path])

        assert contents.reads == 2

    def test_a_file_system_that_counts_in_seconds_is_not_trusted(self, path: Path) -> None:
        """Two writes in one second look the same; so does a file whose time was set."""
        contents = Contents(later)
        os.utime(path, ns=(10**18, 10**18))
        contents.digest([path])
        contents.digest([path])

        assert contents.reads == 2

    def test_a_write_of_the_same_size_whose_time_is_set_back(self, path: Path) -> None:
        """`cp -p`, `rsync -t`, `touch -r`: the time of the change (ctime) tells."""
        contents = Contents(later)
        status = path.stat()
        before = contents.digest([path])
        while path.stat().st_ctime_ns == status.st_ctime_ns:  # past the tick in which the file was made
            path.write_text("a: 2")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        assert contents.digest([path]) != before

    def test_another_file_of_the_same_name(self, path: Path, tmp_path: Path) -> None:
        """Renamed into its place, as old as the one before."""
        contents = Contents(later)
        status = path.stat()
        before = contents.digest([path])
        (tmp_path / "new").write_text("a: 2")
        os.utime(tmp_path / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
        (tmp_path / "new").replace(path)

        assert contents.digest([path]) != before

    def test_many_writes_of_one_size_in_a_row(self, path: Path) -> None:
        """None is missed, however fast they come."""
        contents = Contents(time.time)
        for number in range(200):
            path.write_text(f"{number:03}")

            assert contents.digest([path]) == digest([path])

    def test_a_file_that_may_not_be_read_any_more(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is as it was: root has read it, and the user that the process has become may not; else it is none."""
        contents, other = Contents(), Contents()
        before, none = contents.digest([path]), other.digest([])

        def refuse(*_: object) -> bytes:
            raise PermissionError

        with monkeypatch.context() as changed:
            for each in (contents, other):
                changed.setattr(each, "_content", refuse)
            assert contents.digest([path]) == contents.digest([path]) == before
            assert other.digest([path]) == none
        path.write_text("something else")
        assert contents.digest([path]) != before

    def test_a_file_that_goes_and_comes_back(self, path: Path) -> None:
        """Is read again: what was known went with it."""
        contents = Contents(later)
        before = contents.digest([path])
        path.unlink()
        gone = contents.digest([path])
        path.write_text("a: 1")

        assert gone != before == contents.digest([path])


def test_a_directory_that_may_not_be_listed_any_more() -> None:
    """Root has listed it: what is not gone from it is still found, so that nothing has changed."""
    with open_place() as place:
        live = place / "live"
        (live / "x").mkdir(parents=True)
        for name in ("a.pem", "b.pem"):
            (live / "x" / name).write_text(name)
        contents = Contents()
        before = contents.digest(files_below([str(live)]))

        with closed(live):
            hidden = files_below([str(live)], contents.last)
            assert contents.digest(hidden) == before
        (live / "x" / "a.pem").unlink()
        left = files_below([str(live)], contents.last)

    assert hidden == [live / "x" / "a.pem", live / "x" / "b.pem"]
    assert left == [live / "x" / "b.pem"]


def later() -> float:
    """An hour from now: what was written just now is old."""
    return time.time() + 3600


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("a: 1\n", False),
        ("a: 1\r\n", False),
        ("{}", False),
        ('{"routes": []}', False),
        ("[]", False),
        ("", False),
        ("a: 1", True),
        ("routes:\n- path: /\n  upst", True),
    ],
)
def test_what_ends_in_the_middle_of_a_line(path: Path, text: str, cut: bool) -> None:
    """An empty file does not: it is refused anyway."""
    path.write_text(text)

    assert cut_off([path.with_name("missing.yaml"), path]) == (path if cut else None)


class TestDirectories:
    """In which a change makes a file another one."""

    def test_of_a_file_the_one_that_holds_it(self, tmp_path: Path, path: Path) -> None:
        """And no other."""
        assert list(directories(path)) == [tmp_path]

    def test_of_a_directory_itself(self, tmp_path: Path) -> None:
        """What is below it is asked for where that counts."""
        (tmp_path / "a/b").mkdir(parents=True)

        assert list(directories(tmp_path)) == [tmp_path]
        assert sorted(below(tmp_path)) == [tmp_path / "a", tmp_path / "a/b"]

    def test_those_of_the_links_on_the_way(self, tmp_path: Path) -> None:
        """A ConfigMap, in a release that is switched over by a link."""
        (tmp_path / "releases/7/..v1").mkdir(parents=True)
        (tmp_path / "releases/7/..v1/gateway.yaml").write_text("a: 1")
        (tmp_path / "releases/7/..data").symlink_to("..v1")
        (tmp_path / "releases/7/gateway.yaml").symlink_to("..data/gateway.yaml")
        (tmp_path / "current").symlink_to(tmp_path / "releases/7")

        assert set(directories(tmp_path / "current/gateway.yaml")) == {
            tmp_path,
            tmp_path / "releases/7",
            tmp_path / "releases/7/..v1",
        }

    def test_of_what_is_missing_the_nearest(self, tmp_path: Path) -> None:
        """There it will be made."""
        assert list(directories(tmp_path / "a/b/c.pem")) == [tmp_path]

    def test_a_circle_of_links_ends(self, tmp_path: Path) -> None:
        """The kernel gives up on them too."""
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")

        assert set(directories(tmp_path / "a")) == {tmp_path}


def test_of_a_directory_of_certificates_those_files_count_that_may_be_some(tmp_path: Path) -> None:
    """All below it; a log beside them does not."""
    (tmp_path / "x").mkdir()
    for name in ("b.pem", "x/a.key", "x/access.log"):
        (tmp_path / name).write_text("1")

    assert files_below([str(tmp_path), "/elsewhere.crt"]) == [
        Path("/elsewhere.crt"),
        tmp_path / "b.pem",
        tmp_path / "x/a.key",
    ]
