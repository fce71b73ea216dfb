"""Credentials for callers that are made up: issued by keys that a gateway in memory takes, beside those it has.

The chain is entered as by anybody: with a token or a key in the place where the route looks for one. So issuer,
audience, `require`, roles and scopes are asked as they are in production (D-317).

Tests: `tests/rehearsal/callers/test_credentials.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.auth import ApiKey, ApiKeys, Auth, AuthMethod, RouteAuth
from gateway.config.schema.mtls import Mtls
from gateway.config.schema.tokens import JwtVerifier
from gateway.memory.backend import Asked, ok
from gateway.principal import find_claim
from gateway.rehearsal.callers import users

if TYPE_CHECKING:
    from gateway.rehearsal.callers.certificates import ShownCertificate

Claims = Mapping[str, Any]
Field = tuple[str, str]

LIFETIME: Final = 3600
"""Seconds until a token expires whose claims do not say when."""

KEY_NAME: Final = "rehearsal"
"""`kid` of the keys that sign."""

_KEYS_AT: Final = "http://keys.invalid"


class CannotShow(Exception):
    """A made-up caller has no way to show who it is on a route; the words are for people."""


class Credentials:
    """Issues credentials to callers, and has a gateway take them.

    Args:
        settings: The configuration.
        callers: The claims of everybody who will call; API keys are known before the gateway is made.

    Attributes:
        settings: The configuration with what takes the credentials.
        servers: What answers in memory in the place of authorities, by host and port.

    Raises:
        gateway.config.ConfigError: A key of the configuration cannot be used.
    """

    def __init__(self, settings: Settings, callers: Sequence[Claims]) -> None:
        self._auth = settings.auth or Auth.unwritten()
        self._keys: dict[str, tuple[str, Any]] = {}
        self._known: dict[str, Claims] = {}
        self._calling: Claims | None = None
        self._users = {users.name_of(one) for one in callers} if self._auth.basic is not None else set()
        self.servers: dict[tuple[str, int], Callable[[Asked], bytes]] = {}
        self.settings = settings
        if settings.auth is None:
            return
        update: dict[str, Any] = {"jwt": {name: self._verifier(name, one) for name, one in self._auth.jwt.items()}}
        if self._auth.api_keys is not None:
            update["api_keys"] = _with_keys(self._auth.api_keys, callers)
        for introspection in self._auth.introspection.values():
            self.servers[_server(introspection.url)] = self._introspect
        for name in self._auth.forward:
            self.servers[_server(self._auth.forward[name].url)] = self._judge(name)
        self.settings = settings.model_copy(update={"auth": self._auth.model_copy(update=update)})

    def calls(self, claims: Claims | None) -> None:
        """Say who calls from now on, to authorities that are shown no credential; None for nobody who is known."""
        self._calling = claims

    def certificate(self, auth: RouteAuth | None, claims: Claims, now: float) -> ShownCertificate | None:
        """Return the certificate that a caller shows; None where the route needs none, or takes something else too.

        Raises:
            CannotShow: None can be made for this caller.
        """
        kinds = [] if auth is None else [way.type for way in auth.ways]
        if auth is None or "mtls" not in kinds or not (auth.all_of or set(kinds) == {"mtls"}):
            return None
        from gateway.rehearsal.callers.certificates import CannotCertify, certify  # few configurations have any

        try:
            return certify(claims, self._auth.mtls or Mtls(), now)
        except CannotCertify as error:
            raise CannotShow(str(error)) from None

    def show(
        self, auth: RouteAuth | None, claims: Claims, now: float, foundation: Foundation, certified: bool = False
    ) -> tuple[list[Field], list[Field]]:
        """Return the fields and the query parameters that a caller shows on a route.

        Args:
            auth: What the route asks.
            claims: The caller's.
            now: Unix seconds.
            foundation: Of the gateway: it has the key of its own tokens.
            certified: Whether a certificate is shown already.

        Raises:
            CannotShow: The route wants something that cannot be made up.
        """
        ways = () if auth is None else [way for way in auth.ways if not (certified and way.type == "mtls")]
        fields: list[Field] = []
        parameters: list[Field] = []
        failed: CannotShow | None = None
        for way in ways:
            try:
                place, credential = self._credential(way, claims, now, foundation)
            except CannotShow as error:
                failed = failed or error
                continue
            kind, _, name = place.partition(":")
            if kind == "header":
                fields.append((name, credential))
            elif kind == "cookie":
                fields.append(("Cookie", f"{name}={credential}"))
            elif kind == "query":
                parameters.append((name, quote(credential)))
            failed = None
            if auth is None or not auth.all_of:
                break  # one is enough
        if failed is not None:
            raise failed
        return fields, parameters

    def _credential(self, way: AuthMethod, claims: Claims, now: float, foundation: Foundation) -> tuple[str, str]:
        """Return the place and the credential of a way; no place where nothing is shown."""
        if way.type == "jwt":
            name = way.verifier[0]
            verifier = self._auth.jwt.get(name)
            if verifier is None:  # of tokens that the gateway issues itself
                from gateway.composition.builders.signing import token_issuer

                issuer = token_issuer(self._auth, foundation)
                said = _complete(claims, (issuer.issuer,) if issuer.issuer else (), (issuer.audience,), now)
                return "header:Authorization", f"Bearer {issuer.keys[0].sign(said)}"
            said = _complete(claims, way.issuer or verifier.issuer, way.audience or verifier.audience, now)
            return verifier.places[0], _as_shown(verifier.places[0], self._token(name, said))
        if way.type == "introspection":
            token = f"rehearsal-{sha256(_text(claims)).hexdigest()}"
            authority = self._auth.introspection[way.verifier[0]]
            self._known[token] = _complete(
                claims, way.issuer or authority.issuer, way.audience or authority.audience, now
            )
            return authority.places[0], _as_shown(authority.places[0], token)
        if way.type == "api_key":
            keys = self._auth.api_keys
            assert keys is not None  # the schema sees to it
            scheme = f"{keys.scheme} " if keys.scheme else ""
            return f"header:{keys.header}", scheme + _secret(claims)
        if way.type == "forward":
            return "", ""  # the authority has been told who calls
        if way.type == "basic":
            user = users.name_of(claims)
            if user is None:
                raise CannotShow("`claims` have no `sub` that can be the name of a user (`auth.basic`)")
            if user in self._users:
                return "header:Authorization", users.shown(user)
            raise CannotShow("`claims` cannot be shown where a route asks for `basic`: no user was made up before")
        raise CannotShow("`claims` cannot be shown where a route asks for `mtls`: no certificate was made up before")

    # Tokens.

    def _verifier(self, name: str, verifier: JwtVerifier) -> JwtVerifier:
        """Return a verifier that takes our tokens, and still those that the configuration itself has the keys of."""
        # Loaded with the first verifier: most have none, and `gateway test` would wait for the JWT library.
        from gateway.composition.builders.jwt import configured_keys
        from gateway.rehearsal.callers.signing import make_key, published

        if verifier.secret is not None and (hmac := [one for one in verifier.algorithms if one.startswith("HS")]):
            self._keys[name] = (hmac[0], verifier.secret.get_secret_value())
        asymmetric = [one for one in verifier.algorithms if not one.startswith("HS")]
        known = list(configured_keys(name, verifier))
        if not asymmetric:
            return verifier
        algorithm, key = make_key(asymmetric)
        self._keys.setdefault(name, (algorithm, key))
        keys = [published(algorithm, key.public_key(), KEY_NAME)]
        keys += [published(one, own.material) for own in known if (one := min(own.algorithms)) in asymmetric]
        document = json.dumps({"keys": keys}).encode()
        host = f"{len(self.servers) + 1}.{_KEYS_AT.partition('://')[2]}"
        self.servers[host, 80] = lambda asked: ok(document, (b"Content-Type", b"application/jwk-set+json"))
        return verifier.model_copy(update={"public_key_file": None, "jwks_url": f"http://{host}/", "jwks_ca": None})

    def _token(self, name: str, claims: Claims) -> str:
        from gateway.rehearsal.callers.signing import sign

        algorithm, key = self._keys[name]
        return sign(claims, key, algorithm, None if algorithm.startswith("HS") else KEY_NAME)

    # Authorities.

    def _introspect(self, asked: Asked) -> bytes:
        token = parse_qs(asked.body.decode("latin-1")).get("token", [""])[0]
        claims = self._known.get(token)
        said = {"active": False} if claims is None else {"active": True, **claims}
        return ok(json.dumps(said).encode(), (b"Content-Type", b"application/json"))

    def _judge(self, name: str) -> Callable[[Asked], bytes]:
        authority = self._auth.forward[name]

        def judge(asked: Asked) -> bytes:
            claims = self._calling
            if claims is None:
                return ok(b"", status=b"401 Unauthorized")
            fields = {authority.user_header: str(claims.get("sub", ""))}
            if roles := _words(claims, "roles"):
                fields[authority.roles_header] = ",".join(roles)
            lower = {key.lower(): str(value) for key, value in claims.items()}
            fields |= {one: lower[one.lower()] for one in authority.response_headers if one.lower() in lower}
            return ok(b"", *[(key.encode(), value.encode()) for key, value in fields.items()])

        return judge


def _complete(claims: Claims, issuers: Sequence[str], audiences: Sequence[str], now: float) -> dict[str, Any]:
    """Return claims with what the route's verifier asks for in any case, where they do not say it themselves."""
    said: dict[str, Any] = {"exp": int(now) + LIFETIME}
    if issuers:
        said["iss"] = issuers[0]
    if audiences and audiences[0]:
        said["aud"] = audiences[0]
    return said | dict(claims)


def _as_shown(place: str, token: str) -> str:
    return f"Bearer {token}" if place.lower() == "header:authorization" else token


def _with_keys(keys: ApiKeys, callers: Sequence[Claims]) -> ApiKeys:
    """Return a store in memory with a key for each caller."""
    made = {_secret(claims): claims for claims in callers}
    own = [
        ApiKey(
            id=f"{KEY_NAME}-{number}",
            hash=f"sha256:{sha256(secret.encode()).hexdigest()}",
            user=str(claims.get("sub") or KEY_NAME),
            roles=_words(claims, "roles"),
            scopes=_words(claims, "scope"),
        )
        for number, (secret, claims) in enumerate(made.items(), 1)
    ]
    return keys.model_copy(update={"store": "memory", "keys": (*keys.keys, *own)})


def _words(claims: Claims, name: str) -> tuple[str, ...]:
    """Return what a claim says that is a list, or texts with spaces between them."""
    said = find_claim(claims, name)
    return tuple(said.split()) if isinstance(said, str) else tuple(map(str, said or ()))


def _secret(claims: Claims) -> str:
    return f"rehearsal-{sha256(_text(claims)).hexdigest()}"


def _text(claims: Claims) -> bytes:
    return json.dumps(claims, sort_keys=True, default=str).encode()


def _server(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
