"""The first line of a request, read as strictly as RFC 9112 section 3 writes it.

llhttp is more generous than we are: several blanks between the parts, RTSP in
place of HTTP; and behind a line without a version it waits for fields. Asked by
`gateway.http1.request_heads` for lines that are not of the plainest kind.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.errors import MalformedRequest, MethodUnknown, VersionUnsupported
from gateway.http.methods import FORWARDED

plain_line = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) (/[!-\"$-~]*) HTTP/1\.1\r\n").match
"""Match the request line of nearly all requests; a line that matches needs no further check."""

_TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

# Method, target and version are checked elsewhere, since each has an error of its own.
_STRICT: Final = re.compile(rb"[^\x00-\x20\x7f]+ [^\x00-\x20\x7f]+ HTTP/[0-9]\.[0-9]\r\n")

_ASKED_FOR: Final = re.compile(
    rb"[!-~]+ (?:[hH][tT][tT][pP][sS]?://[!-.0->@-~]+)?(/[!-~]*) HTTP/[0-9]\.[0-9]\r?\n"
).match

# One class and one loop: where two could take the same blanks, a line of them would be tried in every division.
_ACCEPT: Final = re.compile(rb"\n[aA][cC][cC][eE][pP][tT]:([\t -~]*)\r?(?=\n)")


def line_is_complete(head: bytes) -> bool:
    """Whether the first line of a head is all there, and as it should be.

    Args:
        head: As much of it as has been read, without the empty lines in front.

    Raises:
        MalformedRequest: The line is complete, and wrong.
    """
    end = head.find(b"\n") + 1
    if not end:
        return False
    if _STRICT.fullmatch(head, 0, end) is None:
        raise MalformedRequest("The request line is not method, target and HTTP version with one blank between them.")
    return True


def check_version(version: bytes) -> None:
    """Refuse every version of HTTP but 1.1 and 1.0.

    Raises:
        MalformedRequest: HTTP/0.9, which has no head.
        VersionUnsupported: Another version.
    """
    if version == b"1.1" or version == b"1.0":
        return
    if version == b"0.9":
        raise MalformedRequest("HTTP/0.9 is not spoken here.")
    raise VersionUnsupported("Only HTTP/1.1 and HTTP/1.0 are spoken here.")


def check_method(method: bytes) -> None:
    """Refuse a method that is not forwarded (`gateway.http.methods`).

    Raises:
        MethodUnknown: The method is not forwarded.
    """
    if method not in FORWARDED:
        raise MethodUnknown(f"{method.decode()} is not served here.")


def names_unknown_method(data: bytes) -> bool:
    """Whether a head that llhttp does not take begins with a request line whose method is not forwarded."""
    method, space, rest = data[:256].partition(b" ")
    if not space or not method or method in FORWARDED:
        return False
    return _TOKEN.issuperset(method) and rest[:1] in (b"/", b"h", b"*")


def asked_for(head: bytes) -> bytes:
    """Return the target of a head that is refused, in origin form: limits and the log go by it. Empty for none.

    Args:
        head: As much as was read, without the empty lines in front.
    """
    found = _ASKED_FOR(head)
    return b"" if found is None else found[1]


def accepted(head: bytes) -> bytes:
    """Return what a head that is refused says in `Accept`, as far as its lines are complete: how to tell its client.

    Args:
        head: As for `asked_for`.
    """
    return b", ".join([value.strip(b" \t") for value in _ACCEPT.findall(head)])
