"""Several files into one tree.

Mappings are merged; the lists in `JOINED`, whose members have names, are put
one after the other in the order of the files; whatever else is set in two
files is a problem that names both places. That a name stands twice in a
joined list is found later, together with names that stand twice in one file.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config.nodes import Entry, ListNode, MapNode, Node, join
from gateway.config.problems import Problem, problem

JOINED = frozenset(
    {"listeners", "upstreams", "routes", "plugins", "rate_limits", "tests", "auth.api_keys.keys", "auth.oauth.clients"}
)


def merge(roots: Sequence[MapNode], problems: list[Problem]) -> MapNode:
    """Make one tree of the trees of several files; they are not changed."""
    merged = roots[0]
    for root in roots[1:]:
        merged = _mappings(merged, root, "", problems)
    return merged


def _mappings(first: MapNode, second: MapNode, path: str, problems: list[Problem]) -> MapNode:
    entries = dict(first.entries)
    for key, entry in second.entries.items():
        present = entries.get(key)
        # `x-` keys are the user's own: any file may have one of the same name.
        if present is None or (not path and key.startswith("x-")):
            entries[key] = entry
        else:
            entries[key] = Entry(present.place, _nodes(present, entry, join(path, key), problems))
    return MapNode(first.place, entries)


def _nodes(first: Entry, second: Entry, path: str, problems: list[Problem]) -> Node:
    if isinstance(first.node, MapNode) and isinstance(second.node, MapNode):
        return _mappings(first.node, second.node, path, problems)
    if path in JOINED and isinstance(first.node, ListNode) and isinstance(second.node, ListNode):
        return ListNode(first.node.place, [*first.node.items, *second.node.items])
    problems.append(problem(second.place, path, "a value in one file only", f"it again, first at {first.place}"))
    return first.node
