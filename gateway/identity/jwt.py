"""Verify a JSON Web Token and say whose it is (RFC 7519, as RFC 8725 advises).

Layer 2: PyJWT and cryptography compute the signatures; what a token may say is
decided here and in `gateway.identity.compact`, with `now` passed in. The key
decides on the algorithm, never the token. What is cheap to look at comes
first. The words of a refusal are for the log: the client is told nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from gateway.errors import CredentialInvalid
from gateway.identity.claims import Expected, moment
from gateway.identity.compact import Compact, Unreadable, decode, read, read_object
from gateway.identity.keys import Key, KeySource
from gateway.principal import ClaimPath, Principal, find_claim

MAX_KID = 256
"""Characters of a key's name."""
MOST_KEYS = 8
"""Keys that are tried for a token that names none: each costs a signature."""

NOBODY = "signed by nobody known"

ANYBODY = Expected()
"""Of any issuer, for any audience."""

_TYPES = frozenset(["jwt", "at+jwt", "application/jwt", "application/at+jwt"])


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token must say.

    Attributes:
        algorithms: How it may be signed.
        expected: What its claims must say of whom it is for.
        leeway: Seconds that clocks may be apart.
        required: Claims that must be there.
        max_size: Octets of a token.
    """

    algorithms: frozenset[str]
    expected: Expected = ANYBODY
    leeway: float = 30.0
    required: tuple[ClaimPath, ...] = ("exp",)
    max_size: int = 16 * 1024


class TokenVerifier:
    """Verifies tokens of one issuer.

    Args:
        keys: What they are signed with.
        rules: What they must say.
    """

    __slots__ = ("_keys", "_rules")

    def __init__(self, keys: KeySource, rules: Rules) -> None:
        self._keys = keys
        self._rules = rules

    @property
    def issuer(self) -> str | None:
        """Return what `iss` must be."""
        return self._rules.expected.issuer

    def verify(self, token: bytes, now: float) -> Principal | Awaitable[Principal]:
        """Say whose token it is; an awaitable where its key has to be looked for.

        Args:
            token: As shown.
            now: Unix seconds.

        Raises:
            CredentialInvalid: It is not valid; the words are for the log.
            AuthUnavailable: Its key cannot be looked for.
        """
        try:
            parts = read(token, self._rules.max_size)
        except Unreadable as error:
            raise CredentialInvalid(str(error)) from None
        algorithm, kid = self._header(parts.header)
        search = _Search(self._keys, parts, algorithm, kid)
        if search.found():
            return self._principal(parts, now)
        more = None if search.names_its_key() else self._keys.more(algorithm, kid, search.found)
        if more is None:
            raise CredentialInvalid(NOBODY)
        return self._wait(more, search, now)

    async def _wait(self, more: Awaitable[None], search: _Search, now: float) -> Principal:
        await more
        if not search.found():
            raise CredentialInvalid(NOBODY)
        return self._principal(search.parts, now)

    def _header(self, header: Mapping[str, Any]) -> tuple[str, str | None]:
        """Judge a header. What it offers as keys (`jwk`, `jku`, `x5u`, `x5c`) is not looked at."""
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            raise CredentialInvalid("algorithm not accepted")
        if "crit" in header or "b64" in header:
            # RFC 7515 section 4.1.11: an extension that is not understood; RFC 7797 is one.
            raise CredentialInvalid("extension not understood")
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            # RFC 8725 section 3.11: an ID token, a logout token, … is not for calling with.
            raise CredentialInvalid("token of another type")
        kid = header.get("kid")
        if "kid" in header and (not isinstance(kid, str) or len(kid) > MAX_KID):
            raise CredentialInvalid("name of the key is none")
        return algorithm, kid

    def _principal(self, parts: Compact, now: float) -> Principal:
        """Judge the claims of a token whose signature is good."""
        rules = self._rules
        try:
            claims = read_object(decode(parts.payload))
        except Unreadable as error:
            raise CredentialInvalid(str(error)) from None
        expires = _check_times(claims, now, rules.leeway)
        for name in rules.required:
            if find_claim(claims, name) is None:
                raise CredentialInvalid("a required claim is missing")
        return rules.expected.principal(claims, "jwt", expires)


class _Search:
    """The search for the key that signed one token.

    Args:
        source: Where keys come from.
        parts: The token.
        algorithm: How it is signed.
        kid: The name that it gives its key.
    """

    __slots__ = ("_algorithm", "_found", "_kid", "_source", "_tried", "parts")

    def __init__(self, source: KeySource, parts: Compact, algorithm: str, kid: str | None) -> None:
        self.parts = parts
        self._source = source
        self._algorithm = algorithm
        self._kid = kid
        self._tried: list[Key] = []
        self._found = False

    def found(self) -> bool:
        """Whether one of the keys that are there now signed the token.

        Each costs a signature, and a thousand searches may end with one answer of an issuer: nothing is computed
        again for keys that were tried before.
        """
        fit = [key for key in self._source.keys(self._kid) if self._algorithm in key.algorithms][:MOST_KEYS]
        if fit != self._tried:
            self._tried = fit
            self._found = any(key.verifies(self._algorithm, self.parts.signed, self.parts.signature) for key in fit)
        return self._found

    def names_its_key(self) -> bool:
        """Whether a key that was tried has the name that the token gives.

        Then that it did not sign the token is an answer. Where the token or the keys have no name, the key may be
        another one, which has been published since.
        """
        return self._kid is not None and any(key.kid == self._kid for key in self._tried)


def unverified_issuer(token: bytes, most: int) -> str | None:
    """Return what a token says of its issuer, to choose who may verify it; nobody has vouched for it."""
    try:
        claims = read_object(decode(read(token, most).payload))
    except Unreadable:
        return None
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else None


def _check_times(claims: Mapping[str, Any], now: float, leeway: float) -> float:
    """Judge when a token is valid (RFC 7519 sections 4.1.4 to 4.1.6); returns when it ends."""
    expires = moment(claims, "exp", inf)
    if now >= expires + leeway:
        raise CredentialInvalid("expired")
    if moment(claims, "nbf", -inf) > now + leeway:
        raise CredentialInvalid("not valid yet")
    if moment(claims, "iat", -inf) > now + leeway:
        raise CredentialInvalid("issued in the future")
    return expires
