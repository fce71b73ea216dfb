"""Who may call: APISIX's consumers, and the plugins that ask for them.

Tests: `tests/importing/apisix/test_callers.py`.
"""

from __future__ import annotations

from typing import Final

from gateway.importing.cases import Said
from gateway.importing.closing import OPEN_AGAIN, close
from gateway.importing.draft import Data, Draft, Made
from gateway.importing.parts import Part
from gateway.importing.values import key, secret

DISCOVERY: Final = "/.well-known/openid-configuration"
ASKING: Final = ("key-auth", "jwt-auth", "openid-connect", "forward-auth")
CLOSING: Final = {
    "basic-auth": "users are in a file, with hashes of their passwords: `auth.basic`",
    "hmac-auth": "signatures of requests are not checked here",
    "ldap-auth": "directories are not asked here",
    "wolf-rbac": "Wolf is not asked here",
    "authz-casbin": "Casbin's policies are not read",
    "authz-casdoor": "Casdoor is not asked here",
    "authz-keycloak": "Keycloak's permissions are not asked here",
    "cas-auth": "nobody is sent to log in",
    "saml-auth": "nobody is sent to log in",
    "multi-auth": "ways of which one is enough are `auth.any_of`",
    "opa": "no policy agent is asked here but by `auth.forward`",
    "consumer-restriction": "callers are let in by their roles here",
    "acl": "callers are let in by their roles here",
}
"""Plugins that protect a route and are not carried over."""


RESTRICTING: Final = frozenset({"ip-restriction", "consumer-restriction", "fault-injection", "serverless-pre-function"})
"""Plugins by which a single consumer is kept out."""


class Callers:
    """The consumers of a source, and what routes ask of them.

    Args:
        consumers: Those of the source.
        draft: What is made.
    """

    def __init__(self, consumers: list[Part], draft: Draft) -> None:
        self._draft = draft
        self._keys: list[Made] = []
        self._tokens: dict[str, tuple[str, Made]] = {}
        self._key_place: Data | None = None
        self._asked_for_tokens = False
        for consumer in consumers:
            draft.pass_over(consumer, "desc", "labels", "create_time", "update_time", "id")
            name = consumer.text("username") or "consumer"
            plugins = consumer.entries("plugins")
            restricted = any(plugin in RESTRICTING for plugin, _ in plugins)
            for plugin, config in plugins:
                if plugin in ("key-auth", "jwt-auth") and restricted:
                    draft.leave(config, "a plugin that is not carried over may keep this consumer out", "see its line")
                elif plugin == "key-auth":
                    self._key(config, name)
                elif plugin == "jwt-auth":
                    self._token(config, name)
                else:
                    draft.leave(
                        config, "plugins are not for single callers here", "use roles, or `tiers` of a rate limit"
                    )

    def protect(self, name: str, config: Part, route: Data, said: Said) -> None:
        """Put a plugin that asks who is calling into a route."""
        if name == "key-auth":
            self._by_key(config, route, said)
        elif name == "jwt-auth":
            self._by_token(config, route, said)
        elif name == "openid-connect":
            self._by_issuer(config, route, said)
        else:
            self._by_authority(config, route, said)

    def write(self) -> None:
        """Write the consumers that routes ask for into the draft."""
        if self._key_place is not None:
            self._draft.section("auth")["api_keys"] = {**self._key_place, "keys": self._keys}
        if self._asked_for_tokens:
            self._draft.section("auth", "jwt").update({name: made for name, (_, made) in self._tokens.items()})
        if "auth" in self._draft.top:
            self._draft.section("auth")["identity_fields"] = {"user": "X-Consumer-Username"}

    def _key(self, config: Part, name: str) -> None:
        found = config.get("key")
        if found is None:
            self._draft.leave(config, "expected a `key`")
            return
        data: Data = {"id": self._draft.name(name, "keys"), **key(found, self._draft), "user": name}
        self._keys.append(Made(data, config.place))

    def _token(self, config: Part, name: str) -> None:
        draft = self._draft
        algorithm, named, found = config.text("algorithm") or "HS256", config.text("key"), config.get("secret")
        if not algorithm.startswith("HS") or named is None or found is None or config.flag("base64_secret"):
            why = "keys are in files here, and secrets are texts"
            draft.leave(config, why, "write `auth.jwt` with `public_key_file`, or the secret decoded")
            return
        draft.pass_over(config, "exp")
        value = secret(found, f"jwt {name}", draft)
        verifier: Data = {"algorithms": [algorithm], "secret": value, "require": {"key": [named]}, "user_claim": "key"}
        if (leeway := config.number("lifetime_grace_period")) is not None:
            verifier["leeway"] = leeway
        self._tokens[draft.name(name, "verifiers")] = (named, Made(verifier, config.place))

    def _ask(self, route: Data, said: Said, way: Data, claims: Data) -> None:
        auth: Data = route.setdefault("auth", {})
        if not auth:
            auth |= way
        elif "any_of" in auth or "any_of" in way:
            self._draft.remark("A route asks for several ways of which one has alternatives: it is closed.")
            close(route, said)
        else:  # APISIX asks for each
            first = {key: auth.pop(key) for key in ("type", "verifier") if key in auth}
            auth.setdefault("all_of", [first] if first else []).append(way)
        said.refuses_strangers = True
        said.claims = {**(said.claims or {}), **claims}

    def _shows(self, config: Part, route: Data) -> None:
        if config.flag("hide_credentials") is not True:
            route["auth"]["forward_credentials"] = True

    def _by_key(self, config: Part, route: Data, said: Said) -> None:
        draft = self._draft
        place: Data = {"header": config.text("header") or "apikey", "query": config.text("query") or "apikey"}
        if self._key_place is None:
            self._key_place = place
        elif self._key_place != place:
            draft.leave(config, "keys are shown in one place for all routes", f"it is {self._key_place['header']}")
        self._ask(route, said, {"type": "api_key"}, {"sub": "ada"})
        self._shows(config, route)

    def _by_token(self, config: Part, route: Data, said: Said) -> None:
        draft = self._draft
        if not self._tokens:
            draft.leave(config, "there is no secret of a consumer", OPEN_AGAIN)
            close(route, said)
            return
        self._asked_for_tokens = True
        header, query, cookie = (config.text(key) for key in ("header", "query", "cookie"))
        places = [
            f"header:{(header or 'authorization').title()}",
            f"query:{query or 'jwt'}",
            f"cookie:{cookie or 'jwt'}",
        ]
        for _, made in self._tokens.values():
            if made.data.setdefault("from", places) != places:
                draft.leave(config, "tokens are shown in the same places on all routes", "see `from`")
        named = next(iter(self._tokens.values()))[0]
        ways: list[Data] = [{"type": "jwt", "verifier": name} for name in self._tokens]
        way = ways[0] if len(ways) == 1 else {"any_of": ways}
        self._ask(route, said, way, {"sub": "ada", "key": named})
        self._shows(config, route)
        draft.only(config, "key_claim_name", "key", "keys are in the claim `key`", OPEN_AGAIN)

    def _by_issuer(self, config: Part, route: Data, said: Said) -> None:
        draft = self._draft
        discovery = config.text("discovery") or ""
        if config.flag("bearer_only") is not True or not discovery.endswith(DISCOVERY):
            draft.leave(config, "nobody is sent to log in, and issuers are found by their metadata", OPEN_AGAIN)
            close(route, said)
            return
        issuer = discovery.removesuffix(DISCOVERY)
        verifiers = draft.section("auth", "jwt")
        name = next((one for one, made in verifiers.items() if made.data.get("issuer") == issuer), None)
        if name is None:
            name = draft.name(config.text("client_id") or "issuer", "verifiers")
            verifiers[name] = Made({"algorithms": ["RS256"], "issuer": issuer}, config.place)
        config.text("client_id")
        draft.pass_over(config, "client_secret", "realm", "ssl_verify", "use_jwks", "token_signing_alg_values_expected")
        self._ask(route, said, {"type": "jwt", "verifier": name}, {"sub": "ada"})
        if scopes := config.texts("required_scopes"):
            route["auth"]["scopes"] = scopes
            said.lacking, said.claims = said.claims, {**(said.claims or {}), "scope": " ".join(scopes)}
        route["auth"]["forward_credentials"] = True

    def _by_authority(self, config: Part, route: Data, said: Said) -> None:
        draft = self._draft
        authority: Data = {"url": config.text("uri") or ""}
        pairs = {"request_headers": "request_headers", "upstream_headers": "response_headers"}
        for theirs, ours in (pairs | {"client_headers": "client_headers"}).items():
            if names := config.texts(theirs):
                authority[ours] = names
        if (timeout := config.number("timeout")) is not None:
            authority["timeout"] = f"{timeout:g}ms"
        draft.only(config, "request_method", "GET", "authorities are asked by GET")
        draft.only(config, "ssl_verify", True, "certificates are verified")
        draft.pass_over(config, "keepalive", "keepalive_timeout", "keepalive_pool")
        authorities = draft.section("auth", "forward")
        name = next((one for one, made in authorities.items() if made.data == authority), None)
        if name is None:
            name = draft.name("authority", "authorities")
            authorities[name] = Made(authority, config.place)
        self._ask(route, said, {"type": "forward", "verifier": name}, {"sub": "ada"})
        route["auth"]["forward_credentials"] = True
