"""The whole of Kong's file: what is in it, and which plugins hold for which route.

Tests: `tests/importing/kong/test_source.py`.
"""

from __future__ import annotations

from typing import Final

from gateway.config import ConfigError
from gateway.config.problems import Problem
from gateway.importing.cases import Said, add_tests
from gateway.importing.draft import Data, Draft, Hint, Made
from gateway.importing.kong.callers import Callers
from gateway.importing.kong.matching import Matching, match
from gateway.importing.kong.plugins import Plugged, log_globally, plug
from gateway.importing.kong.targets import Service, Targets
from gateway.importing.parts import Part

ABOUT: Final = ("id", "created_at", "updated_at", "ws_id")
"""Keys that say nothing about traffic."""

HEADS: Final = ("_info", "_comment", "_ignore", "_konnect", "_workspace")

HINTS: Final = {
    "certificates": Hint(
        "certificates of listeners are in files here", "write cert and key to files, and `listeners` with `ssl:…`"
    ),
    "ca_certificates": Hint("authorities are in files here", "write them to a file, and `upstreams[].tls.ca`"),
    "snis": Hint("names are chosen by the certificates of a listener", "see the guide on TLS"),
    "consumer_groups": Hint("there are no groups of consumers here", "use `tiers` of a rate limit"),
    "vaults": Hint("secrets come from the environment here", "set the variables that the result names"),
    "hmacauth_credentials": Hint("signatures of requests are not checked here", "use tokens or keys"),
    "oauth2_credentials": Hint("clients are written at `auth.oauth.clients`", "see the guide on OAuth"),
    "mtls_auth_credentials": Hint("callers with certificates are found by `auth.mtls`", "see the guide on TLS"),
    "basicauth_credentials": Hint(
        "users are in a file, with hashes of their passwords", "make it with `gateway hash-secret --user NAME`"
    ),
    "consumer": Hint("a plugin for one consumer", "use `tiers` of a rate limit, or roles"),
}


def fill(source: Part, draft: Draft) -> None:
    """Put all that is carried over into a draft.

    Raises:
        ConfigError: It is no file of Kong's, or of a version that is not known.
    """
    version = source.text("_format_version")
    if version is None:
        raise ConfigError([Problem(*source.place, "", "expected Kong's `_format_version`, found none")])
    number = tuple(int(one) for one in version.split(".") if one.isdecimal())
    if not (1,) <= number < (4,):
        raise ConfigError([Problem(*source.place, "", f"expected `_format_version` 1.1 to 3.0, found {version}")])
    draft.pass_over(source, *HEADS)
    draft.only(source, "_transform", True, "it changes credentials as they are read")
    draft.remark("A path of Kong's is a beginning: /orders is also for /ordersX there; here /orders/* ends at a slash.")
    draft.remark(
        "Hosts decide first here, then the most specific path, then methods and fields; a wrong method is 405."
    )
    draft.remark("Ports are in kong.conf: write `listeners`. The default is tcp:8080.")
    reader = _Reader(source, draft, regex_by_tilde=number >= (3,))
    reader.read()
    draft.share()


class _Reader:
    def __init__(self, source: Part, draft: Draft, *, regex_by_tilde: bool) -> None:
        self._source = source
        self._draft = draft
        self._by_tilde = regex_by_tilde
        self._targets = Targets(source.each("upstreams"), draft)
        self._callers = Callers(source, draft)
        self._ranked: list[tuple[int, Made, Said]] = []
        everywhere: list[Part] = []
        self._attached: dict[tuple[str, str], list[Part]] = {}
        for plugin in source.each("plugins"):
            # One that names a service too is for that route of it: a route has one service.
            of = [(kind, name) for kind in ("route", "service") if (name := _reference(plugin, kind)) is not None]
            if _is_for_some(plugin, self._callers, draft, everywhere=True):
                continue
            if of:
                self._attached.setdefault(of[0], []).append(plugin)
            else:
                everywhere.append(plugin)
        self._everywhere = log_globally(everywhere, draft)

    def read(self) -> None:
        services = self._source.each("services")
        loose: dict[str, list[Part]] = {}
        alone: list[Part] = []
        for route in self._source.each("routes"):
            name = _reference(route, "service")
            loose.setdefault(name, []).append(route) if name is not None else alone.append(route)
        for part in services:
            self._draft.pass_over(part, *ABOUT)
            names = {name for key in ("name", "id") if (name := part.text(key))}
            routes = [*part.each("routes"), *(one for name in names for one in loose.pop(name, []))]
            plugins = [
                *part.each("plugins"),
                *(one for name in names for one in self._attached.get(("service", name), [])),
            ]
            if part.flag("enabled") is False:
                self._draft.leave(part, "it is not enabled")
                continue
            service = self._targets.service(part)
            if service is None:
                continue
            if not routes:
                self._draft.leave(part, "no route leads to it")
            for route in routes:
                self._route(route, service, plugins)
        for route in [*alone, *(one for routes in loose.values() for one in routes)]:
            self._route(route, None, [])
        # Expressions are asked in the order in which they stand here, and in Kong by their priority.
        self._ranked.sort(key=lambda ranked: -ranked[0])
        for _, made, said in self._ranked:
            self._draft.routes.append(made)
            add_tests(said, self._draft)
        self._callers.write()

    def _route(self, part: Part, service: Service | None, of_service: list[Part]) -> None:
        draft = self._draft
        draft.pass_over(part, *ABOUT)
        names = {name for key in ("name", "id") if (name := part.text(key))}
        plugins = [*part.each("plugins"), *(one for name in names for one in self._attached.get(("route", name), []))]
        chosen = _chosen([*self._everywhere, *of_service, *plugins], self._callers, draft)
        if service is None and "request-termination" not in chosen:
            draft.leave(part, "there is no such service", "write the route with its upstream")
            return
        for matching in match(part, draft, by_tilde=self._by_tilde):
            name = draft.name(part.text("name") or (service.name if service else "route"), "routes")
            self._one(name, matching, part, service, chosen)

    def _one(self, name: str, matching: Matching, part: Part, service: Service | None, chosen: dict[str, Part]) -> None:
        data: Data = {"name": name, **matching.data}
        said = Said(name, part.place, matching.sample or "/", host=matching.host, headers=dict(matching.headers))
        said.method = matching.method
        plugged = Plugged(data, said, part, matching.strip)
        if service is not None and "request-termination" not in chosen:
            kept = part.flag("preserve_host") is True
            said.upstream = data["upstream"] = self._targets.upstream(service, preserve_host=kept)
            data |= service.on_routes
            base = service.base
            said.sent = matching.sent(base)
            if kept:
                said.sent_headers["Host"] = said.host
            elif (own := self._targets.host_of(service)) is not None:
                said.sent_headers["Host"] = own
        plug(plugged, chosen, self._callers, self._draft)
        note = ", ".join(part.texts("tags"))
        made = Made(data, part.place, f"tags: {note}" if note else "")
        self._ranked.append((matching.rank, made, said))
        if matching.sample is None:
            self._draft.leave(
                matching.part, "no path was found that the expression is for, so that no test was made of it",
                "write one", what=f"{matching.part.path} (test)",
            )  # fmt: skip


def _reference(part: Part, key: str) -> str | None:
    """Return the name that a part refers to by: a text, or a mapping with a name or an id."""
    for keys in ((key,), (key, "name"), (key, "id"), (key, "username")):
        found = part.get(*keys)
        if found is not None and not found.is_mapping:
            return found.text()
    return None


def _is_for_some(plugin: Part, callers: Callers, draft: Draft, *, everywhere: bool) -> bool:
    """Whether a plugin is for one consumer or a group of them; it holds for nobody else.

    Args:
        plugin: The plugin, wherever it stands.
        callers: Take what is for one consumer and can be carried over.
        draft: Where all other such plugins are listed.
        everywhere: Whether it stands at top level, and may so be for a consumer on all routes.
    """
    if plugin.get("consumer_group") is not None:
        draft.leave(plugin, "it is for a group of consumers", "use roles, or `tiers` of a rate limit")
        return True
    if plugin.get("consumer") is None:
        return False
    if everywhere and not any(plugin.get(kind) for kind in ("route", "service")):
        callers.take_plugin(plugin, _reference(plugin, "consumer") or "")
    else:
        draft.leave(plugin, "it is for one consumer on some routes", "use `tiers` of their rate limit, or roles")
    return True


def _chosen(plugins: list[Part], callers: Callers, draft: Draft) -> dict[str, Part]:
    """Return the plugins that hold, by name: of those of one name the last, which is the most specific."""
    chosen: dict[str, Part] = {}
    for plugin in plugins:
        draft.pass_over(plugin, *ABOUT)
        plugin.texts("tags")
        draft.only(
            plugin, "protocols", (["http", "https"], ["grpc", "grpcs", "http", "https"]), "it is for some protocols"
        )
        draft.only(plugin, "run_on", "first", "meshes of Kong are not read")
        name = plugin.text("name")
        if plugin.flag("enabled") is False:
            draft.leave(plugin, "it is not enabled")
        elif name is not None and not _is_for_some(plugin, callers, draft, everywhere=False):
            if name in chosen:
                draft.override(chosen[name].get("config") or chosen[name])
            chosen[name] = plugin
    return chosen
