"""What the admin API has changed: an overlay that is merged over the files by name, and wins.

Kept as it was written (variables are filled in at each load, `gateway.config.loading`) and as the document that
`admin.overlay` names: `replace` is a whole configuration in place of the files, the lists hold single objects,
`deleted` the names of objects of the files that are there no more. Objects of `rate_limits` have no names: once one was
changed, the overlay has the whole list.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from gateway.config import reading
from gateway.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode, describe, items, join, to_data
from gateway.config.problems import ConfigError, Place, Problem, problem, suggestion
from gateway.config.regular import read_regular
from gateway.config.schema.settings import names_of_routes
from gateway.config.sources import MAX_BYTES, SUFFIXES, Source, Sources
from gateway.config.substitution import substitute
from gateway.config.writing import as_text, copied, text_node

NAMED = ("routes", "upstreams", "plugins")
"""Lists whose objects are called by their name."""

HEAD = "# Written by the admin API: it wins over the configuration's files. DELETE /config/overlay takes it away.\n"

_KEYS = ("replace", *NAMED, "rate_limits", "deleted")
_NONE: Mapping[str, Node] = MappingProxyType({})
_UNKNOWN = Place("overlay", 1, 1)


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is over the files; each change makes another one.

    Attributes:
        whole: A configuration in the place of the files.
        objects: By section and name.
        deleted: By section, names of objects that the files have.
        rate_limits: The whole list.
    """

    whole: MapNode | None = None
    objects: Mapping[str, Mapping[str, Node]] = field(default_factory=lambda: dict.fromkeys(NAMED, _NONE))
    deleted: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict.fromkeys(NAMED, ()))
    rate_limits: ListNode | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is changed."""
        return self.whole is None and self.rate_limits is None and not self._touches()

    def put(self, section: str, name: str, node: Node) -> Overlay:
        """Return one with an object more, or with another in the place of one."""
        mine = {**self.objects[section], name: node}
        deleted = tuple(one for one in self.deleted[section] if one != name)
        return replace(self, objects={**self.objects, section: mine}, deleted={**self.deleted, section: deleted})

    def without(self, section: str, name: str, held: bool) -> Overlay:
        """Return one with an object less.

        Args:
            section: Its list.
            name: Its name.
            held: Whether what is below the overlay has it: then its name is kept among those that are deleted.
        """
        mine = {one: node for one, node in self.objects[section].items() if one != name}
        deleted = tuple(one for one in self.deleted[section] if one != name)
        return replace(
            self,
            objects={**self.objects, section: mine},
            deleted={**self.deleted, section: (*deleted, name) if held else deleted},
        )

    def limited(self, limits: ListNode) -> Overlay:
        """Return one with another list of rate limits."""
        return replace(self, rate_limits=limits)

    def over(
        self, root: MapNode, variables: Mapping[str, str], problems: list[Problem]
    ) -> tuple[MapNode, dict[str, frozenset[str]]]:
        """Put this over a tree whose variables are filled in.

        Returns:
            The merged tree, and the names that the tree below had, by section. The trees given are not changed.
        """
        entries = dict(root.entries)
        below = {section: _names(section, entries) for section in NAMED}
        for section in self._touches():
            present = entries.get(section)
            if present is None or isinstance(present.node, ListNode) or to_data(present.node) is None:
                merged = self._merged(section, present, below[section])
                entries[section] = Entry(root.place if present is None else present.place, merged)
        if self.rate_limits is not None:
            entries["rate_limits"] = Entry(self.rate_limits.place, copied(self.rate_limits))
        merged_root = MapNode(root.place, entries)
        substitute(merged_root, variables, problems)  # what is below is settled: only what is new is looked at
        return merged_root, {
            section: frozenset(name for name in names if name is not None) for section, names in below.items()
        }

    def text(self) -> str:
        """Write the document."""
        return HEAD + as_text(self.root())

    def root(self) -> MapNode:
        """Return the document."""
        entries: dict[str, Node] = {} if self.whole is None else {"replace": self.whole}
        for section in NAMED:
            if self.objects[section]:
                entries[section] = ListNode(_UNKNOWN, list(self.objects[section].values()))
        if self.rate_limits is not None:
            entries["rate_limits"] = self.rate_limits
        deleted = {
            section: Entry(_UNKNOWN, ListNode(_UNKNOWN, [text_node(_UNKNOWN, name) for name in names]))
            for section, names in self.deleted.items()
            if names
        }
        if deleted:
            entries["deleted"] = MapNode(_UNKNOWN, deleted)
        return MapNode(_UNKNOWN, {key: Entry(_UNKNOWN, node) for key, node in entries.items()})

    def _touches(self) -> list[str]:
        return [section for section in NAMED if self.objects[section] or self.deleted[section]]

    def _merged(self, section: str, present: Entry | None, names: list[str | None]) -> ListNode:
        left = dict(self.objects[section])
        found: list[Node] = []
        for (_, item), name in zip(items(None if present is None else present.node), names, strict=True):
            if name is not None and name in self.deleted[section]:
                continue
            own = left.pop(name, None) if name is not None else None
            if own is not None:
                found.append(copied(own))
            elif isinstance(item, MapNode) and name is not None and "name" not in item.entries:
                # A route that has no name of its own keeps the one that it has without the overlay.
                named = {"name": Entry(item.place, ScalarNode(item.place, name, plain=False, settled=True))}
                found.append(MapNode(item.place, named | item.entries))
            else:
                found.append(item)
        return ListNode(_UNKNOWN if present is None else present.node.place, [*found, *map(copied, left.values())])


NOTHING = Overlay()


def parse(source: Source) -> Overlay:
    """Read the document.

    Raises:
        ConfigError: It is none.
    """
    problems: list[Problem] = []
    root = reading.read(source.text, source.file, problems)
    overlay = NOTHING
    if isinstance(root, MapNode):
        overlay = _overlay(root, problems)
    elif not problems:
        place = root.place if root is not None else Place(source.file, 1, 1)
        found = describe(root) if root is not None else "an empty file"
        problems.append(problem(place, "", "an overlay as the admin API writes it", found))
    if problems:
        raise ConfigError(problems)
    return overlay


def on_disk(path: Path | None) -> Overlay:
    """Read the overlay that `admin.overlay` names; nothing, where there is no file yet.

    Raises:
        ConfigError: It cannot be read.
    """
    if path is None:
        return NOTHING
    try:
        content = read_regular(path, 2 * MAX_BYTES)  # a whole configuration as long as may be, and what is over it
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return NOTHING
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            [problem(Place(str(path), 1, 1), "", "an overlay that can be read", f"an error: {reason}")]
        ) from None
    return parse(Source(str(path), text))


def path_in(root: MapNode, found: Sources, problems: list[Problem]) -> Path | None:
    """Return the file that `admin.overlay` names; None where it names none.

    Args:
        root: The files' tree, with variables filled in.
        found: What the tree was read from.
        problems: Gets one for a file that would be read as a part of the configuration.
    """
    admin = root.get("admin")
    node = admin.get("overlay") if isinstance(admin, MapNode) else None
    path = resolved(node, found.directory)
    if path is None or node is None:
        return None
    beside = found.whole and path.parent == _plain(found.directory) and path.suffix in SUFFIXES
    if beside or any(_plain(Path(source.file).absolute()) == path for source in found.files):
        wanted = "a file that is not read as a part of the configuration"
        problems.append(problem(node.place, "admin.overlay", wanted, describe(node)))
        return None
    return path


def resolved(node: Node | None, directory: Path) -> Path | None:
    """Return the file that a value names; None where it names none, and the schema says what is wrong with it."""
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str) or not node.text or node.broken:
        return None
    return _plain(directory / Path(node.text).expanduser())


def _plain(path: Path) -> Path:
    # Links are not followed: behind a ConfigMap they lead elsewhere after each change.
    return Path(os.path.normpath(path))


def _names(section: str, entries: Mapping[str, Entry]) -> list[str | None]:
    """Return the name of each object of a list; None where it has none."""
    found = [to_data(item) for _, item in items(entries[section].node if section in entries else None)]
    if section == "routes":
        return names_of_routes(found)
    named = [one.get("name") if isinstance(one, dict) else None for one in found]
    return [None if name is None else str(name) for name in named]


def _overlay(root: MapNode, problems: list[Problem]) -> Overlay:
    for key, entry in root.entries.items():
        if key not in _KEYS:
            problems.append(problem(entry.place, key, "a known key", f'"{key}"{suggestion(key, _KEYS)}'))
    whole, limits = root.get("replace"), root.get("rate_limits")
    for node, key, kind, words in (
        (whole, "replace", MapNode, "a mapping of sections"),
        (limits, "rate_limits", ListNode, "a list"),
        (root.get("deleted"), "deleted", MapNode, "a mapping of lists of names"),
    ):
        if node is not None and not isinstance(node, kind):
            problems.append(problem(node.place, key, words, describe(node)))
    overlay = Overlay(
        whole=whole if isinstance(whole, MapNode) else None,
        rate_limits=limits if isinstance(limits, ListNode) else None,
    )
    for section in NAMED:
        for name, node in _objects(root, section, problems):
            overlay = overlay.put(section, name, node)
        for name in _deleted(root, section, problems):
            overlay = overlay.without(section, name, True)
    return overlay


def _objects(root: MapNode, section: str, problems: list[Problem]) -> Iterator[tuple[str, Node]]:
    node = root.get(section)
    if node is not None and not isinstance(node, ListNode):
        problems.append(problem(node.place, section, "a list", describe(node)))
    for index, item in items(node):
        name = item.get("name") if isinstance(item, MapNode) else None
        if isinstance(name, ScalarNode) and name.text:
            yield name.text.replace("$${", "${"), item
        else:
            problems.append(problem(item.place, join(section, index), "a mapping with a name", describe(item)))


def _deleted(root: MapNode, section: str, problems: list[Problem]) -> Iterator[str]:
    deleted = root.get("deleted")
    for index, one in items(deleted.get(section) if isinstance(deleted, MapNode) else None):
        if isinstance(one, ScalarNode) and one.text:
            yield one.text.replace("$${", "${")
        else:
            problems.append(problem(one.place, join(join("deleted", section), index), "a name", describe(one)))
