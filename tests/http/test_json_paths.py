"""Paths into JSON."""

from __future__ import annotations

import pytest

from gateway.http.json_paths import Path, places, put, read, remove, rename, wild


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ("items.*.secret", ("items", None, "secret")),
        ("*", (None,)),
        (r"a\.b.c", ("a.b", "c")),
        (r"\*.a*", ("*", "a*")),
        (r"a\\.b", ("a\\", "b")),
    ],
)
def test_paths_are_taken_apart(text: str, path: Path) -> None:
    """Dots, stars and backslashes can stand in names."""
    assert read(text) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a\\", r"a\x"])
def test_what_is_no_path(text: str) -> None:
    """No name is empty."""
    with pytest.raises(ValueError) as raised:
        read(text)
    assert str(raised.value) == text


def test_where_a_path_leads() -> None:
    """To every member where there is a star; to nothing where something else is."""
    value = {"a": [{"b": 1}, 2, {"b": 3}], "c": {"x": {"b": 4}}}
    assert places(value, ("a", None, "b")) == [1, 3]
    assert places(value, (None, None, "b")) == [1, 3, 4]
    assert places(value, ("a", "b")) == places(value, ("c", "y", "b")) == places(1, (None,)) == []
    assert places(value, ()) == [value]


def test_what_is_no_mapping_is_left() -> None:
    """Nothing is taken out of a text or put into a list."""
    value = {"a": "text", "b": [1]}
    remove(value, ("a", "x"))
    remove(value, ("a", None))
    put(value["b"], ("x",), 1)
    rename(value, ("b", "x"), ("b", "y"))
    assert value == {"a": "text", "b": [1]}


def test_how_far_the_stars_reach() -> None:
    """Up to the last one."""
    assert wild(("a", "b")) == 0
    assert wild((None, "b")) == 1
    assert wild(("a", None, "b", None, "c")) == 4
