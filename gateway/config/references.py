"""Names that must be there, and names that must not be there twice.

Works on the tree, so that it has places to name and finds its problems along
with those of the schema; what is not of the right form is left to the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.config import patterns
from gateway.config.nodes import ListNode, MapNode, Node, ScalarNode, items, join
from gateway.config.problems import Place, Problem, Unexpected, problem, suggestion
from gateway.config.schema import Settings
from gateway.config.schema.listeners import names_of

UPSTREAM = ("upstream", "service", "upstreams")


def check(root: MapNode) -> Iterator[Problem]:
    """Report every name that nothing has, and every name that two things have."""
    yield from _duplicates(root.get("upstreams"), "upstreams", "name")
    yield from _duplicates(root.get("routes"), "routes", "name")
    yield from _duplicates(root.get("plugins"), "plugins", "name")
    yield from _duplicates(root.get("tests"), "tests", "name")
    yield from _duplicates(root.get("listeners"), "listeners", "endpoint", _fixed_port)
    yield from _duplicates(root.get("listeners"), "listeners", "name")
    for index, upstream in items(root.get("upstreams")):
        yield from _duplicates(_under(upstream, "backends"), f"upstreams[{index}].backends", "url", _url)
    keys = _under(root, "auth", "api_keys", "keys")
    yield from _duplicates(keys, "auth.api_keys.keys", "id")
    yield from _duplicates(keys, "auth.api_keys.keys", "hash", str.lower, shown=False)
    yield from _duplicates(keys, "auth.api_keys.keys", "key", shown=False)
    yield from _duplicates(_under(root, "auth", "oauth", "clients"), "auth.oauth.clients", "id")
    upstreams, plugins = _names(root.get("upstreams")), _names(root.get("plugins"))
    yield from _fallback(root.get("circuit_breaker"), "circuit_breaker", upstreams)
    shared = _under(root, "defaults", "upstream", "circuit_breaker")
    yield from _fallback(shared, "defaults.upstream.circuit_breaker", upstreams)
    for index, upstream in items(root.get("upstreams")):
        name = _under(upstream, "name")
        own = name.text if isinstance(name, ScalarNode) else None
        if isinstance(upstream, MapNode) and "circuit_breaker" in upstream.entries:
            path = upstream.path_of("circuit_breaker", f"upstreams[{index}]")
            # A breaker that several have in common may name one of them: it has nowhere to fall back to.
            own = None if upstream.entries["circuit_breaker"].path else own
            yield from _fallback(upstream.get("circuit_breaker"), path, upstreams, own)
    groups, listeners = root.get("groups"), _listeners(root.get("listeners"))
    known = list(groups.entries) if isinstance(groups, MapNode) else []
    for path, route in _with_routes_keys(root):
        group = route.get("group") if path.startswith("routes") else None
        unknown = list(_known(group, join(path, "group"), "the name of a group under `groups`", known))
        yield from unknown
        if path.startswith("routes") and not unknown:
            yield from _destination(route, path)
        yield from _upstreams(route, path, upstreams)
        mirror = _under(route, "mirror", "upstream")
        written = join(route.path_of("mirror", path), "upstream")
        yield from _known(mirror, written, "the name of an upstream", upstreams)
        written = join(route.path_of("aggregate", path), "parts")
        yield from _parts(_under(route, "aggregate", "parts"), written, upstreams)
        named, written = route.get("listeners"), route.path_of("listeners", path)
        for name, key in [(named, written), *((one, join(written, place)) for place, one in items(named))]:
            yield from _known(name, key, "the name of a listener", listeners)
        for place, name in items(route.get("plugins")):
            written = join(route.path_of("plugins", path), place)
            yield from _known(name, written, "the name of a plugin", plugins)
        yield from _auth(route.get("auth"), route.path_of("auth", path), root)


def _listeners(node: Node | None) -> list[str]:
    """Return the names of the listeners, those that are made from their endpoints among them."""
    if not isinstance(node, ListNode):
        return [listener.name for listener in Settings.model_fields["listeners"].default]
    found: list[tuple[str | None, str]] = []
    for _, listener in items(node):
        name, endpoint = _under(listener, "name"), _under(listener, "endpoint")
        if isinstance(endpoint, ScalarNode):
            written = name.text if isinstance(name, ScalarNode) and name.value is not None else None
            found.append((written, endpoint.text))
    return names_of(found)


def _with_routes_keys(root: MapNode) -> Iterator[tuple[str, MapNode]]:
    """Walk the routes, and what they take keys over from, which need not be used; each with its path."""
    shared = _under(root, "groups")
    entries = shared.entries.items() if isinstance(shared, MapNode) else ()
    found = [(f"routes[{index}]", route) for index, route in items(root.get("routes"))]
    found += [(join("groups", name), entry.node) for name, entry in entries]
    found += [("defaults.route", node)] if (node := _under(root, "defaults", "route")) is not None else []
    for path, node in found:
        if isinstance(node, MapNode):
            yield path, node


def _destination(route: MapNode, path: str) -> Iterator[Problem]:
    if not any(_is_written(route.get(key)) for key in (*UPSTREAM, "redirect", "respond", "aggregate")):
        words = "a value: this key, `redirect`, `respond` or `aggregate` is required"
        yield problem(route.place, join(path, "upstream"), words, "nothing")


def _upstreams(route: MapNode, path: str, known: list[str]) -> Iterator[Problem]:
    for key in UPSTREAM:
        node = route.get(key)
        written = route.path_of(key, path)
        for index, item in items(node):
            named = item.get("name") if isinstance(item, MapNode) else item
            yield from _known(named, join(written, index), "the name of an upstream", known)
        yield from _known(node, written, "the name of an upstream", known)


def _parts(node: Node | None, path: str, known: list[str]) -> Iterator[Problem]:
    yield from _duplicates(node, path, "name")
    for index, part in items(node):
        if isinstance(part, MapNode):
            yield from _known(part.get("upstream"), f"{path}[{index}].upstream", "the name of an upstream", known)


def _is_written(node: Node | None) -> bool:
    return node is not None and not (isinstance(node, ScalarNode) and node.value is None and not node.broken)


def _fallback(breaker: Node | None, path: str, known: list[str], own: str | None = None) -> Iterator[Problem]:
    if isinstance(breaker, MapNode):
        named = _under(breaker, "fallback", "upstream")
        written = f"{path}.fallback.upstream"
        yield from _known(named, written, "the name of an upstream", known)
        if own is not None and isinstance(named, ScalarNode) and named.text == own:
            yield problem(named.place, written, "another upstream than the one that falls back", f'"{own}"')


def _auth(node: Node | None, path: str, root: MapNode) -> Iterator[Problem]:
    if not isinstance(node, MapNode):
        return
    kind = node.get("type")
    if isinstance(kind, MapNode):  # type: {any_of: [...]}
        yield from _auth(kind, f"{path}.type", root)
    elif isinstance(kind, ScalarNode):
        yield from _method(kind.text, kind, node.get("verifier"), path, root)
    for key in ("any_of", "all_of"):
        for index, item in items(node.get(key)):
            below = f"{path}.{key}[{index}]"
            if isinstance(item, ScalarNode):
                yield from _method(item.text, item, None, below, root)
            else:
                yield from _auth(item, below, root)


def _method(kind: str, node: Node, verifier: Node | None, path: str, root: MapNode) -> Iterator[Problem]:
    if kind == "api_key" and not isinstance(_under(root, "auth", "api_keys"), MapNode):
        yield problem(node.place, path, "`auth.api_keys` for a route that takes API keys", "none")
    if kind == "basic" and not isinstance(_under(root, "auth", "basic"), MapNode):
        yield problem(node.place, path, "`auth.basic` for a route that takes names and passwords", "none")
    if kind not in ("jwt", "introspection", "forward"):
        return
    section = f"auth.{kind}"
    verifiers = _under(root, "auth", kind)
    known = list(verifiers.entries) if isinstance(verifiers, MapNode) else []
    if kind == "jwt" and isinstance(_under(root, "auth", "oauth"), MapNode):
        known += ["oauth", "default"]  # those of our own tokens: `gateway.composition.builders.signing.own_verifiers`
    if kind != "jwt" and len(list(items(verifier))) > 1:
        yield problem(node.place, f"{path}.verifier", f"one name from `{section}`", "several")
    if verifier is not None:
        words = f"the name of a verifier under `{section}`"
        yield from _known(verifier, f"{path}.verifier", words, known)
        for index, item in items(verifier):
            yield from _known(item, f"{path}.verifier[{index}]", words, known)
    elif "default" not in known:
        yield problem(node.place, path, f"a verifier named `default` under `{section}`", "none")


def _known(node: Node | None, path: str, what: str, known: list[str]) -> Iterator[Problem]:
    if isinstance(node, ScalarNode) and not node.broken and node.value is not None and node.text not in known:
        yield problem(node.place, path, what, f'"{node.text}"{suggestion(node.text, known)}')


def _duplicates(
    node: Node | None,
    path: str,
    key: str,
    normal: Callable[[str], str | None] = lambda text: text,
    *,
    shown: bool = True,
) -> Iterator[Problem]:
    first: dict[str, Place] = {}
    for index, item in items(node):
        named = item.get(key) if isinstance(item, MapNode) else None
        if not isinstance(named, ScalarNode) or named.broken:
            continue
        name = normal(named.text)
        if name is None:
            continue
        if name in first:
            found = f'"{named.text}", which' if shown else "one that"
            found += f" stands at {first[name]} already"
            yield problem(named.place, f"{path}[{index}].{key}", "something that is there once", found)
        else:
            first[name] = named.place


def _fixed_port(endpoint: str) -> str | None:
    """An endpoint that cannot be opened twice; with port 0 the system chooses another each time."""
    return None if endpoint.split(":")[1:2] == ["0"] else endpoint


def _url(written: str) -> str | None:
    try:
        return patterns.backend_url(written)
    except Unexpected:
        return None


def _names(node: Node | None) -> list[str]:
    named = (item.get("name") for _, item in items(node) if isinstance(item, MapNode))
    return [name.text for name in named if isinstance(name, ScalarNode)]


def _under(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        node = node.get(key) if isinstance(node, MapNode) else None
    return node
