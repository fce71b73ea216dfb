"""Security schemes and requirements of a description as `auth`.

A description says how callers show who they are, and not by which keys that is known: those are variables, or have to
be added. An operation whose scheme has no counterpart is closed (Note [Closed rather than open] in
`gateway.importing.closing`).

Tests: `tests/importing/openapi/test_security.py`.
"""

from __future__ import annotations

from typing import Final

from gateway.importing.cases import Said
from gateway.importing.closing import OPEN_AGAIN, close
from gateway.importing.draft import Data, Draft, Made
from gateway.importing.parts import Part

DISCOVERY: Final = "/.well-known/openid-configuration"
KEY_SET: Final = "the URL where keys are published that sign tokens of the scheme"
KEYS: Final = "API keys are not in a description: add them at `auth.api_keys.keys` (`gateway apikey` makes them)."


class Security:
    """The schemes of a description, and what operations ask of them.

    Args:
        source: The whole description.
        draft: What is made.
    """

    def __init__(self, source: Part, draft: Draft) -> None:
        self._draft = draft
        self._schemes = dict(source.entries("components", "securitySchemes"))
        self._everywhere = source.get("security")
        self._ways: dict[str, Data | None] = {}

    def list_unused(self) -> None:
        """List the schemes that no operation asks for."""
        for name, part in self._schemes.items():
            if name not in self._ways:
                self._draft.leave(part, "no operation asks for it")

    def protect(self, operation: Part, route: Data, said: Said) -> None:
        """Have a route ask for what its operation says."""
        draft = self._draft
        where = operation.get("security") or self._everywhere
        if where is None:
            return
        if not where.is_list or any(not one.is_mapping or not _are_lists(one) for one in where.each()):
            # Tools disagree on what such a file asks: some let everybody in.
            draft.leave(where, "expected a list of schemes with lists of scopes", OPEN_AGAIN)
            close(route, said)
            return
        alternatives = [dict(one.entries()) for one in where.each()]
        if not alternatives:
            return
        if any(not one for one in alternatives):
            draft.leave(where, "who shows nothing is let in too: nobody is asked", "use `auth` on a route of its own")
            return
        for each in alternatives:
            for name, part in each.items():
                if name not in self._schemes:
                    draft.leave(part, f"there is no scheme {name}", OPEN_AGAIN)
        scopes = [list(dict.fromkeys(scope for part in one.values() for scope in part.texts())) for one in alternatives]
        ways = [[self._way(name) for name in one] for one in alternatives]
        known = [one for one in ways if all(way is not None for way in one)]
        if len(known) != len(ways) or (len(ways) > 1 and any(len(one) > 1 for one in ways)):
            if len(known) == len(ways):
                draft.leave(where, "ways that are enough are single here", OPEN_AGAIN)
            close(route, said)
            return
        flat = [way for one in ways for way in one if way is not None]
        auth: Data = dict(flat[0]) if len(flat) == 1 else {"any_of" if len(ways) > 1 else "all_of": flat}
        wanted = list(dict.fromkeys(scope for one in scopes for scope in one))
        if wanted:
            auth["scopes"] = wanted
            if any(one != scopes[0] for one in scopes):
                draft.leave(where, "the ways ask for other scopes each", "all of them are asked of each")
        auth["forward_credentials"] = True  # the backend has asked until now, and may go on
        route["auth"] = auth
        said.refuses_strangers = True
        said.claims = {"sub": "ada"} | ({"scope": " ".join(wanted)} if wanted else {})
        said.lacking = {"sub": "ada"} if wanted else None

    def _way(self, name: str) -> Data | None:
        """Return the way that a scheme is here, which is made where it is not there; None where it is none."""
        if name not in self._ways:
            scheme = self._schemes.get(name)
            self._ways[name] = None if scheme is None else self._made(name, scheme)
        return self._ways[name]

    def _made(self, name: str, scheme: Part) -> Data | None:
        draft = self._draft
        draft.pass_over(scheme, "description", "bearerFormat")
        kind = scheme.text("type")
        if kind == "http" and (scheme.text("scheme") or "").lower() == "bearer":
            return self._verifier(name, scheme, None)
        if kind == "oauth2":
            draft.pass_over(scheme, "flows", "oauth2MetadataUrl")
            return self._verifier(name, scheme, None)
        if kind == "openIdConnect":
            return self._verifier(name, scheme, scheme.text("openIdConnectUrl"))
        if kind == "apiKey":
            return self._keys(scheme)
        why = {
            "http": "users are in a file, with hashes of their passwords: `auth.basic`",
            "mutualTLS": "client certificates need a listener with TLS, and `auth.mtls`",
        }.get(kind or "", "the gateway has no such scheme")
        draft.leave(scheme, why, OPEN_AGAIN)
        return None

    def _verifier(self, name: str, scheme: Part, discovery: str | None) -> Data:
        draft = self._draft
        verifier: Data = {"algorithms": ["RS256"]}
        if discovery is not None and discovery.endswith(DISCOVERY):
            verifier["issuer"] = discovery.removesuffix(DISCOVERY)
        else:
            verifier["jwks_url"] = draft.secret(f"{name} jwks url", scheme.place, KEY_SET)
        called = draft.name(name, "verifiers")
        draft.section("auth", "jwt")[called] = Made(verifier, scheme.place)
        return {"type": "jwt", "verifier": called}

    def _keys(self, scheme: Part) -> Data | None:
        draft = self._draft
        place, shown = scheme.text("in"), scheme.text("name")
        if place not in ("header", "query") or shown is None:
            draft.leave(scheme, "keys are shown in a field or a parameter", OPEN_AGAIN)
            return None
        wanted = {"header": shown, "query": None} if place == "header" else {"query": shown}
        made = draft.section("auth").get("api_keys")
        if made is None:
            draft.remark(KEYS)
            made = draft.section("auth")["api_keys"] = Made({**wanted, "keys": []}, scheme.place)
        elif not wanted.items() <= made.data.items():
            draft.leave(scheme, "keys are shown in one place for all routes", OPEN_AGAIN)
            return None
        return {"type": "api_key"}


def _are_lists(alternative: Part) -> bool:
    """Whether each scheme of a requirement has a list of scopes, or nothing where one is meant."""
    return all(part.is_list or part.data() is None for _, part in alternative.entries())
