"""What counts as content, and where a change of it would show."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.composition.fingerprint import below, digest, directories, files_below, sources


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
