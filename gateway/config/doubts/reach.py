"""Doubts about what no request reaches: a route behind another, a port that is taken, addresses that are denied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network

from gateway.config.doubts.common import Doubt, Finding, Step, coded
from gateway.config.endpoint_strings import address_of, parse, port_of
from gateway.config.patterns import PARAMETER
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route
from gateway.http.paths import normal_form

Shape = tuple[object, ...]

_ALL: Shape = ((), True)
"""Of `/*`."""

_NO_PATH = re.compile(r"~\^?[\w-](?![*?{])[^|]*")
"""An expression whose first character must be there, and is none that paths begin with."""


def unreached(settings: Settings) -> Iterator[Finding]:
    """Doubt routes, listeners and addresses that nobody comes to."""
    yield from coded("unreachable-route", _routes(settings))
    yield from coded("nobody-admitted", _addresses(settings))
    yield from coded("port-taken", _ports(settings))
    yield from coded("nobody-admitted", _issuers(settings))


def _addresses(settings: Settings) -> Iterator[Doubt]:
    for index, route in enumerate(settings.routes):
        if route.ip_allow and all(any(_within(one, other) for other in route.ip_deny) for one in route.ip_allow):
            yield ("routes", index, "ip_allow"), "nobody is let in: `ip_deny`, which wins, has all of these addresses"
        for one in route.ip_deny if not route.ip_allow else ():
            if not one.prefixlen:
                yield (
                    ("routes", index, "ip_deny"),
                    f"nobody who comes by IPv{one.version} is let in: {one} is everybody",
                )


def _routes(settings: Settings) -> Iterator[Doubt]:
    """Doubt paths of routes that other routes take all requests of, or the same route by another of its patterns."""
    first: dict[Shape, list[int]] = {}
    broad = _broad(settings)
    for index, route in enumerate(settings.routes):
        conditions = _conditions(route)
        for number, path in enumerate(route.path):
            shape = path_shape(path)
            before: dict[str | None, int] = {}  # by host: the route that takes its requests first
            for host in route.hosts:
                same = first.setdefault((host, shape, conditions), [])
                for one in broad.get(host, ()) if path.startswith("~") else ():
                    if _is_wherever(settings.routes[one], route):
                        before.setdefault(host, one)
                for one in same:
                    if one == index or _covers(settings.routes[one], route):
                        before.setdefault(host, one)
                same.append(index)
            steps: tuple[Step, ...] = ("routes", index, "path", *([number] if len(route.path) > 1 else []))
            if _NO_PATH.fullmatch(path):
                yield steps, "no request reaches it: it matches whole paths, and these begin with `/`"
                continue
            yield from ((steps, words) for words in _in_vain(settings, index, before))


def _in_vain(settings: Settings, index: int, before: Mapping[str | None, int]) -> Iterator[str]:
    """Say of one path of a route which requests it does not get, and from whom."""
    hosts = settings.routes[index].hosts
    if len(before) == len(hosts):
        takers = dict.fromkeys(before.values())
        if list(takers) == [index]:
            yield "no request reaches it: another of the route's own paths or hosts is the same"
            return
        names = " and ".join(f"`routes[{one}]`, {settings.routes[one].name}," for one in takers)
        yield f"no request reaches it: {names} {'takes' if len(takers) == 1 else 'take'} them all"
        return
    for host, one in before.items():
        if one != index:
            yield f"no request for `{host}` reaches it: `routes[{one}]`, {settings.routes[one].name}, takes them all"


def _broad(settings: Settings) -> dict[str | None, list[int]]:
    """Return the routes that leave nothing of a host to regular expressions, which come after all others."""
    found: dict[str | None, list[int]] = {}
    for index, route in enumerate(settings.routes):
        if not (route.headers or route.query) and any(path_shape(path) == _ALL for path in route.path):
            for host in route.hosts:
                found.setdefault(host, []).append(index)
    return found


def path_shape(path: str) -> Shape:
    """Return what two patterns share that match the same paths, whatever their parameters are called."""
    if path.startswith("~"):
        return (path,)
    *segments, last = path[1:].split("/")
    wild = last == "*" or last.startswith("{*")
    if not wild:
        segments.append(last)
    parts = tuple(
        None if PARAMETER.fullmatch(segment) else normal_form(b"/" + segment.encode())
        for number, segment in enumerate(segments)
        if segment or (number == len(segments) - 1 and not wild)
    )
    return parts, wild


def _conditions(route: Route) -> Shape:
    fields = frozenset((name.lower(), value) for name, value in route.headers.items())
    return fields, frozenset(route.query.items())


def _covers(first: Route, later: Route) -> bool:
    if not _is_wherever(first, later):
        return False
    if first.methods is None:
        return later.methods is None or "TRACE" not in later.methods
    return later.methods is not None and set(later.methods) <= set(first.methods)


def _is_wherever(first: Route, later: Route) -> bool:
    """Whether a route is on all listeners that another one is on."""
    if first.listeners is None:
        return True
    return later.listeners is not None and set(later.listeners) <= set(first.listeners)


def _within(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]  # the same kind


def _ports(settings: Settings) -> Iterator[Doubt]:
    seen: dict[tuple[str, str], str] = {}
    named = [(("listeners", index, "endpoint"), one.endpoint) for index, one in enumerate(settings.listeners)]
    for steps, written in [*named, (("admin", "endpoint"), settings.admin.endpoint)]:
        port = _place_of(written)
        if port is None:
            continue
        for interface, number in seen:
            # The same address, or one that is all of them.
            if number == port[1] and (interface == port[0] or not (interface and port[0])):
                what = number if number.startswith("/") else f"port {number}"
                yield steps, f"it is taken: {what} is that of `{seen[interface, number]}`"
                break
        else:
            seen[port] = "admin" if steps[0] == "admin" else f"listeners[{steps[1]}]"


def _place_of(endpoint: str) -> tuple[str, str] | None:
    """Return interface (empty for all of IPv4) and port of an endpoint, or for the port the path of a socket."""
    if parse(endpoint).kind == "unix":
        return "", address_of(endpoint).removeprefix("unix:")
    return port_of(endpoint)


def _issuers(settings: Settings) -> Iterator[Doubt]:
    verifiers = {} if settings.auth is None else settings.auth.jwt
    for index, route in enumerate(settings.routes):
        for way in () if route.auth is None else route.auth.ways:
            known = [verifiers[name].issuer for name in way.verifier if name in verifiers] if way.type == "jwt" else []
            if way.issuer and known and all(one and set(one).isdisjoint(way.issuer) for one in known):
                words = f"no token is good for it: its verifier takes those of {', '.join(sum(known, ()))} only"
                yield ("routes", index, "auth", "issuer"), words
