"""The whole of APISIX's file: what refers to what, and what a route is for.

Tests: `tests/importing/apisix/test_source.py`.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.config import ConfigError
from gateway.config.patterns import path_pattern, route_host, route_path
from gateway.config.problems import Problem, Unexpected
from gateway.importing import samples
from gateway.importing.apisix.callers import Callers
from gateway.importing.apisix.nodes import Nodes
from gateway.importing.apisix.plugins import ADDING, Plugged, plug
from gateway.importing.cases import Said, add_tests
from gateway.importing.draft import Data, Draft, Hint, Made
from gateway.importing.parts import Part
from gateway.importing.values import literal, methods, network, pattern_of

ABOUT: Final = ("desc", "labels", "create_time", "update_time", "plugin_config_id", "service_id", "id")
REST: Final = "/7"

HINTS: Final = {
    "ssls": Hint("certificates of listeners are in files here", "write them to files, and `listeners` with `ssl:…`"),
    "stream_routes": Hint("the gateway has routes for HTTP only"),
    "protos": Hint("calls of gRPC are not made of JSON here"),
    "plugin_metadata": Hint("plugins have no settings of their own here"),
    "consumer_groups": Hint("there are no groups of consumers here", "use roles, or `tiers` of a rate limit"),
    "secrets": Hint("secrets come from the environment here", "set the variables that the result names"),
}


def fill(source: Part, draft: Draft) -> None:
    """Put all that is carried over into a draft.

    Raises:
        ConfigError: It is no file of APISIX's.
    """
    known = {"routes", "services", "upstreams", "consumers", "global_rules", "plugin_configs", "ssls", "stream_routes"}
    if not known & set(source.names()):
        raise ConfigError([Problem(*source.place, "", "expected APISIX's `routes`, found none")])
    draft.remark("/a/* is also for /a here; in APISIX it is not.")
    draft.remark("The most specific path decides here; a path whose method is wrong is 405.")
    draft.remark("Ports are in config.yaml: write `listeners`. The default is tcp:8080.")
    draft.pass_over(source, "plugins")
    _Reader(source, draft).read()
    draft.share()


class _Reader:
    def __init__(self, source: Part, draft: Draft) -> None:
        self._draft = draft
        self._routes = source.each("routes")
        self._services = _by_id(source.each("services"))
        self._shared = _by_id(source.each("plugin_configs"))
        self._nodes = Nodes(_by_id(source.each("upstreams")), draft)
        self._callers = Callers(source.each("consumers"), draft)
        self._everywhere = [one.get("plugins") for one in source.each("global_rules")]
        for rule in source.each("global_rules"):
            draft.pass_over(rule, *ABOUT)

    def read(self) -> None:
        for part in self._routes:
            self._route(part)
        for kind, objects in (("route", self._services), ("route", self._shared)):
            for one in objects.values():
                self._draft.pass_over(one, *ABOUT)
                if one.is_untouched() or not one.is_read:
                    self._draft.leave(one, f"no {kind} refers to it")
        self._callers.write()

    def _route(self, part: Part) -> None:
        draft = self._draft
        name = part.text("name") or part.text("id") or "route"
        if part.whole("status") == 0:
            draft.leave(part, "it is not enabled")
            return
        service = self._found(part, "service_id", self._services)
        shared = self._found(part, "plugin_config_id", self._shared)
        for key, found in (("service_id", service), ("plugin_config_id", shared)):
            if part.text(key) is not None and found is None:
                why = f"there is no object of its `{key}`, which may protect it, so that the route is not there"
                draft.leave(part, why, "write the route")
                return
        draft.pass_over(part, *ABOUT)
        part.flag("enable_websocket")  # every route takes WebSockets
        draft.only(
            part, "priority", 0, "the most specific path decides", "make the path or its conditions more specific"
        )
        for key in ("filter_func", "script"):
            if part.get(key) is not None:
                draft.leave(
                    part, f"its `{key}` is Lua, so that the route is not there", "write it, perhaps with a plugin"
                )
                return
        conditions = self._conditions(part, service)
        if conditions is None:
            return
        own = _chosen(draft, [*(one and one.get("plugins") for one in (service, shared)), part.get("plugins")])
        chosen: dict[str, list[Part]] = {}
        for plugins in (*(_chosen(draft, [rule]) for rule in self._everywhere), own):
            for plugin, config in plugins.items():
                if plugin in chosen and plugin not in ADDING:
                    draft.override(chosen.pop(plugin)[0])
                chosen.setdefault(plugin, []).append(config)
        for pattern, sample in self._paths(part):
            self._one(draft.name(name, "routes"), part, {"path": pattern, **conditions}, sample, service, chosen)

    def _one(
        self, name: str, part: Part, match: Data, sample: str, service: Part | None, chosen: dict[str, list[Part]]
    ) -> None:
        draft = self._draft
        data: Data = {"name": name, **{key: value for key, value in match.items() if not key.startswith("asks")}}
        hosts = match.get("host")
        host = samples.host(hosts[0] if isinstance(hosts, list) else hosts)
        said = Said(name, part.place, sample, host=host, headers=dict(match.get("asks headers", {})))
        said.query = match.get("asks query", "")
        said.method = match["methods"][0] if "methods" in match else "GET"
        if "ip_allow" in data:
            said.client, said.refused = samples.inside(data["ip_allow"][0]), samples.outside(data["ip_allow"])
        found = self._nodes.of(part, service, name)
        if found is not None:
            said.upstream = data["upstream"] = found.name
            data |= found.on_routes
            said.sent = sample
            said.sent_headers = {"Host": host if found.sees is None else found.sees} if found.sees != "" else {}
        plug(Plugged(data, said, part, self._nodes), chosen, self._callers, draft)
        if "upstream" not in data and "respond" not in data and "redirect" not in data:
            draft.leave(part, "it leads to no upstream", "write the route with its upstream")
            return
        draft.routes.append(Made(data, part.place))
        add_tests(said, draft)

    def _found(self, part: Part, key: str, objects: dict[str, Part]) -> Part | None:
        wanted = part.text(key)
        if wanted is None:
            return None
        found = objects.get(wanted)
        if found is not None:
            found.is_read = True
        return found

    def _paths(self, part: Part) -> list[tuple[str, str]]:
        """Return our paths of a route, each with one that it is for."""
        found = []
        for each in [*part.one_or_each("uri"), *part.one_or_each("uris")]:
            written = each.text() or "/"
            try:
                if not written.endswith("*") or written.endswith("/*"):
                    filled = re.sub(r":[A-Za-z_]\w*", "7", written.removesuffix("/*"))
                    found.append((path_pattern(written), filled + (REST if written.endswith("/*") else "")))
                else:
                    found.append((route_path(f"~{literal(written[:-1])}.*"), f"{written[:-1]}7"))
            except Unexpected as error:
                self._draft.leave(each, f"expected {error.expected}, found {written!r}")
        return found

    def _conditions(self, part: Part, service: Part | None) -> Data | None:
        """Return what else a route asks; None, and it is listed, where a condition cannot be said."""
        draft = self._draft
        data: Data = {}
        hosts = []
        named = [*part.one_or_each("host"), *part.one_or_each("hosts")]
        for each in named or ([] if service is None else service.one_or_each("hosts")):
            try:
                hosts.append(route_host(each.text() or ""))
            except Unexpected as error:
                draft.leave(each, f"expected {error.expected}, found {each.text()!r}")
                return None
        if hosts:
            data["host"] = hosts[0] if len(hosts) == 1 else hosts
        if not self._methods(part, data):
            return None
        if not self._allowed(part, data):
            return None
        variables = part.get("vars")
        if variables is not None and not variables.is_list:
            draft.leave(part, "its `vars` is no list, so that the route is not there", "write the route")
            return None
        for each in part.each("vars"):
            if not _variable(each, data):
                why = f"its condition in line {each.place.line} has no counterpart, so that the route is not there"
                draft.leave(part, why, "write the route")
                return None
        return data

    def _methods(self, part: Part, data: Data) -> bool:
        """Put the methods of a route into ours; returns whether any of those that it names could be."""
        draft = self._draft
        if found := methods(part, draft):
            data["methods"] = found
        elif part.one_or_each("methods"):
            why = "none of its methods can be written here, so that the route is not there"
            draft.leave(part, why, "write the route")
            return False
        return True

    def _allowed(self, part: Part, data: Data) -> bool:
        """Put the addresses that a route is for into ours; returns whether they could be read."""
        draft = self._draft
        allowed = []
        for each in [*part.one_or_each("remote_addr"), *part.one_or_each("remote_addrs")]:
            if (block := network(each.text() or "")) is None:
                draft.leave(part, f"{each.text()!r} is neither an address nor a network")
                return False
            allowed.append(block)
        if allowed:
            data["ip_allow"] = allowed
            draft.remark(
                "A route for some addresses refuses the others with 403 here; in APISIX they get another route."
            )
        return True


def _variable(condition: Part, data: Data) -> bool:
    """Put a condition on a variable into a route; returns whether it could be."""
    words = condition.each()
    if len(words) != 3 or (name := words[0].text()) is None:  # `["!", …]` and `["OR", …]` are longer, or nested
        return False
    operator, values = words[1].text(), words[2].texts()
    kind, _, rest = name.partition("_")
    if operator == "==" or (operator == "in" and values):
        wanted, shown = pattern_of(values), values[0] if values else ""
    elif operator in ("~~", "~*") and values:
        wanted, shown = f"~{'(?i)' if operator == '~*' else ''}{values[0]}", samples.matching(values[0]) or ""
    else:
        return False
    if kind == "http" and rest:
        field = rest.replace("_", "-")
        data.setdefault("headers", {})[field] = wanted
        data.setdefault("asks headers", {})[field] = shown
    elif kind == "arg" and rest:
        data.setdefault("query", {})[rest] = wanted
        data["asks query"] = "&".join(filter(None, [data.get("asks query"), f"{rest}={shown}"]))
    else:
        return False
    return True


def _by_id(parts: list[Part]) -> dict[str, Part]:
    return {found: part for part in parts if (found := part.text("id")) is not None}


def _chosen(draft: Draft, groups: list[Part | None]) -> dict[str, Part]:
    """Return the plugins that hold, by name: of those of one name the last."""
    chosen: dict[str, Part] = {}
    for group in groups:
        for name, config in [] if group is None else group.entries():
            meta = config.get("_meta")
            if meta is not None and meta.flag("disable"):
                draft.leave(config, "it is not enabled")
                chosen.pop(name, None)
            else:
                if name in chosen:
                    draft.override(chosen[name])
                chosen[name] = config
    return chosen
