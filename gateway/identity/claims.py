"""Check a token's claims, and make a principal of them (RFC 7519 section 4, RFC 7662 section 2.2).

Layer 2. Claims that a signature proves (`gateway.identity.jwt`) and those that
an authority answers with (`gateway.authorities.introspection`) are read alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from gateway.errors import CredentialInvalid
from gateway.identity.fields import Fields
from gateway.principal import ClaimPath, Principal, find_claim


@dataclass(frozen=True, slots=True)
class Expected:
    """What claims must say, and in which claims the user, roles and scopes are.

    Attributes:
        issuers: `iss` must be one of these; empty for any.
        audience: `aud` must have one of these; empty for any.
        values: Claims, or paths to them, each with the values of which it must have one.
        user: The claim with the user, or a path to it.
        roles: The claim with the roles.
        scopes: The claim with the scopes.
        told: Makes fields for the backend of further claims; None for none.
    """

    issuers: frozenset[str] = frozenset()
    audience: frozenset[str] = frozenset()
    values: tuple[tuple[ClaimPath, frozenset[str | bool]], ...] = ()
    user: ClaimPath = "sub"
    roles: ClaimPath = "roles"
    scopes: ClaimPath = "scope"
    told: Callable[[Mapping[str, Any]], Fields] | None = None

    def principal(self, claims: Mapping[str, Any], method: str, expires: float) -> Principal:
        """Return the principal that the claims are of; its subject may be empty.

        Roles, scopes and a `jti` of a kind that cannot be read are taken for none: only a route that asks for a role or
        a scope refuses such a token.

        Args:
            claims: Claims that were verified.
            method: How the caller authenticated.
            expires: Unix seconds.

        Raises:
            CredentialInvalid: They are for another issuer or audience, a claim has none of the values that it must
                have or does not fit into its field, or the user is neither a text nor a number.
        """
        if self.issuers and not self._is_of_them(claims.get("iss")):
            raise CredentialInvalid("other issuer")
        if self.audience and self.audience.isdisjoint(_audience(claims.get("aud"))):
            raise CredentialInvalid("other audience")
        for name, values in self.values:
            if values.isdisjoint(_scalars(find_claim(claims, name))):
                raise CredentialInvalid("a claim has none of the values that it must have")
        told = () if self.told is None else self.told(claims)
        return Principal(
            subject=word(find_claim(claims, self.user)),
            roles=_texts(find_claim(claims, self.roles)),
            scopes=_texts(find_claim(claims, self.scopes)),
            method=method,
            claims=claims,
            token_id=str(token_id) if isinstance(token_id := claims.get("jti"), str | int) else "",
            expires=expires,
            fields=told,
            further=told,
        )

    def _is_of_them(self, issuer: Any) -> bool:
        return isinstance(issuer, str) and issuer in self.issuers


def moment(claims: Mapping[str, Any], name: str, absent: float) -> float:
    """Return a claim that is a time, in Unix seconds; `absent` where it is not there.

    Raises:
        CredentialInvalid: It is not a time.
    """
    if name not in claims:
        return absent
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CredentialInvalid(f"{name} is not a time")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = inf
    if not isfinite(seconds):
        raise CredentialInvalid(f"{name} is not a time")
    return seconds


def word(value: Any) -> str:
    """Return a claim that is a text or a number as a text, empty for None.

    Raises:
        CredentialInvalid: It is neither.
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise CredentialInvalid("a claim is not a text")
    return str(value)


def _audience(value: Any) -> frozenset[str]:
    """Return the audiences of claims; a text is one audience, whatever spaces it has.

    Raises:
        CredentialInvalid: It is neither a text nor a list of texts.
    """
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset([value])
    if isinstance(value, list):
        texts = [one for one in value if isinstance(one, str)]
        if len(texts) == len(value):
            return frozenset(texts)
    raise CredentialInvalid("the audience is not a list of texts")


def _scalars(value: Any) -> frozenset[str | bool]:
    """Return the values of a claim that `require` compares: the members of a list, integers as texts.

    `True` is no text: a claim that must be `true` is not one that says "true".
    """
    found = value if isinstance(value, list) else [value]
    return frozenset(
        [
            str(one) if isinstance(one, int) and not isinstance(one, bool) else one
            for one in found
            if isinstance(one, str | int)
        ]
    )


def _texts(value: Any) -> frozenset[str]:
    """Return the words of a text, the texts of a list, or the keys of an object (Zitadel's roles); else nothing."""
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list | dict):
        return frozenset([one for one in value if isinstance(one, str) and one])
    return frozenset()
