"""Settings of `auth.jwt` into what verifies tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from hyperlink import URL
from twisted.logger import Logger

from gateway.authorities.jwks import JwksKeys, Times
from gateway.authorities.publisher import MOST, Publisher
from gateway.composition.builders.claims import expected
from gateway.composition.builders.content_files import read_content
from gateway.composition.builders.signing import own_verifiers, warn_of_short_secret
from gateway.composition.builders.token_places import shown
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.problems import below, unusable
from gateway.config.schema.auth import AuthMethod
from gateway.config.schema.tokens import JwtVerifier
from gateway.config.schema.upstreams import BackendTLS
from gateway.dialling.fetching import Fetcher
from gateway.dialling.tls import client_tls_options, files_digest
from gateway.identity.bearer import may_be_jwt
from gateway.identity.jwt import Rules, TokenVerifier
from gateway.identity.keys import FixedKeys, JoinedKeys, Key, KeySource, KeyUnusable, from_pem, from_secret
from gateway.middleware.jwt import JwtAuthenticator, SharingJwtAuthenticator
from gateway.middleware.placed import PlacedJwtAuthenticator
from gateway.telemetry.exposition import Sample

_log = Logger()

_FOR_WHOM = frozenset(["appid", "azp", "cid", "client_id"])
"""Claims beside `aud` that name the application which a token is for."""

_Keys = list[tuple[frozenset[str] | None, KeySource]]
"""Sets of keys, each with the issuers whose tokens it signs; None for all of the verifier's."""


class Tokens:
    """Makes the authenticators of one configuration's routes that take tokens.

    Args:
        settings: The configuration.
        foundation: What it is built on.
    """

    def __init__(self, settings: Settings, foundation: Foundation) -> None:
        self._verifiers = {} if settings.auth is None else dict(settings.auth.jwt)
        self._foundation = foundation
        self._wall_clock = foundation.wall_clock
        self._published: dict[str, JwksKeys] = {}
        # Verifiers that no route uses are built too: a mistake in them shows when they are written.
        self._keys = {name: self._sources(name, verifier) for name, verifier in self._verifiers.items()}
        if settings.auth is not None:
            for name, (verifier, keys) in own_verifiers(settings.auth, foundation).items():
                self._verifiers[name], self._keys[name] = verifier, [(None, keys)]
        foundation.carried.then(partial(_measure, foundation, tuple(self._published.values())))

    def authenticator(self, way: AuthMethod) -> JwtAuthenticator:
        """Make the authenticator of a way."""
        return self._make(way, JwtAuthenticator, None)

    def sharing_authenticator(self, way: AuthMethod) -> JwtAuthenticator:
        """Make the one that leaves tokens of other kinds to the ways after it."""
        return self._make(way, SharingJwtAuthenticator, may_be_jwt)

    def when_changed(self, forget: Callable[[], object]) -> None:
        """Have something forgotten whenever published keys come or go."""
        for keys in self._published.values():
            self._foundation.carried.then(partial(setattr, keys, "changed", forget))

    def _make(
        self, way: AuthMethod, plain: type[JwtAuthenticator], may_be: Callable[[bytes], bool] | None
    ) -> JwtAuthenticator:
        verifiers = self._verifiers_of(way)
        settings = [self._verifiers[name] for name in way.verifier]
        max_size = max(one.max_token_size for one in settings)
        if all(one.in_authorization_only for one in settings):
            return plain([one for each in verifiers for one in each], self._wall_clock, max_size)
        looked_for, takers = shown(settings, may_be)
        at = [[one for number in numbers for one in verifiers[number]] for numbers in takers]
        return PlacedJwtAuthenticator(looked_for, at, self._wall_clock, max_size)

    def _verifiers_of(self, way: AuthMethod) -> list[list[TokenVerifier]]:
        """Make what verifies tokens, for each verifier that a way names."""
        used = [(name, self._verifiers[name]) for name in way.verifier]
        rules = [_rules(verifier, way) for _, verifier in used]
        for name, said in zip(way.verifier, [one.expected for one in rules], strict=True):
            # Some issuers name in another claim whom a token is for.
            audience = said.audience or _FOR_WHOM.intersection(name for name, _ in said.values)
            unchecked = [word for word, value in (("issuer", said.issuers), ("audience", audience)) if not value]
            if unchecked:
                # Whoever else the issuer of the keys gives tokens to could call with them (RFC 8725 section 3.9).
                _log.warn(
                    "Verifier {name}: tokens are taken whatever their {words}", name=name, words=" and ".join(unchecked)
                )
        return [
            [
                TokenVerifier(keys, narrowed)
                for signs_for, keys in self._keys[name]
                if (narrowed := _narrowed(said, signs_for)) is not None
            ]
            for name, said in zip(way.verifier, rules, strict=True)
        ]

    def _sources(self, name: str, verifier: JwtVerifier) -> _Keys:
        keys = list(configured_keys(name, verifier))
        if verifier.public_key_file or all(algorithm.startswith("HS") for algorithm in verifier.algorithms):
            return [(None, FixedKeys(keys))]
        if verifier.jwks_url is not None or len(verifier.issuer) == 1:
            return [(None, self._source(name, verifier, next(iter(verifier.issuer), None), keys))]
        # Each issuer publishes its own keys: those of one must not sign for another.
        return [
            (frozenset([issuer]), self._source(f"{name}:{issuer}", verifier, issuer, keys))
            for issuer in dict.fromkeys(verifier.issuer)
        ]

    def _source(self, label: str, verifier: JwtVerifier, issuer: str | None, keys: list[Key]) -> KeySource:
        # The file's content is part of the identity, so that a reload notices a renewed file.
        with below(f"auth.jwt.{label.partition(':')[0]}.jwks_"):
            digest = files_digest(BackendTLS(ca=verifier.jwks_ca)) if verifier.jwks_ca else b""
        published = self._published[label] = self._foundation.carried.get(
            ("jwks", label, issuer, *_asked(verifier), digest),
            partial(_published, label, verifier, issuer, self._foundation),
        )
        return JoinedKeys(FixedKeys(keys), published) if keys else published


def configured_keys(name: str, verifier: JwtVerifier) -> Iterator[Key]:
    """Make the keys that the configuration itself has.

    Raises:
        ConfigError: One cannot be used.
    """
    before, key = "", f"auth.jwt.{name}"
    try:
        if verifier.secret is not None and any(algorithm.startswith("HS") for algorithm in verifier.algorithms):
            key = f"auth.jwt.{name}.secret"
            secret = verifier.secret.get_secret_value()
            yield from_secret(secret, verifier.algorithms)
            warn_of_short_secret(key, secret, verifier.algorithms)
        if verifier.public_key_file is not None:
            before, key = f"{verifier.public_key_file}: ", f"auth.jwt.{name}.public_key_file"
            yield from_pem(read_content(verifier.public_key_file, key), verifier.algorithms)
    except KeyUnusable as error:
        raise unusable(key, before + str(error)) from None


def _asked(verifier: JwtVerifier) -> tuple[object, ...]:
    """Return what decides where keys are fetched and which are taken: the identity of what fetches them."""
    times = (verifier.jwks_timeout, verifier.jwks_refresh, verifier.jwks_cooldown)
    return (verifier.jwks_url, verifier.jwks_ca, verifier.algorithms, *times)


def _published(label: str, verifier: JwtVerifier, issuer: str | None, foundation: Foundation) -> JwksKeys:
    """Make what fetches the keys of a verifier, or of one issuer of several."""

    def fetcher(url: str) -> Fetcher:
        server = URL.from_text(url)
        trusts = BackendTLS(ca=verifier.jwks_ca) if server.scheme == "https" else None
        tls = None if trusts is None else client_tls_options(server.host.lower(), trusts)
        return Fetcher(foundation.reactor, foundation.dialer, tls, verifier.jwks_timeout, MOST)

    count = foundation.metrics.counter("gateway_jwks_fetches_total").add
    return JwksKeys(
        label,
        Publisher(fetcher, verifier.jwks_url, issuer),
        frozenset(verifier.algorithms),
        Times(verifier.jwks_refresh, verifier.jwks_cooldown),
        foundation.reactor,
        foundation.random,
        partial(count, label),
    )


def _measure(foundation: Foundation, published: tuple[JwksKeys, ...]) -> None:
    """Have the keys that are in force counted."""

    def counts() -> Iterator[Sample]:
        return (((keys.label,), len(keys)) for keys in published)

    foundation.metrics.gauge("gateway_jwks_keys", counts)
    foundation.metrics.gauge("gateway_jwks_age_seconds", lambda: (((keys.label,), keys.age) for keys in published))


def _narrowed(rules: Rules, signs_for: frozenset[str] | None) -> Rules | None:
    """Return rules for the tokens that some keys may sign, None where the rules take no token of theirs."""
    if signs_for is None:
        return rules
    both = rules.expected.issuers & signs_for
    return replace(rules, expected=replace(rules.expected, issuers=both)) if both else None


def _rules(verifier: JwtVerifier, way: AuthMethod) -> Rules:
    """Make the rules of a verifier, with what a route says in its place."""
    return Rules(
        algorithms=frozenset(verifier.algorithms),
        expected=expected(way, verifier),
        leeway=verifier.leeway,
        required=verifier.required_claims,
        max_size=verifier.max_token_size,
    )
