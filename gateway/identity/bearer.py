"""The bearer token that a request shows (RFC 6750 section 2.1).

In the Authorization field only: a form field or a query parameter, which the
RFC allows too, ends up in logs and histories.
"""

from __future__ import annotations

import re

from gateway.errors import CredentialInvalid
from gateway.message import Request

FIELDS = frozenset([b"authorization"])
"""Where it is."""

_AFTER_BRACE = b"wxyz0123456789-_"
"""What may follow the `e` that `{` begins with in base64url: its last two bits, and four of the next octet."""

_bearer = re.compile(rb"bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL).fullmatch


def bearer_token(request: Request) -> bytes | None:
    """Return the token of a request, None where it shows none.

    Raises:
        CredentialInvalid: There are two Authorization fields, of which a backend could take the other; or no token.
    """
    headers = request.headers
    value = headers.index.get(b"authorization")
    if value is None:
        return None
    # Only where some field is repeated it is worth looking which one.
    if len(headers.index) != len(headers.fields) and len(headers.get_all(b"authorization")) > 1:
        raise CredentialInvalid("two Authorization fields")
    if value[:7] == b"Bearer " and value[7:8] not in b" ":  # nor at the end, which is in everything
        return value[7:]
    found = _bearer(value)
    if found is None:
        return None
    if not found[1]:
        raise CredentialInvalid("no token after Bearer")
    token: bytes = found[1]
    return token


def may_be_jwt(token: bytes) -> bool:
    """Whether a bearer token looks like a JWT: three parts, of which the first is base64url of what begins with `{`."""
    return token.count(b".") == 2 and token[:1] == b"e" and token[1:2] in _AFTER_BRACE
