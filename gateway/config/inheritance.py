"""What routes take over from `groups` and `defaults`, and upstreams from `defaults`.

Done on the tree, between substitution and the schema: what is taken over keeps its place in the file, and the path of
the key that it stands under there, so that whatever is wrong with it is told once, and where it was written.

# Note [A key is taken over whole]
A key that a route writes is the route's alone, mappings too: `auth: {type: jwt, roles: [admin]}` is all that is asked
there, whatever the group's `auth` asks (D-196). A key with nothing after it is not written; null, or `off`, is: it
puts back what holds where nobody says anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.config.answers import ANSWERS, not_beside
from gateway.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode, items, join
from gateway.config.problems import Place
from gateway.config.schema.base import OWN
from gateway.config.schema.routes import SharedRoute
from gateway.config.schema.shared import Shared
from gateway.config.schema.upstreams import SharedUpstream

DESTINATIONS = ("upstream", *ANSWERS)
"""Keys of a route of which one stands in the place of the others."""

_TAKING: Mapping[str, type[Shared]] = {"routes": SharedRoute, "upstreams": SharedUpstream}
"""Who takes keys over, and the section that says which."""


class Layer(NamedTuple):
    """Where keys stand: in the route itself, in its group, in the defaults.

    Attributes:
        entries: By the first name of each key.
        path: Of the mapping, for messages; empty for the route itself.
    """

    entries: Mapping[str, Entry]
    path: str


def fill_in(root: MapNode) -> MapNode:
    """Return the tree with everything taken over; the one given is not changed."""
    entries = dict(root.entries)
    for key, section in _TAKING.items():
        present = entries.get(key)
        find = _layers_of(root, section)
        if present is not None and isinstance(present.node, ListNode) and find is not None:
            filled = [_filled(item, section, find(item)) for item in present.node.items]
            entries[key] = present._replace(node=ListNode(present.node.place, filled))
    return MapNode(root.place, entries)


def taken_over(root: MapNode) -> Iterator[tuple[str, Entry]]:
    """Walk what routes and upstreams have taken over: each key by the name that it was written under."""
    for taking in _TAKING:
        for _, item in items(root.get(taking)):
            for key, entry in item.entries.items() if isinstance(item, MapNode) else ():
                if entry.path:
                    yield key, entry


def unused_groups(root: MapNode) -> Iterator[tuple[str, Place]]:
    """Walk the groups that no route says: the path and place of each."""
    said = {name.text for _, item in items(root.get("routes")) if (name := _named_group(item)) is not None}
    groups = root.get("groups")
    for group, entry in groups.entries.items() if isinstance(groups, MapNode) else ():
        if group not in said and not group.startswith(OWN):
            yield join("groups", group), entry.place


def blanks(root: MapNode) -> Iterator[tuple[str, Entry, str]]:
    """Walk the keys with nothing after them that a group or the defaults have: path, entry, and whose holds.

    Args:
        root: The tree before anything was taken over.
    """
    for taking, section in _TAKING.items():
        find = _layers_of(root, section)
        for index, item in items(root.get(taking)) if find is not None else ():
            layers = find(item) if find is not None else ()
            for key, entry in item.entries.items() if isinstance(item, MapNode) else ():
                held = [
                    layer.entries[_first(section, key)] for layer in layers if _first(section, key) in layer.entries
                ]
                if held and is_blank(entry.node):
                    yield join(join(taking, index), key), entry, held[0].path


def is_blank(node: Node) -> bool:
    """Whether there is nothing after a key, not even `null`: then it says nothing."""
    return isinstance(node, ScalarNode) and node.plain and not node.text


def _first(section: type[Shared], key: str) -> str:
    """Return the first of the names of a key."""
    return section.other_names.get(key, key)


def _layers_of(root: MapNode, section: type[Shared]) -> Callable[[Node], list[Layer]] | None:
    """Return what finds the layers above a route or an upstream, the nearest first; None where there are none."""
    layers = {layer.path: layer for layer in _layers(root, section)}
    if not layers:
        return None
    defaults = [layer for path, layer in layers.items() if path.startswith("defaults.")]

    def find(item: Node) -> list[Layer]:
        name = _named_group(item) if section is SharedRoute else None
        group = None if name is None else layers.get(join("groups", name.text))
        return defaults if group is None else [group, *defaults]

    return find


def _layers(root: MapNode, section: type[Shared]) -> Iterator[Layer]:
    """Walk the mappings that others take keys over from."""
    found: list[tuple[str, Node | None]] = []
    defaults, groups = root.get("defaults"), root.get("groups")
    if isinstance(defaults, MapNode):
        name = "route" if section is SharedRoute else "upstream"
        found.append((f"defaults.{name}", defaults.get(name)))
    if isinstance(groups, MapNode) and section is SharedRoute:
        found += [(join("groups", name), entry.node) for name, entry in groups.entries.items()]
    for path, node in found:
        if isinstance(node, MapNode):
            yield Layer(_shared(node, section, path), path)


def _shared(node: MapNode, section: type[Shared], path: str) -> dict[str, Entry]:
    """Return what a mapping has for others, by the first name of each key, each entry with the path of its key."""
    found: dict[str, Entry] = {}
    for written, entry in node.entries.items():
        key = _first(section, written)
        if key in section.model_fields and not is_blank(entry.node):
            found.setdefault(key, entry._replace(path=join(path, written)))
    return found


def _named_group(route: Node) -> ScalarNode | None:
    name = route.get("group") if isinstance(route, MapNode) else None
    return name if isinstance(name, ScalarNode) and name.value is not None else None


def _filled(item: Node, section: type[Shared], above: Sequence[Layer]) -> Node:
    """Return a route or an upstream with what it takes over, nearest layer first."""
    if not (isinstance(item, MapNode) and above):
        return item
    entries = {
        key: entry
        for key, entry in item.entries.items()
        if not (is_blank(entry.node) and _first(section, key) in section.model_fields)
    }
    own = Layer({_first(section, key): entry for key, entry in entries.items()}, "")
    decides = _destination([own, *above])
    said = set(own.entries)
    for layer in above:
        taken = {key: entry for key, entry in layer.entries.items() if not _elsewhere(key, layer, decides)}
        entries |= {key: entry for key, entry in taken.items() if key not in said}
        said |= layer.entries.keys()
    return MapNode(item.place, entries)


def _destination(layers: Sequence[Layer]) -> tuple[str, Layer] | None:
    """Find where a route leads: the key, and the layer that says so."""
    off: set[str] = set()
    for layer in layers:
        for key in DESTINATIONS:
            if key in layer.entries and key not in off:
                if _says_something(layer.entries[key].node):
                    return key, layer
                off.add(key)
    return None


def _says_something(node: Node) -> bool:
    return not (isinstance(node, ScalarNode) and node.value is None)


def _elsewhere(key: str, layer: Layer, decides: tuple[str, Layer] | None) -> bool:
    """Whether a key would be taken over that is for another destination than the route's."""
    if decides is None or layer is decides[1]:
        return False
    return key in DESTINATIONS or (decides[0] in ANSWERS and key in not_beside(decides[0]))
