"""Keys whose feature needs a package that may not be installed.

They are refused with the way to install it, and never ignored: a limit that does not limit is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from importlib.util import find_spec

from gateway.config.nodes import Entry, MapNode, Node, ScalarNode, items, join
from gateway.config.problems import Problem, Unexpected
from gateway.config.schema.shared import OFF
from gateway.config.units import parse_duration

_OFF_WORDS = frozenset({"none", OFF, ""})


NEEDS = {
    "listeners[].http2": ("ngh2", "HTTP/2"),
    "upstreams[].backends[].url=h2c:*": ("ngh2", "HTTP/2"),
    "upstreams[].discovery.scheme=h2c": ("ngh2", "HTTP/2"),
    "upstreams[].protocol=http2": ("ngh2", "HTTP/2"),
    "upstreams[].health_check.type=grpc": ("ngh2", "HTTP/2"),
}
"""Path of a key, with `[]` for every member of a list, to the package that its feature needs, and the feature's name.

There may be no wheel for a platform. After `=` stand the values that need it, where others do not. A key that says
"off" (false, null, 0, none, an empty list, or nothing but such) is let through.
"""


EXTRAS = {"wasmtime": "wasm"}
"""Package to the extra of setup.cfg that brings it; others come with the gateway."""


def installed(package: str) -> bool:
    """Whether a package can be imported."""
    return find_spec(package) is not None


def missing(package: str, words: str) -> str:
    """Say that a feature needs a package that is not there, and how it is installed.

    Args:
        package: As it is imported.
        words: The feature's name.
    """
    advice = f": pip install 'twisted-api-gateway[{EXTRAS[package]}]'" if package in EXTRAS else ""
    return f"{words} needs the package {package}, which is not installed{advice}"


def check(root: MapNode, has: Callable[[str], bool] = installed) -> Iterator[Problem]:
    """Report every key that asks for a feature whose package is missing.

    Args:
        root: What is written.
        has: Whether a package can be imported.
    """
    for pattern, (package, words) in NEEDS.items():
        path, _, values = pattern.partition("=")
        if not has(package):
            for written, entry in _find(Entry(root.place, root), "", re.findall(r"\[\]|[^.\[\]]+", path)):
                if _matches(entry.node, values) if values else not _off(entry.node):
                    yield Problem(*entry.place, written, missing(package, words))


def _find(entry: Entry, path: str, steps: list[str]) -> Iterator[tuple[str, Entry]]:
    if not steps:
        yield path, entry
        return
    step, *rest = steps
    if step == "[]":
        for index, item in items(entry.node):
            yield from _find(Entry(item.place, item), join(path, index), rest)
    elif isinstance(entry.node, MapNode) and step == "*":
        for key, below in entry.node.entries.items():
            yield from _find(below, join(path, key), rest)
    elif isinstance(entry.node, MapNode) and step in entry.node.entries:
        yield from _find(entry.node.entries[step], entry.node.path_of(step, path), rest)


def _matches(node: Node, values: str) -> bool:
    return isinstance(node, ScalarNode) and any(fnmatchcase(node.text, value) for value in values.split("|"))


def _off(node: Node) -> bool:
    if isinstance(node, ScalarNode):
        return node.broken or not node.value or node.text in _OFF_WORDS or _is_no_time(node.text)
    if isinstance(node, MapNode):  # an empty mapping turns a feature on with its defaults
        return bool(node.entries) and all(_off(entry.node) for entry in node.entries.values())
    return all(_off(item) for item in node.items)


def _is_no_time(text: str) -> bool:
    try:
        return parse_duration(text) == 0
    except Unexpected:
        return False
