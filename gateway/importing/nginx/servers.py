"""The servers of an nginx as routes: which hosts and listeners each is for, and its locations in their order.

Of `gateway.importing.nginx`. Requests never leave their server in nginx: where a server takes no other path, a last
route of its hosts says 404, or else a server for more hosts would take what is left.

Tests: `tests/imports/test_imports.py::test_the_result_does_what_the_source_says`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from gateway.importing.draft import Draft, Made, Template
from gateway.importing.nginx import answering, cases, listening, protection
from gateway.importing.nginx.locations import FINAL, Arranged, Location, arrange, location
from gateway.importing.nginx.reading import Directive, told_with_its_line
from gateway.importing.nginx.routes import ELSEWHERE, FILES, Action, Carrier, Served
from gateway.importing.nginx.scope import Scope

_EVERYTHING: Final = Location("", "/")
PATHS_OF_ONE: Final = 50
"""Paths of one redirect: the check of a redirect compares each path of its route with all others."""

_LOOK_AROUND: Final = re.compile(r"\(\?<?[!=][^()]*\)")
_HOST: Final = re.compile(r"\(?\$(?:host|http_host)\Z")


class Binding(NamedTuple):
    """Where routes of a server are.

    Attributes:
        hosts: Of the routes; empty for any.
        listeners: Names of listeners; empty for all.
        door: One of them, for tests.
        broader: Whether routes for more hosts are there too.
    """

    hosts: tuple[str, ...]
    listeners: tuple[str, ...]
    door: listening.Door
    broader: bool


def bindings(
    index: int, names: Sequence[listening.Names], doors: Sequence[listening.Door], all_doors: bool
) -> Iterator[Binding]:
    """Yield where the routes of a server are: as the default of some listeners for any host, on others by its names.

    Args:
        index: Which server.
        names: Those of all servers.
        doors: All listeners.
        all_doors: Whether every server is on every listener, so that routes need not say on which.
    """
    here = [door for door in doors if index in door.servers]
    hosts = names[index].hosts
    for default in (True, False):
        chosen = [door for door in here if (door.default_server == index) == default]
        if not chosen:
            continue
        on = () if all_doors and len(chosen) == len(doors) else tuple(door.name for door in chosen)
        others = {host for door in chosen for other in door.servers if other != index for host in names[other].hosts}
        if not default:
            if hosts:
                yield Binding(hosts, on, chosen[0], broader=True)
            continue
        taken = tuple(host for host in hosts if any(listening.covers(other, host) for other in others))
        if taken:  # another server's `*.` would take these hosts before routes for any host
            yield Binding(taken, on, chosen[0], broader=True)
        yield Binding((), on, chosen[0], broader=False)


def fill(server: Directive, scope: Scope, where: Sequence[Binding], carrier: Carrier, names: listening.Names) -> None:
    """Put the routes of a server into the draft, with a test for each."""
    draft = carrier.draft
    for each in names.unsayable:
        draft.leave(each, "`host` takes names, and `*.` at their beginning", "write the names that clients use")
    constants = {"server_name": names.hosts[0] if names.hosts else ""}
    own = scope.within(server)
    by_host = list(_by_host(server, constants))
    served = list(_served(server, own, draft))
    whole = carrier.action(_EVERYTHING, own, constants) if _answers(server) else None
    moved: list[answering.Moved] = []
    if whole is not None:
        for one in served:
            draft.leave(one.at, "never asked: the `return` of the server stands before it")
        served, order, actions = [Served(_EVERYTHING, own, server)], [Arranged(0, "/*")], [whole]
    else:
        served, order = _in_order(served, draft)
        actions = [_action(carrier, one, constants) for one in served]
        moved = list(_moved(server, draft))
        for path in order:
            if path.differs:
                draft.leave(served[path.number].at, path.differs)
    rest = carrier.admitted(own)
    unserved = Action({"respond": {"status": 404}, **rest}, server)
    for binding in where:
        for hosts, action in by_host:
            _add(draft, binding._replace(hosts=hosts), "/*", action)
        for way in moved:
            _add(draft, binding, way.path, Action(way.answer.keys, server, answer=way.answer))
        _redirects_to_slash(draft, binding, served, actions, server)
        for path in order:
            _add(draft, binding, path.path, actions[path.number])
        if not any(one.location in (_EVERYTHING, Location(FINAL, "/")) for one in served) and (binding.broader or rest):
            # nginx asks who may come in before it finds nothing.
            rest_of_paths = "~/.*" if any(path.path.startswith("~") for path in order) else "/*"
            _add(draft, binding, rest_of_paths, unserved, "no location takes these")
        draft.tests += cases.cases(
            binding.door, binding.hosts or names.hosts, server, served, actions, by_host, unserved
        )


def _answers(server: Directive) -> bool:
    return any(each.name == "return" for each in server.block or ())


def _add(draft: Draft, binding: Binding, path: str | list[str], action: Action, note: str = "") -> None:
    data = {**_host(binding), "path": path}
    if binding.listeners:
        data["listeners"] = list(binding.listeners)
    draft.routes.append(Made({**data, **action.keys}, action.at.place, note))


def _host(binding: Binding) -> dict[str, Any]:
    if not binding.hosts:
        return {}
    return {"host": binding.hosts[0] if len(binding.hosts) == 1 else list(binding.hosts)}


def _served(server: Directive, scope: Scope, draft: Draft) -> Iterator[Served]:
    """Yield the locations of a server, those within others too."""
    named = {each.words[0]: each for each in server.block or () if each.name == "location" and each.words[0][:1] == "@"}
    for each in server.all("location"):
        found = location(each.words)
        if found is None:
            continue
        inner = scope.within(each)
        fallback = inner.innermost.all("try_files")
        if fallback and fallback[-1].words[-1] in named:
            other = named[fallback[-1].words[-1]]
            draft.leave(fallback[-1], "no files are looked for: every request goes where the last word leads")
            inner = inner.within(other)
        yield Served(found, inner, each)
        for below in _served(each, inner, draft):
            if below.location.is_expression:
                draft.leave(below.at, "an expression within a location has no place of its own here")
            else:
                yield below


def _in_order(served: list[Served], draft: Draft) -> tuple[list[Served], list[Arranged]]:
    """Put locations into the order of routes, without those whose expression RE2 does not have."""
    while True:
        try:
            return served, arrange([each.location for each in served])
        except ValueError as error:
            index, words = error.args
            if (wider := _wider(served[index])) is not None:
                # Without its look-around it takes more paths, and keeps callers out of them, too: the other way round
                # a broader location would let them in.
                why = f"RE2 has no such expression ({words}): here it is for more paths, without its look-around"
                draft.leave(served[index].at, why, "write the paths that it is for")
                served = [*served[:index], wider, *served[index + 1 :]]
                continue
            draft.leave(served[index].at, f"RE2 has no such expression ({words})", "write it without look-ahead")
            served = [each for number, each in enumerate(served) if number != index]


def _action(carrier: Carrier, one: Served, constants: dict[str, str]) -> Action:
    with told_with_its_line(one.at):
        return carrier.action(one.location, one.scope, constants) or _nothing(carrier, one)


def _wider(one: Served) -> Served | None:
    """Return a location that keeps callers out, for more paths than it is; None where it keeps out nobody."""
    path = _LOOK_AROUND.sub("", one.location.path)
    if path == one.location.path or not protection.keeps_out(one.scope.innermost):
        return None
    return one._replace(location=one.location._replace(path=path))


def _nothing(carrier: Carrier, one: Served) -> Action:
    """Answer 404 where nginx does what the gateway does not, so that no broader location takes the requests."""
    block = one.scope.innermost
    names = {each.name for each in block.block or ()}
    how = next((name for name in ELSEWHERE if name in names), None)
    why = f"`{how}` speaks a protocol that the gateway does not" if how else "no files are served here"
    if names & {"if", "rewrite", "set"} and not names & FILES:
        why = "what it does depends on conditions, which are not carried over"
    keys = {"respond": {"status": 404}, **carrier.admitted(one.scope)}
    if not names & {"return", "proxy_pass", "grpc_pass"}:
        carrier.draft.leave(
            one.at, f"{why}; the route answers 404", "put a server behind it, and name that as `upstream`"
        )
    return Action(keys, one.at)


def _redirects_to_slash(
    draft: Draft, binding: Binding, served: list[Served], actions: list[Action], server: Directive
) -> None:
    """Send who leaves out the slash at the end of a location to where it is there, as nginx does by itself."""
    paths = cases.without_slash(served, actions)
    keys = {"redirect": {"path": Template("${path}/"), "status": 301}}
    note = "as nginx does for locations that end with a slash"
    for start in range(0, len(paths), PATHS_OF_ONE):
        some = paths[start : start + PATHS_OF_ONE]
        _add(draft, binding, some if len(some) > 1 else some[0], Action(keys, server), note)


def _by_host(server: Directive, constants: dict[str, str]) -> Iterator[tuple[tuple[str, ...], Action]]:
    """Yield what `if ($host = NAME) { return …; }` says, as certbot writes it."""
    for each in server.block or ():
        if each.name != "if" or len(each.words) < 3 or not _HOST.match(each.words[0]) or each.words[1] != "=":
            continue
        inner = [one for one in each.block or () if one.name == "return"]
        name = each.words[2].rstrip(")")
        answer = answering.returned(inner[0].words, "text/plain", constants["server_name"]) if len(inner) == 1 else None
        if answer is not None and len(each.block or ()) == 1:
            each.mark_read()
            yield (name,), Action(answer.keys, inner[0], answer=answer)


def _moved(server: Directive, draft: Draft) -> Iterator[answering.Moved]:
    """Yield the rewrites of a server that send clients elsewhere."""
    for each in server.all("rewrite"):
        found = answering.moved(each.words)
        if found is None:
            draft.leave(each, "a rewrite before the choice of a location", "write a route for these paths")
            continue
        draft.leave(each, "nginx asks this before all locations; here its route comes after those without expressions")
        yield found
