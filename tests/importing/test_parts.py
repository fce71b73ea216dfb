"""Parts of a source: what was read of it, and what was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.importing.parts import Part, read_part

SOURCE = """\
services:
  - name: a
    port: "80"
    flags: [true, 1, x]
    nothing:
    deep: {one: 1, two: 2}
shared: &shared {x: 1, y: 2}
again: *shared
"""


@pytest.fixture
def source(tmp_path: Path) -> Part:
    """The whole of a file."""
    file = tmp_path / "s.yaml"
    file.write_text(SOURCE)
    return read_part(str(file))


def unread(source: Part) -> list[tuple[str, int]]:
    """Paths and lines of what nobody has read."""
    return [(part.path, part.place.line) for part in source.unread()]


def test_nobody_has_read_anything(source: Part) -> None:
    """The whole file is one part that was not read."""
    assert unread(source) == [("", 1)]


def test_what_is_not_asked_for_is_found(source: Part) -> None:
    """The largest parts of which nothing was read, with the lines of their keys."""
    (service,) = source.each("services")

    assert (service.text("name"), service.whole("port"), service.number("deep", "two")) == ("a", 80, 2)
    assert unread(source) == [
        ("services[0].flags", 4), ("services[0].nothing", 5), ("services[0].deep.one", 6), ("shared", 7), ("again", 8),
    ]  # fmt: skip


def test_a_value_of_another_type_is_not_read(source: Part) -> None:
    """Whoever asks for it gets None, and it is listed."""
    (service,) = source.each("services")

    assert service.flag("name") is None
    assert service.number("name") is None
    assert service.text("deep") is None
    assert service.texts("flags") == ["1", "x"]
    assert ("services[0].name", 2) in unread(source)
    assert ("services[0].flags[0]", 4) in unread(source)
    assert ("services[0].flags[1]", 4) not in unread(source)


def test_a_fraction_is_no_whole_number(tmp_path: Path) -> None:
    """It stays unread; 5.0 is one."""
    file = tmp_path / "s.yaml"
    file.write_text("{a: 1.5, b: 5.0}")
    source = read_part(str(file))

    assert (source.whole("a"), source.whole("b")) == (None, 5)
    assert unread(source) == [("a", 1)]


def test_a_key_with_nothing_after_it_says_what_none_says(source: Part) -> None:
    """It is read by whoever asks for it."""
    (service,) = source.each("services")

    assert service.get("nothing") is None
    assert ("services[0].nothing", 5) not in unread(source)


def test_what_an_alias_repeats_is_read_at_each_place(source: Part) -> None:
    """Reading it at one says nothing of the other."""
    assert source.data("shared") == {"x": 1, "y": 2}
    assert [path for path, _ in unread(source)] == ["services", "again"]

    assert [key for key, _ in source.entries("again")] == ["x", "y"]
    assert [path for path, _ in unread(source)] == ["services", "again.x", "again.y"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ":1:1: expected YAML or JSON, found nothing"),
        (b"a: [\n", ":2:1: expected YAML, found an error"),
        (b"a: \xff", ":1:1: expected UTF-8, found something else"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes, words: str) -> None:
    """It is said where, and why."""
    file = tmp_path / "s.yaml"
    file.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_part(str(file))

    assert str(caught.value).startswith(f"{file}{words}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(ConfigError, match=r"none\.yaml:1:1: expected a file that can be read: No such file"):
        read_part(str(tmp_path / "none.yaml"))


def test_a_file_of_toml(tmp_path: Path) -> None:
    """It is read as one, by the end of its name; a byte order mark says nothing there either."""
    (tmp_path / "t.toml").write_text("\ufeff[a]\nb = 1\n", encoding="utf-8")

    part = read_part(str(tmp_path / "t.toml")).get("a", "b")

    assert part is not None
    assert (part.whole(), part.place.line) == (1, 2)
