"""A location of nginx as the keys of a route, and what it does to a request by nginx's own rules.

Of `gateway.importing.nginx`: asks the modules of one noun each, and joins what they find.

Tests: `tests/imports/test_imports.py::test_the_result_does_what_the_source_says`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gateway.importing.closing import NOBODY
from gateway.importing.draft import Draft, Made
from gateway.importing.nginx import admission, answering, passing, protection, responses, upstreams, values
from gateway.importing.nginx.locations import Location
from gateway.importing.nginx.reading import Directive
from gateway.importing.nginx.scope import Scope

FILES: Final = frozenset({"root", "alias", "index", "try_files", "autoindex"})
ELSEWHERE: Final = ("fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass")


@dataclass(frozen=True, slots=True)
class Action:
    """What becomes of the requests of one location.

    Attributes:
        keys: Of the route, but for its path, host and listeners.
        at: The directive that says so.
        passed: Where requests are passed on to, None where they are answered.
        answer: What they are answered, None where they are passed on.
        rewrites: Whether their path is changed by an expression.
        host: What the backend sees as `Host`, None for the client's.
    """

    keys: dict[str, Any]
    at: Directive
    passed: passing.Target | None = None
    answer: answering.Answer | None = None
    rewrites: bool = False
    host: str | None = None


class Served(NamedTuple):
    """A location with the block that says what becomes of its requests."""

    location: Location
    scope: Scope
    at: Directive


@dataclass
class Carrier:
    """Makes routes and the upstreams that they lead to.

    Attributes:
        groups: The `upstream` blocks, by their names.
        zones: The zones of limits, by their names.
        silence: How long backends may be silent where a location says nothing else.
        body: What holds for the length of bodies where a location says nothing else.
    """

    draft: Draft
    groups: Mapping[str, Directive]
    zones: Mapping[str, admission.Zone]
    silence: str
    body: str
    _made: dict[tuple[object, ...], tuple[str, int]] = field(default_factory=dict)
    _users: admission.Password | None = None

    def action(self, location: Location, scope: Scope, constants: Mapping[str, str]) -> Action | None:
        """Return what becomes of the requests of a location; None where that cannot be said here.

        Args:
            location: Which requests are its.
            scope: What holds there.
            constants: Variables that are the same for all of them.
        """
        block = scope.innermost
        if protection.is_internal(scope):
            self.draft.leave(block, "it is for requests that nginx makes itself: who asks for it gets 404, as there")
            return Action(
                {"respond": {"status": 404}}, block, answer=answering.Answer({"respond": {"status": 404}}, 404)
            )
        for each in block.all("return"):
            found = answering.returned(each.words, scope.text("default_type", "text/plain"), constants["server_name"])
            if found is None:
                self.draft.leave(
                    each, "the answer depends on the request in a way that `redirect` and `respond` have no words for"
                )
                return None
            if found.differs:
                self.draft.leave(each, found.differs)
            # nginx answers so before it asks who may come in, and how often.
            return Action(found.keys, each, answer=found)
        for each in [*block.all("proxy_pass"), *block.all("grpc_pass")]:
            target = passing.target(each.words[0] if each.words else "")
            if target is None:
                self.draft.leave(each, "the backend is found by a variable", "write a route for each of its values")
                return None
            return self._pass(location, scope, constants, each, target)
        return None

    def _pass(
        self, location: Location, scope: Scope, constants: Mapping[str, str], at: Directive, target: passing.Target
    ) -> Action:
        leave = self.draft.leave
        fields = passing.fields(scope, constants, leave)
        name, servers, host = self._upstream(scope, at, target, fields.host)
        request: dict[str, Any] = {}
        change, rewrites = self._rewrites(location, scope, target)
        if change:
            request["path"] = change
        if fields.put:
            request["set_headers"] = fields.put
        if fields.removed:
            request["remove_headers"] = fields.removed
        response = responses.fields(scope, constants, leave)
        changes = {key: value for key, value in (("request", request), ("response", response)) if value}
        keys: dict[str, Any] = {"upstream": name}
        silence = passing.time_for_answer(scope)
        if silence and silence != self.silence:
            keys["timeout"] = silence
        keys |= self.admitted(scope)
        retry = passing.retry(scope, servers, leave)
        if retry:
            keys["retry"] = retry
        cache = responses.cache(scope, leave)
        if cache is not None:
            keys["cache"] = cache
        if changes:
            keys["transformations"] = changes
        return Action(keys, at, passed=target, rewrites=rewrites, host=host)

    def _rewrites(self, location: Location, scope: Scope, target: passing.Target) -> tuple[dict[str, Any], bool]:
        """Return the change of the path; where a `rewrite` has changed it, `proxy_pass` puts nothing in its place."""
        for number, each in enumerate(scope.innermost.all("rewrite")):
            if number:
                self.draft.leave(each, "a route changes its path once: this rewrite is left out")
                continue
            if "last" in each.words[2:]:
                self.draft.leave(each, "`last` looks for a location anew; here the request stays with its route")
            try:
                return passing.rewritten(each.words), True
            except ValueError as error:
                self.draft.leave(each, f"{error}: the path goes on as it came")
        change = passing.path_change(location, target.uri)
        replaced = change.get("replace", {}).get("with", "")
        if replaced.endswith("/") and location.is_prefix and not location.path.endswith("/"):
            self.draft.leave(
                scope.innermost, f"nginx asks for `{target.uri}/…` with two slashes here, the gateway with one"
            )
        return change, False

    def _upstream(
        self, scope: Scope, at: Directive, target: passing.Target, said: str | None
    ) -> tuple[str, int, str | None]:
        """Return the name of the upstream for a target, how many servers it has, and what they see as `Host`."""
        block = self.groups.get(target.at)
        host = said or (target.at if block is not None else "backend")
        tls = self._tls(scope, at) if target.scheme == "https" else {}
        redirected = scope.text("proxy_redirect", "default") != "off" and host != "client"
        shape = (target.scheme, target.at, host, redirected, tuple(tls.items()))
        if shape not in self._made:
            wanted = target.at if block is not None else re.sub(r"\A(?:unix:)?[/\[]*|[\]]", "", target.at)
            data: dict[str, Any] = {"name": self.draft.name(wanted, "upstreams")}
            if block is not None:
                data |= upstreams.group(block, target.scheme, self.draft.leave)
            else:
                data |= upstreams.single(target.at, target.scheme)
            if host != "client":
                data["host_header"] = host
            if redirected:
                data["rewrite_responses"] = True
            if tls:
                data["tls"] = tls
            self.draft.upstreams.append(Made(data, (block or at).place))
            self._made[shape] = (data["name"], len(data["backends"]))
        name, servers = self._made[shape]
        seen = {"client": None, "backend": target.at}.get(host, host)
        return name, servers, seen

    def _tls(self, scope: Scope, at: Directive) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for directive, key in (
            ("proxy_ssl_trusted_certificate", "ca"),
            ("proxy_ssl_name", "server_name"),
            ("proxy_ssl_certificate", "client_cert"),
            ("proxy_ssl_certificate_key", "client_key"),
        ):
            if value := scope.text(directive):
                found[key] = value
        if not scope.is_on("proxy_ssl_verify"):
            self.draft.leave(at, "nginx takes any certificate from this backend; here it is verified", "see `tls.ca`")
        return found

    def admitted(self, scope: Scope) -> dict[str, Any]:
        """Return the keys that say whom a location lets in."""
        leave = self.draft.leave
        uncarried = list(protection.uncarried(scope))
        found = admission.addresses(scope, leave)
        if methods := protection.methods(scope, leave):
            found["methods"] = methods
        found |= admission.limits(scope, self.zones, leave)
        size = scope.text("client_max_body_size", self.body)
        if size != self.body:
            found["request_body"] = values.size(size)
        password = admission.password(scope)
        if password is not None:
            if self._users is None:
                self._users = password
                self.draft.section("auth")["basic"] = {"users_file": password.users_file, "realm": password.realm}
            elif password.users_file != self._users.users_file:
                # The users of the first file would get in here as well.
                why = "there is one file of users here, that of the first `auth_basic`"
                uncarried.append(protection.Uncarried(password.at, why))
            elif password.realm != self._users.realm:
                leave(password.at, "there is one realm here, that of the first `auth_basic`")
            found["auth"] = {"type": "basic"}
        compression = responses.compression(scope) if len(scope.blocks) > 1 else None
        if compression is not None and compression != self.draft.top.get("compression"):
            found["compression"] = compression
        for each in uncarried:
            leave(each.at, each.why, protection.OPEN_AGAIN)
        if uncarried:
            found.pop("ip_allow", None)
            found["ip_deny"] = list(NOBODY)
        return found
