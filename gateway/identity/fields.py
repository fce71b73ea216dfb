"""The request fields that tell a backend who is calling.

Layer 2. Subject, roles, scopes and other claims come from credentials, so they may have any
character. Every octet of their UTF-8 that is not a visible ASCII character is
percent-encoded, and so are `%` and `,` (D-62). So no CR or LF can end the field,
a comma always separates two values, and decoding gives the text back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from gateway.errors import CredentialInvalid
from gateway.principal import ClaimPath, Principal, find_claim

Fields = tuple[tuple[bytes, bytes], ...]

LONGEST_CLAIM: Final = 4096
"""Most octets of a field with a claim. Servers commonly take 8 KiB for all fields of a request, and less for one."""

# All visible ASCII but "%" and ",".
_PLAIN: Final = "".join(map(chr, range(0x21, 0x7F))).replace("%", "").replace(",", "")
_plain: Final = re.compile(r"[!-$&-+\--~]*").fullmatch


def encode(text: str) -> bytes:
    """Encode a text for a field.

    Raises:
        UnicodeEncodeError: It has half of a surrogate pair, which is no character.
    """
    if _plain(text):
        return text.encode("ascii")
    return quote(text.encode("utf-8"), safe=_PLAIN).encode("ascii")


def describer(user: str, roles: str, scopes: str) -> Callable[[Principal], Fields]:
    """Make the function from a principal to its fields.

    Args:
        user: Name of the field with the subject.
        roles: Name of the field with the roles, sorted and separated by commas.
        scopes: Name of the field with the scopes, likewise.
    """
    user_name, roles_name, scopes_name = user.encode(), roles.encode(), scopes.encode()

    def describe(principal: Principal) -> Fields:
        # Empty fields are left out: to a backend no field means none.
        found: list[tuple[bytes, bytes]] = []
        if principal.subject:
            found.append((user_name, encode(principal.subject)))
        if principal.roles and (told := _list(principal.roles)):
            found.append((roles_name, told))
        if principal.scopes and (told := _list(principal.scopes)):
            found.append((scopes_name, told))
        return tuple(found)

    return describe


def _list(names: frozenset[str]) -> bytes:
    if len(names) == 1:
        (only,) = names
        return encode(only)
    return b",".join([encode(name) for name in sorted(names)])


def claims_describer(headers: Mapping[str, ClaimPath]) -> Callable[[Mapping[str, Any]], Fields]:
    """Make the function from claims to the fields that the backend gets of them.

    It raises `CredentialInvalid` for a claim that does not fit into a field: to leave the field out, or to cut the
    claim off, would tell the backend something else than the token says.

    Args:
        headers: Names of the fields, each with the claim that it has.
    """
    named = [(name.encode(), claim) for name, claim in headers.items()]

    def describe(claims: Mapping[str, Any]) -> Fields:
        found = [(name, _claim(find_claim(claims, claim))) for name, claim in named]
        # Empty fields are left out here too: to a backend no field means no such claim.
        return tuple(field for field in found if field[1])

    return describe


def _claim(value: Any) -> bytes:
    """Encode a claim: a list of plain values by its items, objects and lists of other values as JSON."""
    plain = isinstance(value, list) and all(isinstance(item, str | int | float) for item in value)
    try:
        encoded = b",".join(filter(None, map(_one, value))) if plain else _one(value)
    except ValueError:  # UnicodeEncodeError is one, too
        raise CredentialInvalid("a claim for a field has half of a character, or a number without an end") from None
    if len(encoded) > LONGEST_CLAIM:
        raise CredentialInvalid("a claim is longer than a field may be")
    return encoded


def _one(value: Any) -> bytes:
    if value is None:
        return b""
    if isinstance(value, str):
        return encode(value)
    return encode(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
