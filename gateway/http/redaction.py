"""Which values of a request nobody is to read afterwards, by the names that they come under.

Asked wherever something of a request is written down: the access log and what is shipped of it, spans, failed
exchanges on the live page and in `gateway why`.

Tests: `tests/http/test_redaction.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

REDACTED: Final = "REDACTED"

# Names are compared folded: `access_token`, `accessToken`, `X-Access-Token` and `user[access_token]` are one kind.
_LOWER: Final = bytes(octet | 0x20 if 0x41 <= octet <= 0x5A else octet for octet in range(256))
_NO_PART: Final = bytes(octet for octet in range(128) if not chr(octet).isalnum())

_ENDINGS: Final = (
    b"token",
    b"secret",
    b"password",
    b"passwd",
    b"passphrase",
    b"pwd",
    b"apikey",
    b"accesskey",
    b"accesskeyid",
    b"secretkey",
    b"privatekey",
    b"signature",
    b"jwt",
    b"assertion",
    b"credential",
    b"credentials",
    b"authorization",
    b"cookie",
    b"sessionid",
    b"sessid",
)
"""A name that ends with one of these, folded, is a credential's: whoever has the value may do what its owner may."""

_WHOLE: Final = frozenset(
    {
        b"auth",
        b"authcode",
        b"code",  # RFC 6749 section 4.1.2: whoever has it first gets the tokens
        b"codeverifier",
        b"devicecode",
        b"otp",
        b"pass",
        b"samlrequest",
        b"samlresponse",
        b"session",
        b"sid",
        b"sig",
        b"usercode",
    }
)
"""The same for whole names, which are parts of harmless ones, too (`country_code`)."""

_STEMS: Final = (
    *(b"token", b"secret", b"pass", b"pwd", b"key", b"sig", b"jwt", b"assert", b"cred"),
    *(b"auth", b"cookie", b"sess", b"sid", b"code", b"otp", b"saml"),
)
"""Each of those names has one of these in it."""

# A value may be a URL with a query of its own, and is percent-encoded then, or twice.
_BORDER: Final = re.compile(rb"([?&;#]|%(?:25)*(?:3f|26|3b|23))", re.IGNORECASE)
_EQUALS: Final = re.compile(rb"=|%(?:25)*3d", re.IGNORECASE)


def names_credential(name: str) -> bool:
    """Return whether what comes under a name, of a field or of a parameter, is a credential, as far as names tell."""
    return _credential(_folded(name.encode()))


def query_redactor(names: Iterable[str], errors: str = "backslashreplace") -> Callable[[bytes], str]:
    """Make the function that turns a query, or a URL with one, into text without the values of some parameters.

    Those are the parameters of `names`, and the ones whose names say that they are credentials. A name is found in
    every spelling: in any case, with any separators, with any of its characters percent-encoded, and in a URL that is
    a value.

    Args:
        names: Of the parameters.
        errors: What becomes of octets that are no UTF-8, as `bytes.decode` has it.
    """
    # `_LOWER` changes ASCII letters only: other characters of a name match as the configuration writes them.
    more = frozenset(_folded(name.encode()) or name.encode() for name in names if name)
    # One expression: that is four times as fast here as to look for each stem by itself.
    suspicious = re.compile(b"|".join(map(re.escape, (*_STEMS, *sorted(map(_folded, more)))))).search

    def secret(written: bytes) -> bool:
        name = unquote_to_bytes(written)
        folded = _folded(name) or name
        return folded in more or _credential(folded)

    def redacted(query: bytes) -> str:
        # Most queries have none of the names, and are not taken to pieces.
        if suspicious(_folded(unquote_to_bytes(query) if b"%" in query else query)):
            query = _without_values(query, secret)
        return str(query, "utf-8", errors)

    return redacted


def _folded(name: bytes) -> bytes:
    return name.translate(_LOWER, _NO_PART)


def _credential(folded: bytes) -> bool:
    return folded in _WHOLE or folded.endswith(_ENDINGS)


def _without_values(query: bytes, secret: Callable[[bytes], bool]) -> bytes:
    """Return a query in which the values of parameters whose names are `secret` are replaced."""
    pieces = _BORDER.split(query)
    written: list[bytes] = []
    hidden = False
    for border, piece in zip((b"", *pieces[1::2]), pieces[::2], strict=True):
        # Some servers end a parameter at ";" and some do not. So a name may begin after ";", and a value is redacted up
        # to the next "&", whichever the backend is. What is encoded ends no value either.
        if hidden and border != b"&":
            continue
        equals = _equals(piece, secret) if piece else 0
        hidden = equals > 0
        written += (border, piece[:equals] + REDACTED.encode() if hidden else piece)
    return b"".join(written)


def _equals(piece: bytes, secret: Callable[[bytes], bool]) -> int:
    """Return where the value of a parameter begins, 0 where its name is not `secret`."""
    # An encoded "=" ends the name in a URL that is a value, and is a part of the name elsewhere.
    first = _EQUALS.search(piece)
    if first is None:
        return 0
    if secret(piece[: first.start()]):
        return first.end()
    plain = piece.find(b"=")
    return plain + 1 if plain > first.start() and secret(piece[:plain]) else 0
