"""A text of TOML as nodes with places.

Used by `gateway.importing.parts`. `tomllib` reads the text and knows no lines; so the text is cut into its statements,
and the keys of each are read by `tomllib` again, which says what they are for. Inside of a value, be it a list over
many lines, everything has the place of the statement.

Tests: `tests/importing/test_toml.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from gateway.config import ConfigError
from gateway.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode
from gateway.config.problems import Place, Problem

_WHERE: Final = re.compile(
    r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)

_Steps = tuple[str | int, ...]


def parse(text: str, file: str) -> MapNode:
    """Read a text of TOML.

    Args:
        text: All of it.
        file: Its name, for places.

    Raises:
        ConfigError: It is no TOML.
    """
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise ConfigError([Problem(file, 1, 1, "", "expected TOML that is not nested so deeply")]) from None
    except ValueError as error:  # what is no TOML, and numbers of thousands of digits
        found = _WHERE.fullmatch(str(error))
        line, column = (int(found["line"] or 0), int(found["column"] or 0)) if found else (0, 0)
        place = Place(file, line or text.count("\n") + 1, column or 1)
        raise ConfigError([Problem(*place, "", f"expected TOML: {found['what'] if found else error}")]) from None
    places = {(): Place(file, 1, 1), **_places(text, data, file)}
    node = _node(data, (), places, places[()])
    assert isinstance(node, MapNode)
    return node


class _Statement(NamedTuple):
    """A header, or keys with their value.

    Attributes:
        header: Whether it is one: `[a.b]` or `[[a.b]]`.
        keys: What stands in the brackets, or before the equals sign.
    """

    line: int
    column: int
    header: bool
    keys: list[str]


def _statements(text: str) -> Iterator[_Statement]:
    """Cut a text, which is known to be TOML, into its statements: one ends where `tomllib` can read it."""
    lines = text.replace("\r\n", "\n").split("\n")
    number = 0
    while number < len(lines):
        first, written = number, lines[number].strip()
        number += 1
        if not written or written.startswith("#"):
            continue
        column = lines[first].index(written[0]) + 1
        statement = lines[first]
        while (read := _read(statement)) is None:
            statement += "\n" + lines[number]
            number += 1
        yield _Statement(first + 1, column, written.startswith("["), list(_keys(read)))


def _read(statement: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return None


def _keys(data: Any) -> Iterator[str]:
    """Yield the keys of a statement, each the only one of a mapping; those of a value that is such a mapping follow."""
    while isinstance(data, dict) and len(data) == 1:
        ((key, data),) = data.items()
        yield key


def _places(text: str, data: dict[str, Any], file: str) -> dict[_Steps, Place]:
    """Return where each table and key is said first."""
    found: dict[_Steps, Place] = {}
    counts: dict[_Steps, int] = {}
    table: _Steps = ()
    for line, column, header, keys in _statements(text):
        steps: _Steps = () if header else table
        value: Any = _at(data, steps)
        for depth, key in enumerate(keys, 1):
            steps, value = (*steps, key), value[key]
            found.setdefault(steps, Place(file, line, column))
            if header and isinstance(value, list):
                # The last header of a list of tables begins a new member; any other one goes on with the newest.
                index = counts.get(steps, 0) - 1
                if depth == len(keys):
                    index += 1
                    counts[steps] = index + 1
                steps, value = (*steps, index), value[index]
                found.setdefault(steps, Place(file, line, column))
        if header:
            table = steps
    return found


def _at(data: Any, steps: _Steps) -> Any:
    for step in steps:
        data = data[step]
    return data


def _node(value: Any, steps: _Steps, places: dict[_Steps, Place], around: Place) -> Node:
    place = places.get(steps, around)
    if isinstance(value, dict):
        entries = {}
        for key, one in value.items():
            node = _node(one, (*steps, key), places, place)
            entries[key] = Entry(node.place, node)
        return MapNode(place, entries)
    if isinstance(value, list):
        return ListNode(place, [_node(one, (*steps, index), places, place) for index, one in enumerate(value)])
    if isinstance(value, bool):
        return ScalarNode(place, str(value).lower(), plain=True)
    return ScalarNode(place, str(value), plain=isinstance(value, int | float))
