"""`GATEWAY__SECTION__KEY=value` in the environment, over what the files say.

`GATEWAY__LIMITS__IN_FLIGHT=500`, `GATEWAY__LISTENERS__0__ENDPOINT=tcp:80`. Keys
are matched without regard to case. What the files do not have is added, so
that the schema judges it like the rest; its place is the variable, and a
misspelt one is reported as an unknown key at that place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gateway.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode, join
from gateway.config.problems import Place, Problem, problem, suggestion

PREFIX = "GATEWAY__"


def apply(root: MapNode, environ: Mapping[str, str], problems: list[Problem]) -> None:
    """Set, in place, every scalar that a variable names."""
    for variable in sorted(environ):
        if variable.upper().startswith(PREFIX):
            place = Place(f"${variable}", 1, 1)
            try:
                _set(
                    root,
                    variable[len(PREFIX) :].split("__"),
                    ScalarNode(place, environ[variable], plain=True, settled=True),
                )
            except _Refused as refused:
                path, expected, found = refused.args
                problems.append(problem(place, path, expected, found))


def misspelt(environ: Mapping[str, str], keys: Iterable[str]) -> Iterator[Problem]:
    """Warn of variables that look like overrides and are none: `GATEWAY_LIMITS__IN_FLIGHT`, `GATWAY__LOG__LEVEL`.

    Args:
        environ: The environment, in which other programs have their own variables.
        keys: Those of the top level: a variable that names none of them is somebody else's.
    """
    sections = {key.lower() for key in keys}
    for variable in sorted(environ):
        first, between, rest = variable.partition("__")
        if not between or variable.upper().startswith(PREFIX):
            continue
        word, underscore, section = first.upper().partition("_")
        steps = f"{section}__{rest}" if underscore else rest
        if steps.lower().partition("__")[0] in sections and suggestion(word, ["GATEWAY"], 0.8):
            meant = PREFIX + steps.upper()
            yield Problem(f"${variable}", 1, 1, "", f"it changes nothing, did you mean `{meant}`?", "variable")


class _Refused(Exception):
    """The variable names nothing that can be set; `args` are a path, what was expected and what was found."""


def _set(root: MapNode, steps: list[str], value: ScalarNode) -> None:
    if not value.text:
        value.plain = False  # an empty variable is an empty text, not null
    node: Node = root
    path = ""
    for position, step in enumerate(steps):
        if not step:
            raise _Refused(path, "names with `__` between them", "an empty name")
        last = position == len(steps) - 1
        following = value if last else _container(steps[position + 1], value.place)
        if isinstance(node, MapNode):
            node_above = node
            key = _key(node, step)
            path = join(path, key)
            present = node.entries.get(key)
            if present is None or last or _empty(present.node):
                _may_replace(present, last, path)
                node.entries[key] = Entry(value.place, following)
            node = _own(node.entries[key].node)
            node_above.entries[key] = Entry(node_above.entries[key].place, node)
        elif isinstance(node, ListNode):
            if not step.isdecimal() or int(step) > len(node.items):
                raise _Refused(path, f"a number from 0 to {len(node.items)} for the list", f"`{step}`")
            index = int(step)
            path = join(path, index)
            if index == len(node.items):
                node.items.append(following)
            elif last:
                _may_replace(Entry(value.place, node.items[index]), last, path)
                node.items[index] = following
            list_above = node
            node = _own(node.items[index])
            list_above.items[index] = node
        else:
            raise _Refused(path, "a section", "a single value there")


def _container(step: str, place: Place) -> Node:
    return ListNode(place) if step.isdecimal() else MapNode(place)


def _own(node: Node) -> Node:
    """Return a copy of a container: an alias may lead to the same one from another place, which must not change."""
    if isinstance(node, MapNode):
        return MapNode(node.place, dict(node.entries))
    if isinstance(node, ListNode):
        return ListNode(node.place, list(node.items))
    return node


def _empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _may_replace(present: Entry | None, last: bool, path: str) -> None:
    if last and present is not None and not isinstance(present.node, ScalarNode):
        raise _Refused(path, "the name of a single value", "a section or list there")


def _key(node: MapNode, step: str) -> str:
    if step in node.entries:
        return step
    wanted = step.lower()
    return next((key for key in node.entries if key.lower() == wanted), wanted)
