"""Verify a JSON Web Token and return its principal (RFC 7519, as RFC 8725 advises).

Layer 2: PyJWT and cryptography compute the signatures; this module and
`gateway.identity.compact` decide what a token may say (D-59), with `now` passed in. The
key decides on the algorithm, never the token. Cheap checks come first. The text
of a refusal is for the log: the client does not get it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from gateway.errors import CredentialInvalid
from gateway.identity.claims import Expected, moment
from gateway.identity.compact import Compact, Unreadable, decode, read, read_object
from gateway.identity.keys import Key, KeySource
from gateway.principal import ClaimPath, Principal, find_claim

MAX_KID: Final = 256
"""Most characters of a key's name (`kid`)."""
MOST_KEYS: Final = 8
"""Most keys that are tried for one token: with each a signature is computed."""

MOST_HEADERS: Final = 64
"""Most headers that a verifier knows; then it forgets them."""

NOBODY: Final = "signed by nobody known"

ANYBODY: Final = Expected()
"""Accepts tokens of any issuer, for any audience."""

_TYPES: Final = frozenset(["jwt", "at+jwt", "application/jwt", "application/at+jwt"])


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token must say.

    Attributes:
        algorithms: Algorithms that it may be signed with.
        expected: The issuer and audience that it must have, and where its claims are.
        leeway: Seconds by which clocks may differ.
        required: Claims that must be there.
        max_size: Most octets of a token.
    """

    algorithms: frozenset[str]
    expected: Expected = ANYBODY
    leeway: float = 30.0
    required: tuple[ClaimPath, ...] = ("exp",)
    max_size: int = 16 * 1024


class TokenVerifier:
    """Verifies tokens that one set of keys signs.

    Args:
        keys: Keys that tokens are signed with.
        rules: What tokens must say.
    """

    __slots__ = ("_headers", "_keys", "_rules")

    def __init__(self, keys: KeySource, rules: Rules) -> None:
        self._keys = keys
        self._rules = rules
        # What headers say, by their encoded octets: of tokens that were signed by one of the keys, so that nobody else
        # can fill it. An issuer's tokens have all the same header, or one for each of its keys.
        self._headers: dict[bytes, tuple[str, str | None]] = {}

    @property
    def issuers(self) -> frozenset[str]:
        """What `iss` must be, one of these; empty for any."""
        return self._rules.expected.issuers

    def verify(self, token: bytes, now: float) -> Principal | Awaitable[Principal]:
        """Return the principal of a token; an awaitable where the issuer has to be asked for its key.

        Args:
            token: As shown.
            now: Unix seconds.

        Raises:
            CredentialInvalid: The token is not valid; the text is for the log.
            AuthUnavailable: The issuer cannot be asked.
        """
        try:
            parts = read(token, self._rules.max_size)
            known = self._headers.get(parts.header)
            algorithm, kid = known or self._header(read_object(decode(parts.header)))
        except Unreadable as error:
            raise CredentialInvalid(str(error)) from None
        search = _Search(self._keys, parts, algorithm, kid)
        if search.found():
            if known is None:
                if len(self._headers) >= MOST_HEADERS:
                    self._headers.clear()
                self._headers[parts.header] = (algorithm, kid)
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
        """Check a header and return its algorithm and key name; keys that it offers (`jwk`, `jku`, …) are ignored."""
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            raise CredentialInvalid("algorithm not accepted")
        if "crit" in header or "b64" in header:
            # RFC 7515 section 4.1.11: a token with a critical extension that we do not implement (RFC 7797) is refused.
            raise CredentialInvalid("extension not understood")
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            # RFC 8725 section 3.11: an ID token, a logout token, … must not be taken for an access token.
            raise CredentialInvalid("token of another type")
        kid = header.get("kid")
        if "kid" in header and (not isinstance(kid, str) or len(kid) > MAX_KID):
            raise CredentialInvalid("name of the key is none")
        return algorithm, kid

    def _principal(self, parts: Compact, now: float) -> Principal:
        """Check the claims of a token whose signature is good, and make its principal."""
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
        source: The keys.
        parts: The token.
        algorithm: The algorithm that it is signed with.
        kid: The key's name in the token; None without one.
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
        """Whether one of the keys that the source has now signed the token.

        A thousand searches may wait for one answer of an issuer, and each key costs the computing of a signature: so
        the result is kept as long as the keys stay the same.
        """
        fit = [key for key in self._source.keys(self._kid) if self._algorithm in key.algorithms][:MOST_KEYS]
        if fit != self._tried:
            self._tried = fit
            self._found = False
            for key in fit:
                if key.verifies(self._algorithm, self.parts.signed, self.parts.signature):
                    self._found = True
                    break
        return self._found

    def names_its_key(self) -> bool:
        """Whether a key that was tried has the name that the token gives.

        Then the token is refused for good if that key did not sign it. Where the token or the keys have no name, it may
        be signed by another key, which was published in the meantime.
        """
        return self._kid is not None and any(key.kid == self._kid for key in self._tried)


def unverified_issuer(token: bytes, most: int) -> str | None:
    """Return the `iss` of a token that is not verified, to choose its verifier."""
    try:
        claims = read_object(decode(read(token, most).payload))
    except Unreadable:
        return None
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else None


def _check_times(claims: Mapping[str, Any], now: float, leeway: float) -> float:
    """Check that a token is valid now (RFC 7519 sections 4.1.4 to 4.1.6); return when it expires."""
    expires = moment(claims, "exp", inf)
    if now >= expires + leeway:
        raise CredentialInvalid("expired")
    if moment(claims, "nbf", -inf) > now + leeway:
        raise CredentialInvalid("not valid yet")
    if moment(claims, "iat", -inf) > now + leeway:
        raise CredentialInvalid("issued in the future")
    return expires
