"""Names that tests of the configuration use: of upstreams, routes, listeners and reasons, which must be there.

Tests: `tests/config/test_cases.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.config.nodes import MapNode, Node, ScalarNode, items, join
from gateway.config.problems import Problem, problem, suggestion
from gateway.config.schema import Settings
from gateway.errors import reasons


def check(root: MapNode, settings: Settings) -> Iterator[Problem]:
    """Report every name in `tests` that nothing has: such a test would say nothing of the configuration."""
    if not settings.tests:
        return
    upstreams = {upstream.name for upstream in settings.upstreams}
    routes = {route.name for route in settings.routes}
    listeners = {listener.name for listener in settings.listeners}
    known_reasons = {kind.reason for kind in reasons()}
    for index, case in items(root.get("tests")):
        path = f"tests[{index}]"
        listener = _at(case, "request", "listener")
        yield from _known(listener, f"{path}.request.listener", "the name of a listener", listeners)
        backends = _at(case, "given", "backends")
        if isinstance(backends, MapNode):
            for name, entry in backends.entries.items():
                if name not in upstreams:
                    said = f'"{name}"{suggestion(name, upstreams)}'
                    yield problem(entry.place, join(f"{path}.given.backends", name), "the name of an upstream", said)
        expected = [(f"{path}.expect", _at(case, "expect"))]
        expected += [(f"{path}.expect_all[{place}]", one) for place, one in items(_at(case, "expect_all"))]
        for where, node in expected:
            for key, what, names in (
                ("route", "the name of a route", routes),
                ("upstream", "the name of an upstream", upstreams),
                ("reason", "a reason of the gateway", known_reasons),
            ):
                named = _at(node, key)
                if isinstance(named, ScalarNode) and not named.text.startswith(("~", "*")):
                    yield from _known(named, f"{where}.{key}", what, names)


def _known(node: Node | None, path: str, what: str, known: Iterable[str]) -> Iterator[Problem]:
    if isinstance(node, ScalarNode) and not node.broken and node.value is not None and node.text not in known:
        yield problem(node.place, path, what, f'"{node.text}"{suggestion(node.text, known)}')


def _at(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        node = node.get(key) if isinstance(node, MapNode) else None
    return node
