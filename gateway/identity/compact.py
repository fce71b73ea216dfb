"""Parse the compact form of a signed token (RFC 7515 section 7.1); nothing in it is verified yet.

A token that two parsers could read in two ways is refused: base64url that could
be written otherwise, a member that stands there twice, a NaN. Length and depth
are checked before anything is parsed.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64
from typing import Any, Final

import orjson

MAX_HEADER: Final = 4 * 1024
"""Most octets of an encoded header; real ones have a few hundred."""
MAX_DEPTH: Final = 16
"""Most objects and lists nested in each other."""

# The alphabet of base64url in that of base64; what is in base64 alone becomes what is in neither.
_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
# By how many characters stand behind the last four: what is missing to four (one character alone holds no octet), and
# the characters whose bits beyond the last octet are zero.
_PADDING: Final = (b"", b"===", b"==", b"=")
_LAST: Final = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")

_strings: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Unreadable(ValueError):
    """It is no token in compact form; the text says why and shows no part of it."""


class Compact:
    """A token taken apart.

    Attributes:
        header: Its header, still encoded.
        signed: The octets that are signed.
        payload: The claims, still encoded.
        signature: The octets of the signature.
    """

    __slots__ = ("header", "payload", "signature", "signed")

    def __init__(self, header: bytes, signed: bytes, payload: bytes, signature: bytes) -> None:
        self.header = header
        self.signed = signed
        self.payload = payload
        self.signature = signature


def read(token: bytes, most: int) -> Compact:
    """Take a token apart.

    Args:
        token: As shown.
        most: Most octets that it may have.

    Raises:
        Unreadable: It is too long, does not have three parts, or its signature is not base64url.
    """
    if len(token) > most:
        raise Unreadable("too long")
    parts = token.split(b".")
    if len(parts) != 3:
        raise Unreadable("not of three parts")
    header, payload, signature = parts
    if len(header) > MAX_HEADER:
        raise Unreadable("header too long")
    return Compact(header, token[: len(header) + 1 + len(payload)], payload, decode(signature))


def decode(text: bytes) -> bytes:
    """Decode base64url without padding.

    Raises:
        Unreadable: It is not base64url, or not the one canonical way to write its octets.
    """
    over = len(text) % 4
    try:
        octets = a2b_base64(text.translate(_STANDARD) + _PADDING[over], strict_mode=True)
    except ValueError:
        raise Unreadable("not base64url") from None
    # Decoders ignore the bits that are left over at the end: with any value there, one token would have several forms.
    if over and text[-1] not in _LAST[over]:
        raise Unreadable("not base64url in its one form")
    return octets


def read_object(octets: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Note [Written as it would be written again]: nearly every token has its JSON as encoders write it, without spaces.
    `orjson` reads that in a tenth of the time, but takes the last of two members of one name. What it read and writes
    as the same octets had no member twice, no number that it cannot hold and nothing else that is read in two ways; all
    that differs is read by the strict parser.

    Raises:
        Unreadable: It is not one, has a member twice or a NaN or infinity, or is nested too deep.
    """
    if octets.count(b"{") + octets.count(b"[") > MAX_DEPTH:
        _check_depth(octets)
    try:
        found: Any = orjson.loads(octets)
        if isinstance(found, dict) and orjson.dumps(found) == octets:
            return found
    except (ValueError, TypeError):  # it is for the strict parser to say what is wrong
        pass
    return _read_strictly(octets)


def _read_strictly(octets: bytes) -> dict[str, Any]:
    try:
        found: Any = _parse(octets.decode("utf-8"))
        if b"\\u" in octets:
            # Refuses an escape that is half of a surrogate pair: it is no character, and UTF-8 cannot encode it.
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON" if not isinstance(error, Unreadable) else str(error)) from None
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    return found


def _check_depth(octets: bytes) -> None:
    depth = 0
    for octet in _strings.sub(b"", octets):
        if octet in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise Unreadable("too deep")
        elif octet in b"}]":
            depth -= 1


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise Unreadable("a member twice")
    return found


def _no_number(word: str) -> None:
    raise Unreadable(f"{word} for a number")


# Made once: `json.loads` would make a decoder for each object.
_parse: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number).decode
