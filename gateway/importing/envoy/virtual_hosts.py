"""Virtual hosts of Envoy as routes: the first that fits counts, and no request leaves its virtual host.

Of `gateway.importing.envoy`. Where a virtual host takes no other path, a last route of its hosts says 404, or else one
for more hosts would take what is left. Tests say what the match and the action say, in Envoy's terms.

Tests: `tests/importing/envoy/test_kind.py::test_the_first_that_fits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.config.patterns import host as read_host
from gateway.config.problems import Unexpected
from gateway.importing.cases import Said, add_tests
from gateway.importing.draft import Data, Draft, Made
from gateway.importing.envoy.actions import Action, action, answered_fields, field_changes
from gateway.importing.envoy.clusters import Clusters
from gateway.importing.envoy.filters import Filters
from gateway.importing.envoy.matching import Matching, Unsayable, match
from gateway.importing.envoy.redirects import naming_rest, needs_rest
from gateway.importing.order import Candidate, as_expression, settle
from gateway.importing.parts import Part
from gateway.importing.samples import host as sample_host
from gateway.importing.samples import matching as sample_path
from gateway.routing.expression import Expression

_REFUSES: Final = 400
"""Statuses from this one on refuse a request."""

_PROBES: Final = ("probe", "7", "probe-7", "a/probe-7")
"""What follows a prefix in the request of a test: the first that no expression before takes."""


class Row(NamedTuple):
    """One route of a virtual host."""

    name: str
    part: Part
    matching: Matching
    action: Action
    changes: Data


@dataclass(frozen=True, slots=True)
class Hosts:
    """Puts virtual hosts into a draft.

    Attributes:
        filters: What the filters before the routes come to.
        listeners: Of the routes; none for all.
        listener: The one that requests of tests come in by.
        tls: Whether that speaks TLS.
    """

    draft: Draft
    clusters: Clusters
    filters: Filters
    listeners: list[str]
    listener: str
    tls: bool

    def fill(self, config: Part) -> None:
        """Put the virtual hosts of a route configuration in."""
        self.draft.pass_over(config, "name", "validate_clusters", "max_direct_response_body_size_bytes")
        all_ = config.each("virtual_hosts")
        names = {name for one in all_ for name in one.texts("domains")}
        broader = "*" in names or any(name.startswith("*.") for name in names)
        for one in all_:
            hosts = self._hosts(one)
            if hosts is not None:
                self._virtual_host(one, config, hosts, broader=broader)

    def _hosts(self, part: Part) -> list[str] | None:
        """Return the hosts of a virtual host, none for any; None where routes have no words for them."""
        found: list[str] = []
        for one in part.each("domains"):
            written = one.text() or ""
            if written == "*":
                return []
            try:
                found.append(read_host(written.partition(":")[0]))
            except Unexpected:
                self.draft.leave(one, "`host` takes names, and `*.` at their beginning", "write the names in use")
        if not found:
            self.draft.leave(part, "none of its domains could be carried over")
            return None
        return list(dict.fromkeys(found))

    def _virtual_host(self, part: Part, config: Part, hosts: list[str], *, broader: bool) -> None:
        name = part.text("name") or "host"
        rows: list[Row] = []
        for number, one in enumerate(part.each("routes"), 1):
            if (row := self._row(name, number, one, (part, config), rows)) is not None:
                rows.append(row)
        candidates = [
            Candidate(None, row.matching.path, row.matching.conditions, bool(row.matching.methods)) for row in rows
        ]
        closes = bool(hosts) and broader
        settled = settle([*candidates, Candidate(None, "/*")] if closes else candidates)
        for first, later in settled.otherwise:
            if later < len(rows):
                why = f"Envoy asks the route at line {rows[first].part.place.line} before, and here this one goes first"
                said = rows[later].part.get("match") or rows[later].part
                self.draft.leave(said, why, "compare their conditions")
        for index, row in enumerate(rows):
            if index in settled.dead:
                line = rows[settled.dead[index]].part.place.line
                self.draft.leave(row.part, f"no request comes to it: the route at line {line} takes them before")
                continue
            paths = [settled.paths[index], *(path for _, path in settled.copies.get(index, ()))]
            self._route(row, hosts, list(dict.fromkeys(paths)))
        if closes and len(rows) not in settled.dead:
            paths = [settled.paths[-1], *(path for _, path in settled.copies.get(len(rows), ()))]
            data = self._data(f"{name}-else", hosts, paths)
            self.draft.routes.append(Made({**data, "respond": {"status": 404}}, part.place, "no route takes these"))
            self._test(Said(data["name"], part.place, "/no/such/path", sample_host(hosts[0]), status=404), data)

    def _row(self, host: str, number: int, part: Part, around: tuple[Part, Part], before: list[Row]) -> Row | None:
        self.draft.pass_over(part, "metadata", "decorator")
        said = part.get("match")
        try:
            matching = Matching() if said is None else match(said, self.draft)
        except (Unsayable, ValueError) as error:
            self.draft.leave(part, f"{error}: the route is left out", "write it by hand")
            return None
        if matching.probe is None and matching.path.startswith("~"):
            matching.probe = sample_path(matching.path[1:])
        elif matching.probe is not None and matching.prefix is not None:
            matching.probe = _not_taken(matching.probe, before)
        found = action(part, matching, self.clusters, self.draft)
        if found is None:
            self.draft.leave(part, "what it does has no counterpart: the route answers 503", "write it by hand")
            found = Action({"respond": {"status": 503}}, 503)
        if matching.cuts_segments and matching.prefix and found.status >= _REFUSES:
            # Note [Closed rather than open]: /admin refuses /admin.json too, which a broader route may take here.
            matching.path = f"{as_expression(matching.prefix)}.*"
        changes = field_changes((part, *around), self.draft)
        return Row(part.text("name") or f"{host}-{number}", part, matching, found, changes)

    def _data(self, name: str, hosts: Sequence[str], paths: list[str]) -> Data:
        data: Data = {"name": self.draft.name(name, "routes")}
        if hosts:
            data["host"] = list(hosts) if len(hosts) > 1 else hosts[0]
        data["path"] = paths if len(paths) > 1 else paths[0]
        if self.listeners:
            data["listeners"] = self.listeners
        return data

    def _route(self, row: Row, hosts: list[str], paths: list[str]) -> None:
        if needs_rest(row.action.keys.get("redirect", {})):
            if len(paths) > 1:
                why = "its redirect would have another rest for each of its paths: the route answers 503"
                self.draft.leave(row.part, why, "write it by hand")
                row.action.keys, row.action.status = {"respond": {"status": 503}}, 503
            else:
                paths = [naming_rest(paths[0])]
        data = self._data(row.name, hosts, paths)
        for key in ("methods", "headers", "query"):
            if value := getattr(row.matching, key):
                data[key] = value
        one = row.matching
        exact = one.prefix is None and not one.path.startswith("~")
        start = one.prefix if one.prefix is not None else (one.probe or "") if exact else ""
        keys = {**row.action.keys, **self.filters.keys(start, exact=exact)}
        if row.changes and "upstream" in keys:
            changes = dict(keys.get("transformations", {}))
            for direction, said in row.changes.items():
                changes[direction] = {**changes.get(direction, {}), **said}
            keys["transformations"] = changes
        elif "respond" in keys:
            fields = answered_fields(row.changes.get("response", {}), row.part, self.draft)
            keys["respond"] = {**keys["respond"], **fields}
        self.draft.routes.append(Made({**data, **keys}, row.part.place))
        if row.matching.probe is None:
            return
        said_ = Said(data["name"], row.part.place, row.matching.probe, sample_host(hosts[0] if hosts else None))
        said_.status, said_.upstream = row.action.status, row.action.upstream
        if row.action.upstream is not None:
            said_.sent = row.action.sent
            said_.sent_headers = {} if "host_header" in row.action.keys else {"Host": row.action.host or said_.host}
        said_.method = row.matching.methods[0] if row.matching.methods else "GET"
        said_.headers = {key: _fitting(value) for key, value in row.matching.headers.items()}
        said_.query = "&".join(f"{key}={_fitting(value)}" for key, value in row.matching.query.items())
        said_.shut, said_.refuses_strangers = "ip_deny" in keys, "auth" in keys
        self._test(said_, data)

    def _test(self, said: Said, data: Data) -> None:
        said.scheme = "https" if self.tls else "http"
        before = len(self.draft.tests)
        add_tests(said, self.draft)
        if "listeners" in data:
            for test in self.draft.tests[before:]:
                test.data["request"]["listener"] = self.listener


def _not_taken(probe: str, before: Sequence[Row]) -> str | None:
    """Return a path for the test of a prefix that no expression before takes; None where none was found."""
    expressions = [Expression(row.matching.path) for row in before if row.matching.path.startswith("~")]
    for name in _PROBES:
        path = f"{probe.removesuffix(_PROBES[0])}{name}"
        if all(one.raw_params(path.encode()) is None for one in expressions):
            return path
    return None


def _fitting(condition: str) -> str:
    """Return a value that a condition takes."""
    if condition[:1] not in ("~", "*"):
        return condition
    return sample_path(condition[1:].removeprefix("^").removesuffix("$")) or "1"
