"""Text into a tree of nodes, with YAML's sharper tools taken away.

Built from the parser's events rather than with `yaml.compose`: libyaml's
composer recurses in C and takes the process down on a file of brackets, and
only events tell an explicit tag from an implied one. Aliases are kept, tags
are refused, and what an alias may unfold to is bounded.
"""

from __future__ import annotations

import re
from functools import reduce

import yaml

from gateway.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode, describe, join
from gateway.config.problems import Place, Problem, problem

MERGE = "<<\0"
"""Stands for the key `<<` while its mapping is read; no text of a file has a NUL in it."""
MAX_DEPTH = 64
MAX_NODES = 500_000
"""Nodes that the aliases of one file may unfold to; a "billion laughs" file is stopped at this many."""

# YAML 1.2 section 5.1, the printable set. Checked by ourselves since libyaml reports a byte offset, not a place.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# JSON allows tabs between tokens and writes characters outside the BMP as two escapes; libyaml takes neither.
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\t', re.DOTALL)
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


class _Stop(Exception):
    """Reading cannot go on; the problem is in `args`."""


def read(text: str, file: str, problems: list[Problem]) -> Node | None:
    """Parse one file.

    Returns:
        The root, or None where the file is empty or what is wrong with it leaves nothing to look at.
    """
    if match := _UNPRINTABLE.search(text):
        place = _place_of(text, match.start(), file)
        problems.append(problem(place, "", "printable characters", f"U+{ord(match[0]):04X}"))
        return None
    if file.endswith(".json"):
        text = _JSON_TOKEN.sub(_as_yaml, text)
    builder = _Builder(file, problems)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.handle(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        context = f" ({error.context})" if error.context else ""
        # In a mapping in braces the `}` of an unquoted `${VAR}` ends the mapping: the message says to quote it.
        braced = "${" in "".join(text.splitlines()[place.line - 1 : place.line])
        hint = '; inside of `{…}` and `[…]`, write "${VAR}" in quotes' if braced else ""
        problems.append(problem(place, "", "YAML", f"an error: {error.problem}{context}{hint}"))
        return None
    except _Stop as stop:
        problems.append(stop.args[0])
        return None
    return builder.root


def _as_yaml(match: re.Match[str]) -> str:
    return " " if match[0] == "\t" else _SURROGATES.sub(_join_surrogates, match[0])


def _join_surrogates(match: re.Match[str]) -> str:
    pair = chr(int(match[2], 16)) + chr(int(match[3], 16))
    return match[1] + pair.encode("utf-16", "surrogatepass").decode("utf-16")


def _place_of(text: str, offset: int, file: str) -> Place:
    line = text.count("\n", 0, offset) + 1
    return Place(file, line, offset - (text.rfind("\n", 0, offset) + 1) + 1)


class _Builder:
    """Assembles nodes from events, without recursion.

    `open` holds the containers that are being filled. `key` is the key of a
    mapping that waits for its value, None where a key comes next.
    """

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.root: Node | None = None
        self._file = file
        self._problems = problems
        self._open: list[tuple[ListNode | MapNode, int]] = []
        self._keys: list[tuple[str, Place] | None] = []
        self._steps: list[str | int] = []  # to the innermost of `open`
        self._anchors: dict[str, Node] = {}
        self._sizes: dict[int, int] = {}
        self._nodes = 0
        self._documents = 0

    def handle(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            _Stop: Nothing after this could be understood.
        """
        if isinstance(event, yaml.ScalarEvent):
            self._check_tag(event)
            place = self._place(event)
            if self._at_key():
                # `"<<"` in quotes, and so in JSON, is a key like any other.
                self._keys[-1] = (MERGE if event.value == "<<" and not event.style else event.value, place)
                return
            self._nodes += 1
            self._add(ScalarNode(place, event.value, not event.style), event.anchor)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._start(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            node, before = self._open.pop()
            if isinstance(node, MapNode):
                self._merge(node)
            self._keys.pop()
            del self._steps[-1:]  # the root has no step
            self._sizes[id(node)] = self._nodes - before
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _Stop(problem(self._place(event), "", "one document in a file", "a second one"))

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        self._check_tag(event)
        place = self._place(event)
        if self._at_key():
            raise _Stop(problem(place, "", "a text as key", "a list or mapping"))
        if len(self._open) == MAX_DEPTH:
            raise _Stop(problem(place, "", f"at most {MAX_DEPTH} levels", "more"))
        if self._open:
            self._steps.append(self._step())
        node = MapNode(place) if isinstance(event, yaml.MappingStartEvent) else ListNode(place)
        before = self._nodes
        self._nodes += 1
        self._add(node, event.anchor)
        self._open.append((node, before))
        self._keys.append(None)

    def _merge(self, node: MapNode) -> None:
        """Add the keys of the mappings under `<<` that do not stand beside it; each keeps its place in the file."""
        merged = node.entries.pop(MERGE, None)
        if merged is None:
            return
        for part in merged.node.items if isinstance(merged.node, ListNode) else [merged.node]:
            if isinstance(part, MapNode):
                for key, entry in part.entries.items():
                    node.entries.setdefault(key, entry)
            else:
                path = reduce(join, [*self._steps, "<<"], "")
                wanted = "a mapping, or a list of mappings, to be merged"
                self._problems.append(problem(part.place, path, wanted, describe(part)))

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event)
        name = str(event.anchor)
        if self._at_key():
            raise _Stop(problem(place, "", "a text as key", f"the alias *{name}"))
        node = self._anchors.get(name)
        if node is None:
            # The name is not shown: a password that begins with `*` and stands without quotes is read as an alias.
            raise _Stop(problem(place, "", "quotes around a text that begins with `*`", "an alias without an anchor"))
        if any(node is container for container, _ in self._open):
            raise _Stop(problem(place, "", "an alias of something complete", f"*{name} inside of &{name}"))
        self._nodes += self._sizes.get(id(node), 1)
        if self._nodes > MAX_NODES:
            raise _Stop(problem(place, "", f"aliases that unfold to at most {MAX_NODES} values", "more"))
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        container = self._open[-1][0]
        if isinstance(container, ListNode):
            container.items.append(node)
            return
        pending = self._keys[-1]
        assert pending is not None  # _at_key() took every event in the place of a key
        key, place = pending
        self._keys[-1] = None
        if key in container.entries:
            key_shown = "<<" if key == MERGE else key
            first = container.entries[key].place
            path = reduce(join, [*self._steps, key_shown], "")
            self._problems.append(problem(place, path, "the key once", f"it again, first at {first}"))
        else:
            container.entries[key] = Entry(place, node)

    def _step(self) -> str | int:
        """The key or the number that the next value of the innermost container gets."""
        container, pending = self._open[-1][0], self._keys[-1]
        if isinstance(container, ListNode):
            return len(container.items)
        assert pending is not None  # _at_key() took every event in the place of a key
        return pending[0]

    def _at_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], MapNode) and self._keys[-1] is None

    def _check_tag(self, event: yaml.NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            # Only YAML's own tags are shown: a password that begins with `!` and has no quotes is read as a tag.
            known = tag.startswith("tag:yaml.org,2002:")
            shown = f"`!!{tag[18:]}`" if known else "one; a text that begins with `!` needs quotes"
            self._problems.append(problem(self._place(event), "", "a value without a tag", shown))

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        assert mark is not None  # events of a parser have them
        return Place(self._file, mark.line + 1, mark.column + 1)
