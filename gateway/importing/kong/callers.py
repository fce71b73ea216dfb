"""Who may call: Kong's consumers and their credentials, and the plugins that ask for them.

Protection that is not carried over closes a route: Note [Closed rather than open] in `gateway.importing.closing`.

Tests: `tests/importing/kong/test_callers.py`.
"""

from __future__ import annotations

from typing import Final

from gateway.importing.cases import Said
from gateway.importing.closing import OPEN_AGAIN, close
from gateway.importing.draft import Data, Draft, Made
from gateway.importing.parts import Part
from gateway.importing.values import key, secret

CLOSING: Final = {
    "hmac-auth": "signatures of requests are not checked here",
    "oauth2": "the token endpoint is `auth.oauth` here",
    "ldap-auth": "directories are not asked here",
    "ldap-auth-advanced": "directories are not asked here",
    "mtls-auth": "client certificates are `auth.mtls` here",
    "openid-connect": "tokens are verified by `auth.jwt` here, and nobody is sent to log in",
    "session": "there are no sessions here",
    "basic-auth": "users are in a file, with hashes of their passwords: `auth.basic`",
    "opa": "no policy agent is asked here but by `auth.forward`",
}
"""Plugins that protect a route and are not carried over."""

HMAC: Final = ("HS256", "HS384", "HS512")
RESTRICTING: Final = frozenset({"request-termination", "ip-restriction", "acl", "pre-function"})
"""Plugins by which a single consumer is kept out."""

_LISTS: Final = ("keyauth_credentials", "jwt_secrets", "acls")


class Callers:
    """The consumers of a source, and what routes ask of them.

    Args:
        source: The whole of it.
        draft: What is made.
    """

    def __init__(self, source: Part, draft: Draft) -> None:
        self._draft = draft
        self._keys: list[Made] = []
        self._verifiers: list[str] = []
        self._issuers: dict[str, Made] = {}
        self._tiers: dict[str, list[Part]] = {}
        self._key_place: tuple[str, str | None] | None = None
        self._groups: dict[str, list[str]] = {}
        self._holders: dict[str, set[str]] = {"key": set(), "jwt": set()}
        self._restricted = {
            name
            for plugin in source.each("plugins")
            if plugin.text("name") in RESTRICTING and plugin.flag("enabled") is not False
            for keys in (("consumer",), ("consumer", "username"), ("consumer", "id"))
            if (name := plugin.text(*keys)) is not None
        }
        loose = {kind: source.each(kind) for kind in _LISTS}
        for consumer in source.each("consumers"):
            self._consumer(consumer, loose)
        draft.pass_over(source, *(kind for kind in _LISTS if not loose[kind]))

    def take_plugin(self, plugin: Part, consumer: str) -> None:
        """Take a plugin that is for one consumer."""
        if plugin.text("name") == "rate-limiting":
            self._tiers.setdefault(consumer, []).append(plugin)
        else:
            self._draft.leave(
                plugin, "plugins are not for single callers here", "use roles, or `tiers` of a rate limit"
            )

    def protect(self, name: str, config: Part, route: Data, said: Said) -> None:
        """Put a plugin that asks who is calling into a route."""
        draft = self._draft
        if (anonymous := config.get("anonymous")) is not None:
            draft.leave(anonymous, "who is not known is refused here", "use a route without `auth`")
        draft.only(config, "run_on_preflight", (True, False), "")
        if name == "acl":
            self._roles(config, route, said)
        elif name == "key-auth":
            self._ask(route, said, {"type": "api_key"}, "key", show=config.flag("hide_credentials") is not True)
            self._place_of_keys(config, said, route)
        elif name == "jwt":
            self._tokens(config, route, said)
        else:
            draft.leave(config, CLOSING[name], OPEN_AGAIN)
            close(route, said)

    def limit(self, route: Data, said: Said) -> None:
        """Give single consumers limits of their own on a route."""
        limit = route.get("rate_limit")
        for consumer, plugins in self._tiers.items():
            for plugin in plugins:
                config = plugin.get("config")
                ours = limit if isinstance(limit, dict) else None
                # What nobody reads is listed: a number is read only where it can be carried over.
                if ours is None or config is None or ours["scope"] != "user":
                    continue
                number = config.whole(_unit(ours["window"]))
                if number is None:
                    continue
                plugin.text("name"), config.text("policy"), config.text("limit_by")
                _mark_reference(plugin)
                ours.setdefault("tiers", {})[f"user={consumer}"] = number

    def write(self) -> None:
        """Write all consumers that a route asks for into the draft."""
        draft = self._draft
        auth = draft.section("auth")
        if self._key_place is not None:
            header, query = self._key_place
            auth["api_keys"] = {"header": header, "query": query, "keys": self._keys}
        if self._issuers:
            auth["jwt"] = dict(self._issuers)
        if not auth:
            del draft.top["auth"]
            return
        # What backends are used to read.
        auth["identity_fields"] = {"user": "X-Consumer-Username", "roles": "X-Consumer-Groups"}
        draft.remark(
            "Backends get X-Consumer-Username and X-Consumer-Groups, and no X-Consumer-ID and X-Credential-Identifier."
        )

    def _consumer(self, consumer: Part, loose: dict[str, list[Part]]) -> None:
        draft = self._draft
        draft.pass_over(consumer, "id", "created_at", "updated_at", "custom_id", "type")
        consumer.texts("tags")
        name = consumer.text("username") or consumer.text("custom_id") or "consumer"
        mine = {kind: [*consumer.each(kind), *_of(loose[kind], name)] for kind in _LISTS}
        groups = [group for acl in mine["acls"] if (group := acl.text("group"))]
        self._groups[name] = groups
        for acl in mine["acls"]:
            draft.pass_over(acl, "id", "created_at", "tags")
            _mark_reference(acl)
        names = {name, *filter(None, (consumer.text("id"), consumer.text("custom_id")))}
        own = {plugin.text("name") for plugin in consumer.each("plugins") if plugin.flag("enabled") is not False}
        if own & RESTRICTING or names & self._restricted:
            for credential in (*mine["keyauth_credentials"], *mine["jwt_secrets"]):
                draft.leave(credential, "a plugin that is not carried over may keep this consumer out", "see its line")
            mine["keyauth_credentials"], mine["jwt_secrets"] = [], []
        for credential in mine["keyauth_credentials"]:
            self._key(credential, name, groups)
        for credential in mine["jwt_secrets"]:
            self._secret(credential, name)
        for plugin in consumer.each("plugins"):
            self.take_plugin(plugin, name)

    def _key(self, credential: Part, name: str, groups: list[str]) -> None:
        draft = self._draft
        draft.pass_over(credential, "id", "created_at", "tags")
        _mark_reference(credential)
        found = credential.get("key")
        if (ttl := credential.get("ttl")) is not None:
            draft.leave(ttl, "a key ends at a moment here", "write `expires`")
        if found is None:
            draft.leave(credential, "Kong makes such a key up itself", "make one with `gateway apikey`")
            return
        data: Data = {"id": draft.name(name, "keys"), **key(found, draft), "user": name}
        if groups:
            data["roles"] = groups
        self._keys.append(Made(data, credential.place))
        self._holders["key"].add(name)

    def _secret(self, credential: Part, name: str) -> None:
        draft = self._draft
        draft.pass_over(credential, "id", "created_at", "tags")
        _mark_reference(credential)
        algorithm = credential.text("algorithm") or "HS256"
        issuer = credential.text("key")
        found = credential.get("secret")
        if algorithm not in HMAC or issuer is None or found is None:
            draft.leave(
                credential, "keys of issuers are in files here, or found at `jwks_url`",
                "write the key to a file, and `auth.jwt` with `public_key_file` and `issuer`",
            )  # fmt: skip
            return
        value = secret(found, f"jwt {name}", draft)
        verifier = draft.name(name, "verifiers")
        self._issuers[verifier] = Made({"algorithms": [algorithm], "secret": value, "issuer": issuer}, credential.place)
        self._holders["jwt"].add(name)

    def _ask(self, route: Data, said: Said, way: Data, kind: str, *, show: bool) -> None:
        """Have a route ask for one more way of showing who is calling."""
        auth: Data = route.setdefault("auth", {})
        if not auth:
            auth |= way
        else:  # Kong asks for each
            first = {key: auth.pop(key) for key in ("type", "verifier") if key in auth}
            auth.setdefault("all_of", [first] if first else []).append(way)
        if show:
            auth["forward_credentials"] = True
        said.refuses_strangers = True
        if self._holders[kind] or kind == "key":
            said.claims = {"sub": "ada"}

    def _place_of_keys(self, config: Part, said: Said, route: Data) -> None:
        draft = self._draft
        names = config.texts("key_names") or ["apikey"]
        in_header = config.flag("key_in_header") is not False
        in_query = config.flag("key_in_query") is not False
        place = (names[0] if in_header else "apikey", names[0] if in_query else None)
        if not in_header:
            draft.remark("Keys are taken from a field too.")
        if self._key_place is None:
            self._key_place = place
        elif self._key_place != place:
            where = config.get("key_names") or config
            draft.leave(
                where, "keys are shown in one place for all routes", f"it is {self._key_place[0]}; tell the clients"
            )
        for part in config.each("key_names")[1:]:
            draft.leave(part, "keys are shown in one field", f"it is {names[0]}")
        draft.only(config, "key_in_body", False, "keys are not looked for in bodies")
        draft.pass_over(config, "realm")

    def _tokens(self, config: Part, route: Data, said: Said) -> None:
        draft = self._draft
        claim = config.get("key_claim_name")
        base64 = config.get("secret_is_base64")
        odd = (
            claim
            if config.text("key_claim_name") not in (None, "iss")
            else base64
            if config.flag("secret_is_base64")
            else None
        )
        if odd is not None or not self._issuers:
            why = (
                "issuers are known by `iss` here, and secrets are texts" if odd else "there is no secret of a consumer"
            )
            draft.leave(odd or config, why, OPEN_AGAIN)
            close(route, said)
            return
        self._ask(route, said, {"type": "jwt", "verifier": list(self._issuers)}, "jwt", show=True)
        said.claims = {"sub": "ada", "exp": 4102444800}
        fields = config.texts("header_names") or ["Authorization"]
        parameters = config.texts("uri_param_names") if config.get("uri_param_names") is not None else ["jwt"]
        cookies = config.texts("cookie_names")
        places = [f"header:{_title(one)}" for one in fields] + [f"query:{one}" for one in parameters]
        places += [f"cookie:{one}" for one in cookies]
        claims = config.texts("claims_to_verify")
        for made in self._issuers.values():
            made.data.setdefault("from", places)
            made.data.setdefault("required_claims", [one for one in claims if one in ("exp", "nbf")])
            if made.data["from"] != places:
                draft.leave(config, "an issuer's tokens are shown in the same places on all routes", "see `from`")
        draft.only(config, "maximum_expiration", 0, "how long a token lasts is its issuer's to say")
        draft.pass_over(config, "realm")
        draft.remark("The user of a token is its `sub`; Kong's is the consumer whose key the token names.")

    def _roles(self, config: Part, route: Data, said: Said) -> None:
        draft = self._draft
        allowed = config.texts("allow") or config.texts("whitelist")
        draft.only(config, "hide_groups_header", (True, False), "")
        for name in ("deny", "blacklist"):
            if (denied := config.get(name)) is not None and denied.data():
                draft.leave(denied, "roles are those that are let in, not those that are kept out", OPEN_AGAIN)
                close(route, said)
        ways = route.get("auth")
        if said.shut:
            return
        if not allowed:
            draft.leave(config, "it names no group that is let in", OPEN_AGAIN)
            close(route, said)
            return
        if not ways or ways.get("type") != "api_key":
            draft.leave(config, "groups of consumers are known of their keys only", OPEN_AGAIN)
            close(route, said)
            return
        ways["roles"] = allowed
        said.claims = {**(said.claims or {}), "roles": [allowed[0]]}


def _of(credentials: list[Part], name: str) -> list[Part]:
    return [one for one in credentials if name in (one.text("consumer"), one.text("consumer", "username"))]


def _mark_reference(part: Part) -> None:
    for keys in (("consumer",), ("consumer", "username"), ("consumer", "id")):
        part.text(*keys)


def _unit(window: str) -> str:
    return {"1s": "second", "1m": "minute", "1h": "hour", "1d": "day"}.get(window, "minute")


def _title(name: str) -> str:
    return name.title() if name.islower() else name
