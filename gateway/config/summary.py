"""What a configuration serves, for a log: a line for each kind of thing, and what differs between two configurations.

Names and places only, no value of a key: nothing here can be secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gateway.config.differences import Difference
from gateway.config.differences import differences as found
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Upstream
from gateway.http.idn import for_people

SHOWN = 8
"""Things of a kind that a line names; a log is no table."""

LONGEST = 60
"""Characters of a name or pattern in a line."""

_TLS = ("ssl", "sni", "tls")
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


class Line(NamedTuple):
    """A line of the log.

    Attributes:
        words: What it says, as `twisted.logger` formats it.
        facts: What stands in it, and further figures for programs.
    """

    words: str
    facts: Mapping[str, Any]


def lines(settings: Settings, addresses: Sequence[str], admin: str | None) -> Iterator[Line]:
    """Say what is served where: listeners, routes, upstreams, admin.

    Args:
        settings: The configuration.
        addresses: Where it listens, as `ssl 127.0.0.1:8443`.
        admin: Where the operators' port is, None where there is none.
    """
    ports = [each if each.startswith("unix ") else f"{each} ({_url(each)})" for each in addresses]
    yield Line("Listening on {addresses}", {"addresses": _some(ports), "listeners": len(ports)})
    routes = len(settings.routes)
    served = _some([_route(route) for route in settings.routes[:SHOWN]], routes)
    yield Line("Routes: {served}", {"served": served or "none, all is answered with 404", "routes": routes})
    upstreams = len(settings.upstreams)
    asked = _some([_upstream(upstream) for upstream in settings.upstreams[:SHOWN]], upstreams)
    yield Line("Upstreams: {asked}", {"asked": asked or "none", "upstreams": upstreams})
    writes = "with a token" if settings.admin.token.get_secret_value() else "refused, since there is no admin.token"
    # curl --unix-socket asks for http://localhost/ at a socket.
    url = "none" if admin is None else admin if admin.startswith("unix ") else f"{_url(admin)}/"
    yield Line("Admin: {url} (writes: {writes})", {"url": url, "writes": writes})


def differences(before: Settings, after: Settings) -> str:
    """Say what a configuration changes: `routes +new, -old, ~other; limits`; that no key does, where it is so."""
    return described(found(before, after))


def described(changes: Sequence[Difference]) -> str:
    """Say differences in a line: by section, each thing by its name and what became of it."""
    sections: dict[str, list[str]] = {}
    for section, name, kind in changes:
        words = sections.setdefault(section, [])
        if kind == "moved":
            words.append("in another order")
        elif name:
            words.append(f"{_SIGNS[kind]}{_short(name)}")
    # A file that the configuration names may have changed: one of users, a certificate, a list of revoked ones.
    return (
        "; ".join(f"{section} {_some(words)}" if words else section for section, words in sections.items())
        or "no key (files that it names may have changed)"
    )


def _route(route: Route) -> str:
    where = f"{','.join([_short(for_people(host)) for host in route.host])} " if route.host else ""
    on = f" on {','.join(map(_short, route.listeners))}" if route.listeners else ""
    return f"{where}{_short(','.join(route.path))}{on} → {_short(target(route))}"


def _upstream(upstream: Upstream) -> str:
    backends = [_short(backend.url) for backend in upstream.backends]
    if upstream.discovery is not None:
        backends.append(f"found by {upstream.discovery.type}")
    return f"{_short(upstream.name)} ({_some(backends)})"


def target(route: Route) -> str:
    """Say where a route leads: its upstreams, or what answers in their place."""
    if route.redirect is not None:
        return f"redirect {route.redirect.status}"
    if route.respond is not None:
        return f"respond {route.respond.status}"
    if route.aggregate is not None:
        return f"aggregate of {', '.join(route.forwards_to)}"
    return ", ".join(name for name, _ in route.upstreams)


def _url(address: str) -> str:
    kind, _, place = address.partition(" ")
    return f"{'https' if kind in _TLS else 'http'}://{place}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _some(things: Sequence[str], count: int | None = None) -> str:
    more = (len(things) if count is None else count) - SHOWN
    return ", ".join([*things[:SHOWN], *([f"and {more} more"] if more > 0 else [])])
