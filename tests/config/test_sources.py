from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config import sources
from gateway.config.problems import Problem
from gateway.config.sources import gather


def names(path: Path) -> list[str]:
    """The files that a path stands for."""
    return [Path(source.file).name for source in gather(path, []).files]


def test_a_file_stands_for_itself(tmp_path: Path) -> None:
    """Under the name it was given, whatever its suffix."""
    file = tmp_path / "gateway.conf"
    file.write_text("a: 1\n")

    found = gather(file, [])

    assert found.files == ((str(file), "a: 1\n"),)
    assert found.directory == tmp_path


def test_a_directory_stands_for_its_files_in_order(tmp_path: Path) -> None:
    """YAML and JSON, sorted by name; nothing hidden, nothing else, no directories."""
    for name in ("b.yml", "a.yaml", "c.json", ".hidden.yaml", "notes.txt", "a.yaml~"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "d.yaml").mkdir()

    assert names(tmp_path) == ["a.yaml", "b.yml", "c.json"]


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    """Kubernetes shows `gateway.yaml -> ..data/gateway.yaml` with `..data -> ..2024_…`."""
    version = tmp_path / "..2024_01_01"
    version.mkdir()
    (version / "gateway.yaml").write_text("a: 1\n")
    (tmp_path / "..data").symlink_to(version.name)
    (tmp_path / "gateway.yaml").symlink_to("..data/gateway.yaml")

    assert names(tmp_path) == ["gateway.yaml"]


def test_the_dotenv_beside_a_file_is_read(tmp_path: Path) -> None:
    """And the one in a directory."""
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "g.yaml").write_text("")

    assert gather(tmp_path / "g.yaml", []).variables == {"A": "1"}
    assert gather(tmp_path, []).variables == {"A": "1"}


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    """Some editors write one."""
    (tmp_path / "g.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert gather(tmp_path / "g.yaml", []).files[0].text == "a: 1\n"


def wrong(path: Path) -> list[str]:
    """What is said about a path."""
    problems: list[Problem] = []
    gather(path, problems)
    return [str(problem).replace(f"{path}", "P") for problem in problems]


def test_a_path_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """In the words of the system."""
    assert wrong(tmp_path / "none.yaml") == [
        "P:1:1: expected a file that can be read, found an error: No such file or directory"
    ]


def test_a_named_pipe_in_a_directory_is_a_problem(tmp_path: Path) -> None:
    """Nobody may write to it: the start, or a reload, would wait for ever."""
    os.mkfifo(tmp_path / "a.yaml")

    assert wrong(tmp_path) == ["P/a.yaml:1:1: expected a file that can be read, found an error: it is no regular file"]


def test_the_one_file_that_was_named_may_be_a_pipe() -> None:
    """A shell makes one of `<(sops -d gateway.yaml)`."""
    reader, writer = os.pipe()
    os.write(writer, b"routes: []")
    os.close(writer)
    try:
        found = gather(Path(f"/dev/fd/{reader}"), [])
    finally:
        os.close(reader)

    assert [source.text for source in found.files] == ["routes: []"]


def test_an_empty_directory_is_a_problem(tmp_path: Path) -> None:
    """Rather than a gateway without routes."""
    assert wrong(tmp_path) == ["P:1:1: expected *.yaml, *.yml or *.json in the directory, found none"]


def test_bytes_that_are_not_utf_8_have_a_place(tmp_path: Path) -> None:
    """The line, and the byte in it."""
    file = tmp_path / "g.yaml"
    file.write_bytes(b"a: 1\nb: \xff\n")

    assert wrong(file) == ["P:2:4: expected UTF-8, found the byte 0xFF"]


def test_a_dotenv_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """It may hold what the configuration needs."""
    (tmp_path / "g.yaml").write_text("")
    (tmp_path / ".env").write_bytes(b"\xff")
    problems: list[Problem] = []

    assert gather(tmp_path / "g.yaml", problems).variables == {}
    assert len(problems) == 1


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration of more than 16 MiB is a mistake, or an attack."""
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    file = tmp_path / "g.yaml"
    file.write_text("a: 12345678\n")

    assert wrong(file) == ["P:1:1: expected at most 10 bytes, found more"]
