"""The compact form of a signed token (RFC 7515 section 7.1), read without believing any of it.

What two readers could take for two things is refused: base64url that is not
the one way to write its octets, a member that is there twice, a number that
is none. Sizes and depth are looked at before anything is parsed.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

MAX_HEADER = 4 * 1024
"""Octets of an encoded header; there is next to nothing to say in one."""
MAX_DEPTH = 16
"""Of objects and lists in each other."""

_strings = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Unreadable(ValueError):
    """It is no token in compact form; the words say why and show nothing of it."""


class Compact(NamedTuple):
    """A token taken apart.

    Attributes:
        header: What its header says.
        signed: What the signature is over.
        payload: The claims, still encoded.
        signature: The octets of the signature.
    """

    header: dict[str, Any]
    signed: bytes
    payload: bytes
    signature: bytes


def read(token: bytes, most: int) -> Compact:
    """Take a token apart.

    Args:
        token: As shown.
        most: Octets that it may have.

    Raises:
        Unreadable: It is too long, not of three parts, or its header is not one object.
    """
    if len(token) > most:
        raise Unreadable("too long")
    parts = token.split(b".")
    if len(parts) != 3:
        raise Unreadable("not of three parts")
    header, payload, signature = parts
    if len(header) > MAX_HEADER:
        raise Unreadable("header too long")
    return Compact(read_object(decode(header)), token[: len(header) + 1 + len(payload)], payload, decode(signature))


def decode(text: bytes) -> bytes:
    """Return the octets behind base64url without padding.

    Raises:
        Unreadable: It is something else, or another way to write the same octets.
    """
    try:
        octets = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        raise Unreadable("not base64url") from None
    # Bits left over at the end are read by nobody: with them free, one token could be written in several ways.
    if urlsafe_b64encode(octets).rstrip(b"=") != text:
        raise Unreadable("not base64url in its one form")
    return octets


def read_object(octets: bytes) -> dict[str, Any]:
    """Return the object that JSON text stands for.

    Raises:
        Unreadable: It is something else, has a member twice or a number that is none, or goes too deep.
    """
    if octets.count(b"{") + octets.count(b"[") > MAX_DEPTH:
        _check_depth(octets)
    try:
        found = json.loads(octets.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
        if b"\\u" in octets:
            # An escape may be half of a surrogate pair, which is no character and cannot be written anywhere.
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
