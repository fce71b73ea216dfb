"""Where a key of a configuration is written.

Asked when what it says cannot be had (`gateway.composition.configured`): settings do not know where they were written.

Note [Builders know keys, not places]

Whoever builds something of settings raises `gateway.config.problems.unusable` with the key (by `below`, piece by piece)
and without a place. Who knows what the settings were read from (`Configured.tree`) has the places put in here, when it
is told: at a start, by `gateway check`, by a reload or the admin API. Of several processes a worker says the key, and
the parent the place.

Tests: `tests/config/test_written.py`, `tests/composition/test_failed_changes.py::test_all_is_as_it_was`.
"""

from __future__ import annotations

import ast
import re

from gateway.config.nodes import ListNode, MapNode, Node
from gateway.config.problems import ConfigError, NotPossible, Place, Problem
from gateway.config.schema import Settings

_NUMBER = re.compile(r"\[([0-9]+)\]")
_QUOTED = re.compile(r"""\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]""")


def find_places(error: ConfigError | NotPossible, root: MapNode | None, settings: Settings) -> None:
    """Have an error say where what cannot be had is asked for, as far as it does not say so.

    Args:
        error: It has keys only.
        root: What the settings were read from; None where that is not known.
        settings: They know the numbers of what is called by its name, and the key of an endpoint.
    """
    if isinstance(error, ConfigError):
        if root is not None:
            error.problems = tuple(one if one.file else _placed(one, root, settings) for one in error.problems)
        return
    endpoint = getattr(error, "endpoint", None)
    if not error.path and endpoint is not None:
        error.path = endpoint_path(endpoint, settings)
    if error.at is None and error.path and root is not None:
        error.at, error.path = found(root, error.path)


def endpoint_path(endpoint: str, settings: Settings) -> str:
    """Return the key of an endpoint; an empty one where no key says it."""
    for place, listener in enumerate(settings.listeners):
        if listener.endpoint == endpoint:
            return f"listeners[{place}].endpoint"
    return "admin.endpoint" if settings.admin.endpoint == endpoint else ""


def _placed(one: Problem, root: MapNode, settings: Settings) -> Problem:
    place, path = found(root, _numbered(one.path, settings))
    return one._replace(path=path) if place is None else Problem(*place, path, one.message)


def _numbered(path: str, settings: Settings) -> str:
    """Put the number of a thing in the place of its name, which need not be written: a route has one from its path."""
    section, _, rest = path.partition("[")
    if section in ("routes", "upstreams", "plugins"):
        for number, thing in enumerate(getattr(settings, section)):
            if rest.startswith(f"{thing.name}]"):
                return f"{section}[{number}{rest[len(thing.name) :]}"
    return path


def found(root: MapNode, path: str) -> tuple[Place | None, str]:
    """Return where a key is written, or what it is a part of, where that is written in a short way.

    Args:
        root: The tree.
        path: Of the key, as messages have it: `listeners[0].endpoint`.

    Returns:
        The place, None where nothing is written of its first key either; and the path, of what was taken over
        (`gateway.config.inheritance`) that which it was written under.
    """
    node: Node = root
    place: Place | None = None
    said, rest = "", path
    while rest:
        step = _step(node, rest, said)
        if step is None:
            break
        node, said, length = step
        place = node.place
        rest = rest[length:]
    return place, said + rest


def _step(node: Node, path: str, said: str) -> tuple[Node, str, int] | None:
    """Return what the beginning of a path leads to, the whole path to there, and the length of that beginning."""
    if isinstance(node, ListNode):
        match = _NUMBER.match(path)
        if match is not None and int(match[1]) < len(node.items):
            return node.items[int(match[1])], said + match[0], match.end()
        return None
    if not isinstance(node, MapNode):
        return None
    if (quoted := _QUOTED.match(path)) is not None:  # as `gateway.config.nodes.join` writes what is no plain word
        key = ast.literal_eval(quoted[1])
        return None if key not in node.entries else (node.entries[key].node, node.path_of(key, said), quoted.end())
    dot = path.startswith(".")
    # Of names with dots the longest: `auth.jwt.a.b.secret` may be of `a` or of `a.b`.
    for key in sorted(node.entries, key=len, reverse=True):
        if path.startswith(key, dot) and path[dot + len(key) :][:1] in ("", ".", "["):
            return node.entries[key].node, node.path_of(key, said), dot + len(key)
    # Written in a short way: what is `auth.jwt.default.secret` may stand as `auth.jwt.secret`.
    end = path.find(".", dot)
    later = None if end < 0 else _step(node, path[end:], said + path[:end])
    return None if later is None else (later[0], later[1], end + later[2])
