"""Who is calling, once they have shown it.

Layer 0. Made by an authenticator, cached, and shared by every exchange that
shows the same credential: it never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    Attributes:
        subject: The user, in logs, limits and `X-User-ID`.
        roles: What they are.
        scopes: What the credential is good for.
        method: How they showed it: `jwt`, `api_key`, `introspection`, `forward`, `mtls`.
        claims: Of a token, as it said them; empty for other credentials.
        key_id: Id of an API key, never the key; empty for other credentials.
        token_id: `jti` of a token, empty where it has none.
        expires: Unix seconds; infinite where the credential does not end by itself.
        fields: What the backend is told, ready for the wire: `X-User-ID`, `X-User-Roles`, `X-User-Scopes` and more.
    """

    subject: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    method: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    key_id: str = ""
    token_id: str = ""
    expires: float = inf
    fields: tuple[tuple[bytes, bytes], ...] = ()


def find_claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim by its name, or by a dotted path into objects (`realm_access.roles`); None without it."""
    if path in claims:  # a name may have dots in it: https://example.com/roles
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found
