"""A part of a source, which knows where it stands and whether anybody has read it.

A kind of source (`gateway.importing.kinds`) gets the whole as one `Part` and walks down from there. A value counts as
read when it was asked for in a type that it has; a mapping or list, when each of its members was. `unread` then finds
the rest, so that a key that nobody thought of is listed, and not dropped.

Note [Three ways to be read]

`text`, `number`, `flag`, `data` and the like: the value is used. `Draft.leave`: it is listed, with a reason.
`Draft.pass_over`: it says nothing about traffic (a description, a tag); it is counted by its name.

Tests: `tests/importing/test_parts.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Protocol

from gateway.config import ConfigError
from gateway.config.nodes import ListNode, MapNode, Node, ScalarNode, Value, join, resolve, to_data
from gateway.config.problems import Place, Problem
from gateway.config.reading import read
from gateway.importing import toml


class Piece(Protocol):
    """What can be listed: a `Part`, or what a reader of another format makes in its place."""

    @property
    def place(self) -> Place:
        """Where it stands."""

    @property
    def key(self) -> str | int:
        """What hints know it by."""

    @property
    def path(self) -> str:
        """What a list calls it; empty for the whole."""

    def mark_read(self) -> None:
        """Count it and all that belongs to it as read."""


class Source(Piece, Protocol):
    """The whole of a source."""

    def unread(self) -> Iterator[Piece]:
        """Yield what nobody has read."""


class Part:
    """A mapping, list or value of a source.

    Each is made once, by its parent: what an alias repeats has a part of its own at each place.

    Attributes:
        node: What was written.
        place: Where: of a member of a mapping, where its key is.
        key: Its key in its mapping, or its number in its list; empty for the whole.
        is_read: Whether it was read itself; its members say so for themselves.
    """

    __slots__ = ("_members", "_within", "is_read", "key", "node", "place")

    def __init__(self, node: Node, place: Place, within: Part | None = None, key: str | int = "") -> None:
        self.node = node
        self.place = place
        self.key = key
        self._within = within
        self.is_read = False
        self._members: dict[str | int, Part] = {}

    @property
    def path(self) -> str:
        """Its path in the source: `services[0].url`."""
        return "" if self._within is None else join(self._within.path, self.key)

    @property
    def is_mapping(self) -> bool:
        """Whether it has members by name."""
        return isinstance(self.node, MapNode)

    @property
    def is_list(self) -> bool:
        """Whether it has members by number."""
        return isinstance(self.node, ListNode)

    def names(self) -> list[str]:
        """Return the names of a mapping's members, without reading any; none of anything else."""
        return list(self.node.entries) if isinstance(self.node, MapNode) else []

    def get(self, *keys: str) -> Part | None:
        """Return what stands under a key, or under a path of keys; None where there is none, or nothing after it."""
        part: Part | None = self
        for key in keys:
            part = None if part is None else part.member(key)
        return part

    def member(self, key: str) -> Part | None:
        """Return what stands under a key; None where there is none, or nothing after it."""
        entry = self.node.entries.get(key) if isinstance(self.node, MapNode) else None
        if entry is None:
            return None
        part = self._child(key, entry.node, entry.place)
        if isinstance(part.node, ScalarNode) and part.node.value is None:
            part.is_read = True  # `key:` and `key: null` say what an absent key says
            return None
        return part

    def each(self, *keys: str) -> list[Part]:
        """Return the members of a list, this one or that under a path of keys; none where it is no list."""
        if keys:
            part = self.get(*keys)
            return [] if part is None else part.each()
        if not isinstance(self.node, ListNode):
            return []
        self.is_read = True
        return [self._child(index, node, node.place) for index, node in enumerate(self.node.items)]

    def one_or_each(self, *keys: str) -> list[Part]:
        """Return the members of a list, or the one thing that stands in the place of a list."""
        part = self.get(*keys)
        return [] if part is None else part.each() if part.is_list else [part]

    def entries(self, *keys: str) -> list[tuple[str, Part]]:
        """Return the members of a mapping by name, this one or that under a path of keys; none where it is none."""
        if keys:
            part = self.get(*keys)
            return [] if part is None else part.entries()
        if not isinstance(self.node, MapNode):
            return []
        self.is_read = True
        return [(key, self._child(key, entry.node, entry.place)) for key, entry in self.node.entries.items()]

    def text(self, *keys: str) -> str | None:
        """Return a value as text, numbers as they were written; None where there is none, and for true and false."""
        if keys:
            part = self.get(*keys)
            return None if part is None else part.text()
        value = self._value()
        if value is None or isinstance(value, bool):
            return None
        self.is_read = True
        assert isinstance(self.node, ScalarNode)  # it has a value
        return self.node.text

    def texts(self, *keys: str) -> list[str]:
        """Return the texts of a list, or the one in its place; what is no text among them stays unread."""
        return [text for part in self.one_or_each(*keys) if (text := part.text()) is not None]

    def number(self, *keys: str) -> int | float | None:
        """Return a number; None where there is none. One in quotes is taken too, as many readers do."""
        if keys:
            part = self.get(*keys)
            return None if part is None else part.number()
        value = self._value()
        if isinstance(value, str):
            value = resolve(value) if value else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            return None
        self.is_read = True
        return value

    def whole(self, *keys: str) -> int | None:
        """Return an integer; None where there is none. 5.0 is one."""
        if keys:
            part = self.get(*keys)
            return None if part is None else part.whole()
        was_read = self.is_read
        value = self.number()
        if value is not None and value != int(value):
            self.is_read = was_read
            return None
        return None if value is None else int(value)

    def flag(self, *keys: str) -> bool | None:
        """Return true or false; None where there is neither."""
        if keys:
            part = self.get(*keys)
            return None if part is None else part.flag()
        value = self._value()
        if not isinstance(value, bool):
            return None
        self.is_read = True
        return value

    def data(self, *keys: str) -> object:
        """Return all that stands here as plain data, read; None where there is nothing."""
        if keys:
            part = self.get(*keys)
            return None if part is None else part.data()
        self.mark_read()
        return to_data(self.node)

    def mark_read(self) -> None:
        """Count everything here as read."""
        self.is_read = True
        for part in [*self.each(), *(part for _, part in self.entries())]:
            part.mark_read()

    def unread(self) -> Iterator[Part]:
        """Yield what nobody has read, in the order of the source: the largest parts of which nothing was."""
        if self.is_untouched():
            yield self
            return
        # Asked after the question above, since asking for the members counts as reading what holds them.
        for part in [*self.each(), *(part for _, part in self.entries())]:
            yield from part.unread()

    def is_untouched(self) -> bool:
        """Whether nobody has read anything here."""
        return not self.is_read and all(part.is_untouched() for part in self._members.values())

    def _value(self) -> Value:
        return self.node.value if isinstance(self.node, ScalarNode) else None

    def _child(self, key: str | int, node: Node, place: Place) -> Part:
        part = self._members.get(key)
        if part is None:
            part = self._members[key] = Part(node, place, self, key)
        return part


def read_part(file: str) -> Part:
    """Read a file of YAML or JSON, or of TOML where its name ends so.

    Raises:
        ConfigError: It cannot be opened, or is none of them; each problem has its line.
    """
    start = Place(file, 1, 1)
    try:
        # Some editors put a byte order mark before YAML and JSON: it says nothing.
        text = Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError([Problem(*start, "", f"expected a file that can be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(*start, "", "expected UTF-8, found something else")]) from None
    if file.lower().endswith(".toml"):  # Traefik takes it beside YAML
        tables = toml.parse(text, file)
        return Part(tables, tables.place)
    problems: list[Problem] = []
    node = read(text, file, problems)
    if problems:
        raise ConfigError(problems)
    if node is None:
        raise ConfigError([Problem(*start, "", "expected YAML or JSON, found nothing")])
    return Part(node, node.place)
