"""A configuration as it was written: a tree that remembers where each part stands.

Made by `gateway.config.reading`, changed by substitution, merging and
overrides, and turned into plain data for the schema at the end. A place is
looked up only when there is a problem to report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.config.problems import Place
from gateway.config.texts import without_credentials

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_OTHER_BASE = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_PLAIN = re.compile(r"[\w*-]+").fullmatch
"""Matches a step of a path that needs no quotes."""
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class WrittenInt(int):
    """An integer whose text says more than its value does: `0123`, `+1`, `0x1F`."""

    text: str


class WrittenFloat(float):
    """A number and its text, so that a key that takes text gets `1.10` and not `1.1`."""

    text: str


class Filled(str):
    """The value of a variable alone in quotes, `"${PORT}"`: text for keys that take text, for others as without quotes.

    JSON has no other way to write a number that comes from the environment.
    """

    __slots__ = ()


Value = bool | int | float | str | None


def meant(value: object) -> object:
    """Return the value as a key that takes no text reads it: a `Filled` as if it stood without quotes."""
    return resolve(value) if isinstance(value, Filled) else value


def resolve(text: str) -> Value:
    """Give a plain scalar its value by the core schema of YAML 1.2.

    `yes`, `on`, `12:30` and dates are text, as they are in JSON and in the eyes
    of whoever did not read the YAML 1.1 specification.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text) or _OTHER_BASE.fullmatch(text):
        number = int(text, 0) if text[1:2] in ("o", "x") else int(text)
        if str(number) == text:
            return number
        written = WrittenInt(number)
        written.text = text
        return written
    if _FLOAT.fullmatch(text):
        fraction = WrittenFloat(text)
        fraction.text = text
        return fraction
    return text


@dataclass(slots=True)
class ScalarNode:
    """One value.

    Attributes:
        plain: Written without quotes, so that it may be a number, true, false or null.
        settled: Substituted already: a node that is reached again by an alias is left alone.
        filled: Written in quotes, with nothing but a variable in them.
        broken: Its problem has been reported: further problems with it are not.
    """

    place: Place
    text: str
    plain: bool
    settled: bool = False
    filled: bool = False
    broken: bool = False

    @property
    def value(self) -> Value:
        if self.plain:
            return resolve(self.text)
        return Filled(self.text) if self.filled else self.text


@dataclass(slots=True)
class ListNode:
    """A sequence."""

    place: Place
    items: list[Node] = field(default_factory=list)


class Entry(NamedTuple):
    """A key's own place and what stands under it.

    Attributes:
        path: Of the key, where it was taken over from another mapping (`gateway.config.inheritance`); else empty.
    """

    place: Place
    node: Node
    path: str = ""


@dataclass(slots=True)
class MapNode:
    """A mapping; its keys are texts."""

    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)

    def get(self, *keys: str) -> Node | None:
        """What stands under the first of `keys` that is there."""
        for key in keys:
            if key in self.entries:
                return self.entries[key].node
        return None

    def path_of(self, key: str, here: str) -> str:
        """Return the path of a key of this mapping, whose own path is `here`."""
        entry = self.entries.get(key)
        return entry.path if entry is not None and entry.path else join(here, key)


Node = ScalarNode | ListNode | MapNode


def to_data(node: Node) -> object:
    """Make plain dictionaries, lists and values of a tree."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, MapNode):
        return {key: to_data(entry.node) for key, entry in node.entries.items()}
    return [to_data(item) for item in node.items]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def describe(node: Node) -> str:
    """Say what a node is, to end the sentence "found …"."""
    if isinstance(node, MapNode):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, str):
        value = without_credentials(value)  # a password has no place in a message
        return '"' + _short(value).encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    return _short(node.text)


def items(node: Node | None) -> Iterator[tuple[int, Node]]:
    """Walk a list; nothing where it is none."""
    if isinstance(node, ListNode):
        yield from enumerate(node.items)


def join(path: str, step: str | int) -> str:
    """Append a step to the path of a key: `routes`, 2, `retry` make `routes[2].retry`."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    if not _PLAIN(step):
        return f"{path}[{step!r}]"
    return f"{path}.{step}" if path else step
