"""The bearer token that a request shows (RFC 6750 section 2.1).

Read from the Authorization field only: a form field or a query parameter, which
the RFC allows too, ends up in logs and histories. Other places are read where a
configuration names them (`gateway.identity.places`).
"""

from __future__ import annotations

import re
from typing import Final

from gateway.errors import CredentialInvalid
from gateway.message import Request

FIELDS: Final = frozenset([b"authorization"])
"""Names of the fields that carry a bearer token."""

_AFTER_BRACE: Final = b"wxyz0123456789-_"
"""Second characters of base64url text whose first octet is `{`: they hold its last two bits, and four of the next."""

_bearer: Final = re.compile(rb"bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL).fullmatch


def bearer_token(request: Request) -> bytes | None:
    """Return the token of a request, None where it shows none.

    Raises:
        CredentialInvalid: The scheme has no token behind it; or there are two Authorization fields, and a backend could
            read the one that was not verified.
    """
    headers = request.headers
    value = headers.index.get(b"authorization")
    if value is None:
        return None
    # The index has a name once: it is shorter than the list only where some field is repeated.
    if len(headers.index) != len(headers.fields) and len(headers.get_all(b"authorization")) > 1:
        raise CredentialInvalid("two Authorization fields")
    if value[:7] == b"Bearer " and value[7:8] not in b" ":  # false also where nothing follows: b"" is in b" "
        return value[7:]
    return after_scheme(value)


def after_scheme(value: bytes) -> bytes | None:
    """Return what stands after `Bearer` in the value of a field, None where it has another scheme or none.

    Raises:
        CredentialInvalid: Nothing stands there.
    """
    found = _bearer(value)
    if found is None:
        return None
    if not found[1]:
        raise CredentialInvalid("no token after Bearer")
    token: bytes = found[1]
    return token


def may_be_jwt(token: bytes) -> bool:
    """Whether a bearer token looks like a JWT: three parts, the first of which is base64url of text that begins `{`."""
    return token.count(b".") == 2 and token[:1] == b"e" and token[1:2] in _AFTER_BRACE
