"""Routers of Traefik as routes: each alternative of a rule is one, in the order of the priorities.

Of `gateway.importing.traefik`. Tests are made of what the rule and the middlewares say, in Traefik's terms.

Tests: `tests/importing/traefik/test_kind.py::test_the_longer_rule_goes_first`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.importing.cases import Said, add_tests
from gateway.importing.closing import NOBODY, OPEN_AGAIN
from gateway.importing.draft import Data, Draft, Made
from gateway.importing.order import Candidate, settle
from gateway.importing.parts import Part
from gateway.importing.samples import host, inside, matching
from gateway.importing.traefik.matching import Matching, Unsayable, match
from gateway.importing.traefik.middlewares import Applied, Middlewares
from gateway.importing.traefik.rules import Matcher, alternatives
from gateway.importing.traefik.services import Services

_CONSTRAINED: Final = re.compile(r"\{\w+:((?:[^{}]|\{[^{}]*\})*)\}")


class Row(NamedTuple):
    """One alternative of a router's rule."""

    router: str
    part: Part
    rule: tuple[Matcher, ...]
    matching: Matching
    priority: int

    @property
    def what(self) -> str:
        """What lists call it."""
        return f"http.routers.{self.router}"


class Spot(NamedTuple):
    """Hosts and paths of a route."""

    hosts: tuple[str | None, ...]
    paths: tuple[str, ...]
    own: bool


class Certificates:
    """By which options of TLS callers have to show certificates.

    Args:
        options: Those of the file, by name.
        draft: Where those that ask are listed.
    """

    def __init__(self, options: Sequence[tuple[str, Part]], draft: Draft) -> None:
        self._asking: dict[str, bool] = {"default": False}
        for name, part in options:
            asked = part.get("clientAuth")
            kind = part.text("clientAuth", "clientAuthType") or "NoClientCert"
            self._asking[name] = asked is not None and kind not in ("NoClientCert", "RequestClientCert")
            if asked is not None:
                draft.leave(asked, "the endpoint asks for certificates here", "write `clientCA=FILE` into it")

    def are_asked(self, name: str) -> bool:
        """Return whether callers have to show one; also where the options are not in the file, and may say so."""
        return self._asking.get(name, True)


@dataclass(frozen=True, slots=True)
class Routers:
    """Puts routers into a draft.

    Attributes:
        doors: The listeners that routers are on, by name, with the middlewares of each.
        listeners: All of them.
        certificates: Which options of TLS ask callers for one.
        public: Entry points that routers may be on where the file has none.
    """

    draft: Draft
    services: Services
    middlewares: Middlewares
    doors: Mapping[str, Sequence[str]]
    listeners: Sequence[object]
    certificates: Certificates
    public: frozenset[str]

    def fill(self, routers: Sequence[tuple[str, Part]]) -> None:
        """Put them in, the highest priority first: of equal routes here, the first in the file counts."""
        rows = [row for name, part in routers for row in self._rows(name, part)]
        rows.sort(key=lambda row: -row.priority)
        candidates, owners = [], []
        for number, row in enumerate(rows):
            conditions = len(row.matching.headers) + len(row.matching.query)
            hosts: list[str | None] = [*row.matching.hosts] or [None]
            for one in hosts:
                for path in row.matching.paths:
                    candidates.append(Candidate(one, path, conditions, bool(row.matching.methods)))
                    owners.append(number)
        settled = settle(candidates)
        for first, later in settled.otherwise:
            why = f"router {rows[owners[first]].router} is asked before in Traefik, and here after this one"
            row = rows[owners[later]]
            self.draft.leave(row.part.get("rule") or row.part, why, "compare their rules")
        places: dict[int, list[tuple[str | None, str, bool]]] = {}
        for index, candidate in enumerate(candidates):
            row = rows[owners[index]]
            if index in settled.dead:
                other = rows[owners[settled.dead[index]]].router
                self.draft.leave(row.part, f"router {other} takes what is for this one", what=row.what)
                continue
            own = (candidate.host, settled.paths[index], True)
            copies = [(one, path, False) for one, path in settled.copies.get(index, ())]
            places.setdefault(owners[index], []).extend([own, *copies])
        for number, row in enumerate(rows):
            self._route(row, list(_spots(places.get(number, []))))

    def _rows(self, name: str, part: Part) -> Iterator[Row]:
        written = part.text("rule")
        self.draft.pass_over(part, "ruleSyntax", "observability")
        if written is None:
            self.draft.leave(part, "a router without a rule")
            return
        try:
            rules = alternatives(written)
        except ValueError as error:
            self.draft.leave(part, f"the rule is not understood: {error}")
            return
        priority = part.whole("priority") or len(written)
        for rule in rules:
            try:
                yield Row(name, part, rule, match(rule), priority)
            except (Unsayable, ValueError) as error:
                words = " && ".join(map(str, rule))
                why = f"{words} is left out: {error}"
                left = part if len(rules) == 1 else part.get("rule")
                self.draft.leave(left or part, why, "write a route for it by hand")

    def _route(self, row: Row, spots: list[Spot]) -> None:
        """Put one alternative into the draft, at each of its places, with a test."""
        if not spots:
            return
        on = self._on(row.part)
        shared = dict.fromkeys(name for door in on or self.doors for name in self.doors[door])
        names = [*shared, *row.part.texts("middlewares")]
        applied = self.middlewares.apply(names, row.matching.paths, row.part)
        keys = self._destination(row, applied)
        upstream = keys.get("upstream")
        for made in self.draft.upstreams if applied.breaker is not None else ():
            if made.data["name"] == upstream:
                made.data["circuit_breaker"] = applied.breaker
        self._ask_for_certificates(row.part, applied)
        self._keep_inside(row.part, applied)
        for spot in spots:
            data: Data = {"name": self.draft.name(row.router, "routes")}
            named = [one for one in spot.hosts if one is not None]
            if named:
                data["host"] = named if len(named) > 1 else named[0]
            data["path"] = list(spot.paths) if len(spot.paths) > 1 else spot.paths[0]
            for key in ("methods", "headers", "query"):
                if value := getattr(row.matching, key):
                    data[key] = value
            if on:
                data["listeners"] = on
            self.draft.routes.append(Made({**data, **keys, **applied.route_keys()}, row.part.place))
            said = self._said(row, data["name"], spot, applied, keys) if spot.own else None
            if said is not None:
                before = len(self.draft.tests)
                add_tests(said, self.draft)
                for test in self.draft.tests[before:] if on else ():
                    test.data["request"]["listener"] = on[0]

    def _ask_for_certificates(self, part: Part, applied: Applied) -> None:
        """Close a route whose callers may have to show certificates."""
        tls = part.get("tls")
        if tls is not None and not tls.names():
            tls.mark_read()
        if tls is not None and self.certificates.are_asked((tls.text("options") or "default").removesuffix("@file")):
            why = "callers may have to show certificates, which the endpoint asks for here"
            self.draft.leave(tls.get("options") or tls, why, OPEN_AGAIN)
            applied.keys["ip_deny"] = list(NOBODY)

    def _destination(self, row: Row, applied: Applied) -> Data:
        service = row.part.text("service") or ""
        if "redirect" in applied.keys:
            return {}
        keys = self.services.route_keys(service)
        if keys is None:
            why = f"there is no service {service or 'of its name'} in this file: the route answers 503"
            self.draft.leave(row.part.get("service") or row.part, why, "write its upstream")
            return {"respond": {"status": 503}}
        return keys

    def _on(self, part: Part) -> list[str]:
        """Return the listeners of a router; none where it is on all."""
        on = [name for name in part.texts("entryPoints") if name in self.doors] or list(self.doors)
        return on if len(on) < len(self.listeners) else []

    def _keep_inside(self, part: Part, applied: Applied) -> None:
        """Close a route that is on none of the entry points that there are: its own may be for some callers only."""
        named = part.texts("entryPoints")
        if named and not set(named) & set(self.doors or self.public):
            self.draft.leave(part.get("entryPoints") or part, "its entry points are in no file here", OPEN_AGAIN)
            applied.keys["ip_deny"] = list(NOBODY)

    def _said(self, row: Row, name: str, spot: Spot, applied: Applied, keys: Data) -> Said | None:
        """Return what the rule says of a request that fits it."""
        path, one = _probe(row), row.matching
        if path is None:
            return None
        said = Said(name, row.part.place, path, host=host(spot.hosts[0]))
        said.method = one.methods[0] if one.methods else "GET"
        said.headers = {key: _fitting(value) for key, value in one.headers.items()}
        said.query = "&".join(f"{key}={_fitting(value)}" for key, value in one.query.items())
        said.shut = "ip_deny" in applied.keys
        said.client = next(map(inside, applied.keys.get("ip_allow", ())), None)
        said.refuses_strangers = "auth" in applied.keys
        upstream = keys.get("upstream")
        if (redirect := applied.keys.get("redirect")) is not None:
            said.status = redirect["status"]
        elif "respond" in keys:
            said.status = keys["respond"]["status"]
        elif isinstance(upstream, str):
            said.upstream = upstream
            for change in applied.sent:
                path = change(path)
            said.sent = path
            said.sent_headers = {"Host": self.services.hosts.get(upstream, said.host)}
        return said


def _spots(places: Sequence[tuple[str | None, str, bool]]) -> Iterator[Spot]:
    """Join hosts that have the same paths; a route for any host names none."""
    of_host: dict[str | None, dict[str, None]] = {}
    own = {one for one, _, mine in places if mine}
    for one, path, _ in places:
        of_host.setdefault(one, {})[path] = None
    joined: dict[tuple[tuple[str, ...], bool, bool], list[str | None]] = {}
    for one, paths in of_host.items():
        joined.setdefault((tuple(paths), one is None, one in own), []).append(one)
    for (paths_, _, mine), hosts in joined.items():
        yield Spot(tuple(hosts), paths_, mine)


def _fitting(condition: str) -> str:
    """Return a value that a condition takes."""
    return condition if condition[:1] not in ("~", "*") else matching(condition[1:].strip("^$")) or "1"


def _probe(row: Row) -> str | None:
    """Return a path that the rule is for, by Traefik's own words."""
    for matcher in row.rule:
        value = matcher.values[0] if matcher.values else ""
        if matcher.name == "PathRegexp":
            found = matching(row.matching.paths[0][1:])
            return found if found and found.startswith("/") else None
        if matcher.name in ("Path", "PathPrefix"):
            written = _CONSTRAINED.sub(lambda each: matching(each[1]) or "x", value)
            written = re.sub(r"\{\w+\}", "x", written)
            return written if matcher.name == "Path" else f"{written.rstrip('/')}/probe"
    return "/probe"
