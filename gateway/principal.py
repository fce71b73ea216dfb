"""Who is calling, once they have shown it.

Layer 0. Made by an authenticator, cached, and shared by every exchange that
shows the same credential: it never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeAlias

ClaimPath: TypeAlias = str | tuple[str, ...]
"""Where a claim is: its name or a dotted path into objects (`realm_access.roles`), or the names one by one."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    Attributes:
        subject: The user, in logs, limits and `X-User-ID`.
        roles: The caller's roles.
        scopes: The scopes that the credential was issued for.
        method: How the caller authenticated: `jwt`, `api_key`, `introspection`, `forward`, `mtls`, `basic`.
        claims: The claims of a token; empty for other credentials.
        key_id: Id of an API key, never the key; empty for other credentials.
        token_id: `jti` of a token, or what another credential can be revoked by; empty where there is none.
        expires: Unix seconds; infinite where the credential does not end by itself.
        fields: What the backend is told, ready for the wire: `X-User-ID`, `X-User-Roles`, `X-User-Scopes` and more.
        further: Those of `fields` that tell further claims, and never who is calling.
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
    further: tuple[tuple[bytes, bytes], ...] = ()


def find_claim(claims: Mapping[str, Any], path: ClaimPath) -> Any:
    """Return a claim by its name or by a path to it, None where there is none.

    Names may have dots in them (`https://example.com/roles`, `resource_access.api.example.com.roles`). Where a dotted
    path can be split in several ways, the longest first name that leads to a claim is taken (D-103).
    """
    if isinstance(path, str):
        if path in claims:
            return claims[path]
        return _find_dotted(claims, path.split(".")) if "." in path else None
    found: Any = claims
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _find_dotted(claims: Mapping[str, Any], names: list[str]) -> Any:
    for count in range(len(names), 0, -1):
        found = claims.get(".".join(names[:count]))
        if found is None:
            continue
        if count == len(names):
            return found
        if isinstance(found, Mapping):
            further = _find_dotted(found, names[count:])
            if further is not None:
                return further
    return None
