"""The effective configuration as YAML, with a comment behind each value: where it comes from.

`FILE:LINE` of what was written, `group NAME` or `defaults.route` before it where the value was taken over, the variable
of an override, or `default` where nobody says anything. For `gateway config`; comments hold places, never values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from gateway.config.effective import as_yaml
from gateway.config.nodes import Entry, ListNode, MapNode, Node
from gateway.config.problems import Place
from gateway.config.schema import Settings
from gateway.config.schema.base import Section
from gateway.config.schema.routes import Route

DEFAULT = "default"


def annotated(settings: Settings, root: MapNode) -> str:
    """Write settings as YAML.

    Args:
        settings: What was made of the tree.
        root: The tree, with what routes and upstreams have taken over.
    """
    text = as_yaml(settings)
    lines = text.split("\n")
    for node, _, origin in _values(_composed(text), settings, _Written(root, "", "")):
        lines[node.end_mark.line] += f"  # {origin}"
    return "\n".join(lines)


class Value(NamedTuple):
    """A value in force.

    Attributes:
        path: Where it is; a thing of a list goes by its name, where it has one.
        value: As YAML has it, secrets masked.
        origin: Where it comes from.
    """

    path: str
    value: str
    origin: str


def values(settings: Settings, root: MapNode) -> list[Value]:
    """Return each single value in force, with its origin.

    Args:
        settings: What was made of the tree.
        root: The tree, with what routes and upstreams have taken over.
    """
    shown = _values(_composed(as_yaml(settings)), settings, _Written(root, "", ""))
    return [Value(path, _text(node), origin) for node, path, origin in shown]


def _composed(text: str) -> yaml.Node:
    shown = yaml.compose(text, Loader=yaml.CSafeLoader)
    assert shown is not None  # it is never empty
    return shown


def _text(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    return "[]" if isinstance(node, yaml.SequenceNode) else "{}"


class _Written:
    """Where a value was written.

    Attributes:
        origin: In words; `DEFAULT` where it was not written.
    """

    def __init__(self, node: Node | None, origin: str, taken_from: str) -> None:
        self.origin = origin
        self._node = node
        self._taken_from = taken_from

    def under(self, key: str, names: Mapping[str, str]) -> _Written:
        """Go to a key, known by other names too; where the tree has none, a short way of writing stands for it."""
        if not isinstance(self._node, MapNode):
            return self
        for written in (key, *(other for other, known in names.items() if known == key)):
            entry = self._node.entries.get(written)
            if entry is not None:
                taken_from = self._taken_from or _taken_from(entry)
                return _Written(entry.node, _words(entry.place, taken_from), taken_from)
        return self

    def member(self, index: int) -> _Written:
        """Go to a member of a list; one thing may stand for a list of one."""
        if not isinstance(self._node, ListNode) or index >= len(self._node.items):
            return self
        node = self._node.items[index]
        return _Written(node, _words(node.place, self._taken_from), self._taken_from)


def _taken_from(entry: Entry) -> str:
    """Say from whom a key was taken over; empty for one that stands where it is."""
    mapping = entry.path.rpartition(".")[0]
    return mapping.replace("groups.", "group ", 1) if mapping.startswith("groups.") else mapping


def _words(place: Place, taken_from: str) -> str:
    where = place.file if place.file.startswith("$") else f"{place.file}:{place.line}"
    return f"{taken_from}, {where}" if taken_from else where


def _values(shown: yaml.Node, value: Any, written: _Written, path: str = "") -> Iterator[tuple[yaml.Node, str, str]]:
    """Yield each single value under what is shown, its path, and where it comes from."""
    if isinstance(shown, yaml.MappingNode) and shown.value:
        for key, below in shown.value:
            name = key.value
            under = f"{path}.{name}" if path else name
            if not isinstance(value, Section):
                inside = value.get(name) if isinstance(value, dict) else None
                yield from _values(below, inside, written.under(name, {}), under)
                continue
            attribute = _attribute(type(value), name)
            at = written.under(name, value.other_names)
            if attribute not in value.model_fields_set:
                at = _Written(None, _not_written(value, attribute), "")
            yield from _values(below, getattr(value, attribute, None), at, under)
    elif isinstance(shown, yaml.SequenceNode) and shown.value:
        for index, below in enumerate(shown.value):
            inside = value[index] if isinstance(value, tuple) and index < len(value) else None
            name = getattr(inside, "name", None) if isinstance(inside, Section) else None
            yield from _values(below, inside, written.member(index), f"{path}[{name or index}]")
    else:
        yield shown, path, written.origin


def _not_written(section: Section, attribute: str) -> str:
    """Say where the value of a key comes from that nobody wrote."""
    if isinstance(section, Route) and attribute == "request_timeout":
        raises = "timeout" in section.model_fields_set and section.timeout == section.request_timeout
        return f"as `{'timeout' if raises else 'timeouts.request'}`"
    return DEFAULT


def _attribute(section: type[Section], key: str) -> str:
    """Return the attribute of a key, which is called otherwise where Python has the word (`class`)."""
    return next((name for name, field in section.model_fields.items() if field.alias == key), key)
