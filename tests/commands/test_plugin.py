"""`gateway plugin new`: what it writes, and what it refuses; that the project is green is in `tests/system`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main


def run(*arguments: str) -> tuple[int, str]:
    """Run the command; returns its exit code and what it said."""
    done = CliRunner().invoke(main, ["plugin", "new", *arguments])
    return done.exit_code, done.output


def test_a_project(tmp_path: Path) -> None:
    """All files, each named; the name as an entry point, as a package and as a class."""
    code, said = run("our-stamp", "--directory", str(tmp_path / "p"))

    assert code == 0
    written = sorted(str(path.relative_to(tmp_path / "p")) for path in (tmp_path / "p").rglob("*") if path.is_file())
    assert written == [
        *("README.md", "gateway.yaml", "pyproject.toml"),
        *("src/our_stamp/__init__.py", "src/our_stamp/py.typed", "tests/test_our_stamp.py"),
    ]
    assert all(f"wrote {tmp_path / 'p' / path}" in said for path in written)
    assert 'our-stamp = "our_stamp:OurStamp"' in (tmp_path / "p" / "pyproject.toml").read_text()
    for path in written:
        if path.endswith(".py"):
            compile((tmp_path / "p" / path).read_text(), path, "exec")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Our", "lower-case letters"),
        ("9lives", "lower-case letters"),
        ("a--b", "lower-case letters"),
        ("class", "`class` is a word of Python"),
        ("json", "there is a package json already"),
        ("gateway", "there is a package gateway already"),
    ],
)
def test_names_that_cannot_be(name: str, words: str) -> None:
    """No package could have them, or another one has."""
    code, said = run(name)

    assert code == 2
    assert words in said


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A directory with something in it is left alone."""
    (tmp_path / "mine").write_text("mine")

    code, said = run("our-stamp", "-d", str(tmp_path))

    assert code == 2
    assert "is not empty" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
