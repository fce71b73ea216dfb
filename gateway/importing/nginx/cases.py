"""Tests that say what nginx would do: the location that it chooses for a path, and what becomes of the request there.

Of `gateway.importing.nginx`. Nothing here looks at the routes that were made: a test that fails shows that they do
something else than the source says.

Tests: `tests/imports/test_imports.py::test_the_result_does_what_the_source_says`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from gateway.importing.draft import Made
from gateway.importing.nginx.admission import probe_address
from gateway.importing.nginx.answering import Answer
from gateway.importing.nginx.expressions import whole
from gateway.importing.nginx.listening import Door
from gateway.importing.nginx.locations import EXACT, Choice, Location
from gateway.importing.nginx.reading import Directive
from gateway.importing.nginx.routes import Action, Served
from gateway.importing.samples import matching

_OUTSIDE: Final = "203.0.113.9"
_SAFE: Final = "/-._~!$&'()*+,;=:@%"
_ANYBODY: Final = "no-such-name.example"


def cases(
    door: Door,
    hosts: Sequence[str],
    server: Directive,
    served: Sequence[Served],
    actions: Sequence[Action],
    by_host: Sequence[tuple[tuple[str, ...], Action]],
    unserved: Action,
) -> Iterator[Made]:
    """Yield a test for each location that a path is found for.

    Args:
        door: Where the requests come in.
        hosts: Of the server; none where it is for any.
        server: Its directive.
        served: Its locations.
        actions: What becomes of the requests of each.
        by_host: What is answered for some hosts before all locations.
        unserved: What becomes of requests that no location is for.
    """
    answered = {name for names, _ in by_host for name in names}
    host = next((_concrete(one) for one in hosts if one not in answered), _ANYBODY)
    locations = [each.location for each in served]
    choose = Choice(locations)
    done: set[str] = set()
    for names, action in by_host:
        yield _case(door, names[0], "/probe", Location("", "/"), action)
    for each in locations:
        path = _probe(each)
        if path is None or path in done:
            continue
        done.add(path)
        chosen = choose(path)
        if chosen is not None and _is_said(actions[chosen]):
            yield _case(door, host, path, locations[chosen], actions[chosen])
    for path in without_slash(served, actions):
        expect = {"status": 301, "headers": {"Location": f"{_url(door, host, path)}/?a=1"}}
        request = {"url": f"{_url(door, host, path)}?a=1", "listener": door.name}
        yield Made({"name": f"{host}: {path} without its slash", "request": request, "expect": expect}, server.place)
    if choose("/no/such/path") is None and not by_host:
        nothing = Answer({"respond": {"status": 404}}, 404)
        made = replace(unserved, answer=nothing)
        yield _case(door, host, "/no/such/path", Location("", ""), made)


def _concrete(host: str) -> str:
    return f"some-name{host[1:]}" if host.startswith("*") else host


def _is_said(action: Action) -> bool:
    """Whether it is known what a client gets: not where nginx closes the connection, or does what is not done here."""
    return action.passed is not None or (action.answer is not None and action.answer.closes is False)


def without_slash(served: Sequence[Served], actions: Sequence[Action]) -> list[str]:
    """Return the paths that nginx sends to the same with a slash: those of locations that pass requests on."""
    taken = {each.location.path for each in served if not each.location.is_expression}
    return [
        one.location.path[:-1]
        for one, action in zip(served, actions, strict=True)
        if action.passed is not None
        and one.location.is_prefix
        and len(one.location.path) > 1
        and one.location.path.endswith("/")
        and one.location.path[:-1] not in taken
    ]


def _probe(each: Location) -> str | None:
    """Return a path that a location is for, if no other goes before it."""
    if each.modifier == EXACT:
        return each.path
    if each.is_prefix:
        return f"{each.path}probe" if each.path.endswith("/") else f"{each.path}/probe"
    found = matching(whole(each.path))
    if found is None:
        return None
    found = found if found.startswith("/") else f"/probe{found}"
    # `/.` and `/..` are no names: clients and the gateway take such segments out, or refuse them.
    return f"{found}probe" if found.rpartition("/")[2] in (".", "..") else found


def _url(door: Door, host: str, path: str) -> str:
    return f"{'https' if door.tls else 'http'}://{host}{quote(path, safe=_SAFE)}"


def _case(door: Door, host: str, path: str, location: Location, action: Action) -> Made:
    request: dict[str, Any] = {"url": _url(door, host, path), "listener": door.name}
    expect: dict[str, Any] = {}
    client = probe_address(action.keys)
    if client is not None:
        request["client"] = client
    if methods := action.keys.get("methods"):
        request["method"] = methods[0]
    if action.keys.get("ip_deny") == ["0.0.0.0/0", "::/0"]:
        expect["status"] = 403
    elif "auth" in action.keys:
        expect["status"] = 401
    elif action.answer is not None:
        expect["status"] = action.answer.status
        if action.answer.location:
            request["url"] += "?a=1"
            scheme = "https" if door.tls else "http"
            filled = action.answer.location.replace("{scheme}", scheme).replace("{host}", host)
            expect["headers"] = {"Location": _exactly(filled.replace("{path}", path))}
        body = action.answer.keys.get("respond", {}).get("body")
        if body is not None:
            expect["body"] = _exactly(body)
    elif action.passed is not None:
        expect |= {"status": 200, "upstream": action.keys["upstream"]}
        if not action.rewrites:
            sent = re.sub("//+", "/", _sent(location, action.passed.uri, path))
            expect["sent"] = {"path": _exactly(quote(sent, safe=_SAFE)), "headers": {"Host": action.host or host}}
    written = " ".join(filter(None, location))
    name = f"{host}: {path} by {f'location {written}' if written else 'no location'}"
    return Made(
        {"name": "".join(one for one in name if one.isprintable())[:200], "request": request, "expect": expect},
        action.at.place,
    )


def _exactly(text: str) -> str:
    """Return a condition that this text alone meets."""
    return f"~^{re.escape(text)}$" if text[:1] in ("~", "*") else text


def _sent(location: Location, uri: str | None, path: str) -> str:
    """Return what nginx asks a backend for: the part of the path that the location names has the URI in its place."""
    if uri is None or location.is_expression:
        return path
    return uri if location.modifier == EXACT else uri + path[len(location.path) :]
