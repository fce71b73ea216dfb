"""A tree of nodes into YAML that reads back as the same tree: what stood without quotes stands so again.

For what the gateway itself writes down of a configuration (`gateway.config.overlays`). Plain data would not do: `1.10`,
`0x1F` and `${PORT}` mean something else in quotes, and something else as a number.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from gateway.config.nodes import ListNode, MapNode, Node, ScalarNode
from gateway.config.problems import Place

_WIDE = 2**31 - 1
"""Columns of a line: none is folded, so that a place in the text is a place in what was written."""


def as_text(node: Node) -> str:
    """Write a tree as a document of YAML."""
    events = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(node),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    text: str = yaml.emit(events, Dumper=yaml.CSafeDumper, allow_unicode=True, width=_WIDE)
    return text


def copied(node: Node) -> Node:
    """Return another tree that says the same: variables are filled in in place (`gateway.config.substitution`)."""
    if isinstance(node, ScalarNode):
        return ScalarNode(node.place, node.text, node.plain)
    if isinstance(node, ListNode):
        return ListNode(node.place, [copied(item) for item in node.items])
    return MapNode(node.place, {key: entry._replace(node=copied(entry.node)) for key, entry in node.entries.items()})


def text_node(place: Place, text: str) -> ScalarNode:
    """Return a text that means itself, whatever is in it."""
    return ScalarNode(place, text.replace("${", "$${"), plain=False)


def _events(node: Node) -> Iterator[yaml.Event]:
    if isinstance(node, ScalarNode):
        style = None if node.plain else '"'
        text = "null" if _blank(node) else node.text  # the emitter would put an empty one into quotes
        yield yaml.ScalarEvent(None, None, (node.plain, not node.plain), text, style=style)
    elif isinstance(node, ListNode):
        yield yaml.SequenceStartEvent(None, None, True, flow_style=not node.items)
        for item in node.items:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    else:
        yield yaml.MappingStartEvent(None, None, True, flow_style=not node.entries)
        for key, below in node.entries.items():
            if _blank(below.node):
                continue  # a key with nothing after it is not written, which `null` would be
            odd = _odd(key)
            yield yaml.ScalarEvent(None, None, (not odd, True), key, style='"' if odd else None)
            yield from _events(below.node)
        yield yaml.MappingEndEvent()


def _blank(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.plain and not node.text


def _odd(key: str) -> bool:
    """Whether a key would be read as something else without quotes."""
    return not key or key == "<<" or not (key[0].isalpha() and key.isprintable())
