"""Doubts about what several routes have in common: groups of nobody, and keys that look as if they were switched off.

Tests: `tests/config/test_inheritance.py::test_a_key_with_nothing_after_it_switches_nothing_off`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.inheritance import blanks, unused_groups
from gateway.config.nodes import MapNode
from gateway.config.problems import Problem


def shared(root: MapNode) -> Iterator[Problem]:
    """Doubt groups that no route says, and keys with nothing after them that a group or the defaults have.

    Args:
        root: The tree before anything was taken over.
    """
    for path, place in unused_groups(root):
        yield Problem(*place, path, "no route is in it (`group`): nothing that it says is in force", "unused")
    for path, entry, source in blanks(root):
        words = f"nothing stands here, so that `{source}` holds; `null` switches it off"
        yield Problem(*entry.place, path, words, "no-effect")
