"""The request fields that tell a backend who is calling.

Layer 2. Subject, roles and scopes come from credentials, so they may have any
character. Every octet of their UTF-8 that is not a visible ASCII character is
percent-encoded, and so are `%` and `,` (D-62). So no CR or LF can end the field,
a comma always separates two values, and decoding gives the text back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import quote

from gateway.principal import Principal

Fields = tuple[tuple[bytes, bytes], ...]

# All visible ASCII but "%" and ",".
_PLAIN = "".join(map(chr, range(0x21, 0x7F))).replace("%", "").replace(",", "")


def encode(text: str) -> bytes:
    """Encode a text for a field.

    Raises:
        UnicodeEncodeError: It has half of a surrogate pair, which is no character.
    """
    return quote(text.encode("utf-8"), safe=_PLAIN).encode("ascii")


def describer(user: str, roles: str, scopes: str) -> Callable[[Principal], Fields]:
    """Make the function from a principal to its fields.

    Args:
        user: Name of the field with the subject.
        roles: Name of the field with the roles, sorted and separated by commas.
        scopes: Name of the field with the scopes, likewise.
    """
    names = (user.encode(), roles.encode(), scopes.encode())

    def describe(principal: Principal) -> Fields:
        values = (encode(principal.subject), _list(principal.roles), _list(principal.scopes))
        # Empty fields are left out: to a backend no field means none.
        return tuple((name, value) for name, value in zip(names, values, strict=True) if value)

    return describe


def _list(names: Iterable[str]) -> bytes:
    return b",".join(encode(name) for name in sorted(names))
