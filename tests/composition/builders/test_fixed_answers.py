"""What is made of `respond`: its type, and its file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.composition.builders.fixed_answers import fixed_answer
from gateway.config import ConfigError
from gateway.config.schema.answers import Respond


def media_type(**respond: object) -> bytes | None:
    """Of an answer."""
    return fixed_answer("r", Respond.model_validate(respond))._block.index.get(b"content-type")


def test_the_type_of_a_text() -> None:
    """Plain text; one that is not ASCII says how it is coded; nothing has no type unless one is written."""
    assert media_type(body="ok") == b"text/plain"
    assert media_type(body="für") == b"text/plain; charset=utf-8"
    assert media_type(body="{}", content_type="application/json") == b"application/json"
    assert media_type(body="") is None
    assert media_type() is None
    assert media_type(content_type="text/html") == b"text/html"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.html", b"<p>", b"text/html; charset=utf-8"),
        ("a.html", b"\xff", b"text/html"),
        ("a.json", b"{}", b"application/json"),
        ("a.svg", b"<svg/>", b"image/svg+xml"),
        ("a.txt.gz", b"\x1f", b"application/octet-stream"),
        ("security", b"x", b"application/octet-stream"),
    ],
)
def test_the_type_of_a_file(tmp_path: Path, name: str, content: bytes, expected: bytes) -> None:
    """By the end of its name."""
    file = tmp_path / name
    file.write_bytes(content)

    assert media_type(file=str(file)) == expected


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """One that is missing, a directory, a pipe (which must not hold up the start), and one that is too long."""
    pipe, long = tmp_path / "pipe", tmp_path / "long"
    os.mkfifo(pipe)
    long.write_bytes(b"12345")
    said = []
    for file in (tmp_path / "missing", tmp_path, pipe, long):
        with pytest.raises(ConfigError) as caught:
            fixed_answer("r", Respond.model_validate({"file": str(file)}), 4)
        said.append(str(caught.value).replace(str(file), "FILE"))

    assert said == [
        "routes[r].respond.file: FILE: expected a file that can be read, found an error: No such file or directory",
        "routes[r].respond.file: FILE: expected a file that can be read, found an error: Is a directory",
        "routes[r].respond.file: FILE: expected a file that can be read, found an error: it is no regular file",
        "routes[r].respond.file: FILE: expected a file of 4 at most, found a longer one",
    ]
