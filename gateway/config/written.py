"""Where a key of a configuration is written.

Asked when what it says cannot be had (`gateway.composition.configured`): settings do not know where they were written.

Tests: `tests/composition/test_failed_changes.py::test_all_is_as_it_was`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config.nodes import ListNode, MapNode, Node
from gateway.config.problems import Place

Path = Sequence[str | int]
"""Keys and places in lists, from the top: `("listeners", 0, "endpoint")`."""


def place_of(root: MapNode, path: Path) -> Place | None:
    """Return where a key is written, or what it is a part of, where that is written in a short way.

    Args:
        root: The tree.
        path: Of the key.

    Returns:
        None where nothing is written of the first key either.
    """
    node: Node | None = root
    found: Place | None = None
    for key in path:
        if isinstance(node, MapNode) and isinstance(key, str):
            node = node.get(key)
        elif isinstance(node, ListNode) and isinstance(key, int) and key < len(node.items):
            node = node.items[key]
        else:
            break
        if node is None:
            break
        found = node.place
    return found


def shown(path: Path) -> str:
    """Write a path as messages have it: `listeners[0].endpoint`."""
    words = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return words.removeprefix(".")
