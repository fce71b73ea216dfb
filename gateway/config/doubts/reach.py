"""Doubts about what no request reaches: a route behind another, a port that is taken, addresses that are denied."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from gateway.config.doubts.common import Doubt
from gateway.config.endpoint_strings import parse
from gateway.config.patterns import PARAMETER
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route
from gateway.http.paths import normal_form

Shape = tuple[object, ...]


def unreached(settings: Settings) -> Iterator[Doubt]:
    """Doubt routes, listeners and addresses that nobody comes to."""
    first: dict[Shape, list[int]] = {}
    for index, route in enumerate(settings.routes):
        same = first.setdefault(_shape(route), [])
        before = next((one for one in same if _covers(settings.routes[one], route)), None)
        if before is not None:
            words = f"no request reaches it: `routes[{before}]`, {settings.routes[before].name}, takes them all"
            yield ("routes", index, "path"), words
        same.append(index)
        if route.ip_allow and all(any(_within(one, other) for other in route.ip_deny) for one in route.ip_allow):
            yield ("routes", index, "ip_allow"), "nobody is let in: `ip_deny`, which wins, has all of these addresses"
    yield from _ports(settings)
    yield from _issuers(settings)


def _shape(route: Route) -> Shape:
    """Return what two routes share that are asked about the same requests, whatever their parameters are called."""
    *segments, last = route.path[1:].split("/")
    wild = last == "*" or last.startswith("{*")
    if not wild:
        segments.append(last)
    parts = tuple(
        None if PARAMETER.fullmatch(segment) else normal_form(b"/" + segment.encode())
        for number, segment in enumerate(segments)
        if segment or (number == len(segments) - 1 and not wild)
    )
    fields = frozenset((name.lower(), value) for name, value in route.headers.items())
    return route.host, parts, wild, fields, frozenset(route.query.items())


def _covers(first: Route, later: Route) -> bool:
    if first.methods is None:
        return later.methods is None or "TRACE" not in later.methods
    return later.methods is not None and set(later.methods) <= set(first.methods)


def _within(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]  # the same kind


def _ports(settings: Settings) -> Iterator[Doubt]:
    seen: dict[tuple[str, str], str] = {}
    named = [(("listeners", index, "endpoint"), one.endpoint) for index, one in enumerate(settings.listeners)]
    for steps, written in [*named, (("admin", "endpoint"), settings.admin.endpoint)]:
        port = _port(written)
        if port is None:
            continue
        for interface, number in seen:
            # The same address, or one that is all of them.
            if number == port[1] and (interface == port[0] or not (interface and port[0])):
                yield steps, f"it is taken: port {number} is that of `{seen[interface, number]}`"
                break
        else:
            seen[port] = "admin" if steps[0] == "admin" else f"listeners[{steps[1]}]"


def _port(written: str) -> tuple[str, str] | None:
    """Return the interface (empty for all of IPv4) and the port of an endpoint; None where it has none of its own."""
    kind, named = parse(written)
    pieces = written.split(":")
    port = named.get("port") or (pieces[1] if len(pieces) > 1 else "")
    if kind not in ("tcp", "ssl", "sni") or not port.isdigit() or port == "0":
        return None
    interface = named.get("interface", "")
    return ("" if interface == "0.0.0.0" else interface), port  # compared, not opened


def _issuers(settings: Settings) -> Iterator[Doubt]:
    verifiers = {} if settings.auth is None else settings.auth.jwt
    for index, route in enumerate(settings.routes):
        for way in () if route.auth is None else route.auth.ways:
            known = [verifiers[name].issuer for name in way.verifier if name in verifiers] if way.type == "jwt" else []
            if way.issuer is not None and known and all(one is not None and one != way.issuer for one in known):
                words = f"no token is good for it: its verifier takes those of {', '.join(map(str, known))} only"
                yield ("routes", index, "auth", "issuer"), words
