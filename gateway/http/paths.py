"""One normal form for request paths, so that two spellings of a path meet the same route.

Layer 1, asked by `gateway.listening` for each request and by `gateway.routing`
for each pattern. The normal form is for matching only: what goes to a backend
is the path as the client wrote it. A path that a backend could resolve to
another place than we do is therefore not repaired but refused.
"""

from __future__ import annotations

import re

from gateway.errors import MalformedRequest

# RFC 3986 section 3.3, without "%": what stands in a segment as itself.
_PCHAR = rb"A-Za-z0-9\-._~!$&'()*+,;=:@"

# Nothing to decode, merge or resolve. The look-ahead finds "." and ".." (";" ends a segment's name for servlet
# containers). Linear without possessive loops, since no segment holds a slash; and a possessive loop around another
# takes "/a/.." for normal on Python 3.11.2, which is Debian 12's. 0.22 us for a path of three segments.
_IS_NORMAL = re.compile(rb"(?:(?:/(?!\.\.?(?:[/;]|\Z))[%b]+)+/?|/)\Z" % _PCHAR).match

# Control characters, blanks, "\", "#" and "?" as such; escapes that are cut off; control characters escaped.
_REFUSED = re.compile(rb"[\x00-\x20\x7f\\#?]|%(?![0-9A-Fa-f]{2})|%[01][0-9A-Fa-f]|%7[Ff]").search

_RESPELLED = re.compile(rb"%%[0-9A-Fa-f]{2}|[^%b/%%]" % _PCHAR)
_UNRESERVED = re.compile(rb"[A-Za-z0-9\-._~]").fullmatch

# A "." or ".." that appears once "%2F" and "%5C" are read as slashes and ";parameters" are dropped.
_HIDDEN_DOTS = re.compile(rb"(?:\A|%2F|%5C)\.\.?(?:;|%3B|%2F|%5C|\Z)").search

# A segment that is exactly one segment, and not an empty one, for every reader.
_SOLID = re.compile(rb"(?!;|%3B)(?!.*(?:%2F|%5C)).+").fullmatch


def normal_form(path: bytes) -> bytes:
    """Return the form of a path that routes are matched against.

    Escapes of unreserved characters are decoded, other escapes get upper-case
    digits, characters that should have been escaped are, dot segments are
    removed (RFC 3986 sections 6.2.2 and 5.2.4) and doubled slashes merged. An
    escaped slash stays an escape: it does not end a segment. A path that is
    normal already is returned itself.

    Args:
        path: What precedes the `?` of a request target in origin form.

    Raises:
        MalformedRequest: The path breaks RFC 3986, or backends may disagree about where it leads.
    """
    if _IS_NORMAL(path):
        return path
    if not path.startswith(b"/"):
        raise MalformedRequest("the path does not begin with a slash")
    if _REFUSED(path):
        raise MalformedRequest("the path holds a character or an escape that is not allowed")
    return _resolve(_RESPELLED.sub(_respell, path).split(b"/")[1:])


def _respell(found: re.Match[bytes]) -> bytes:
    text = found[0]
    if len(text) == 1:
        return b"%%%02X" % text[0]
    octet = bytes((int(text[1:], 16),))
    return octet if _UNRESERVED(octet) else text.upper()


def _resolve(segments: list[bytes]) -> bytes:
    """Remove dot segments, then empty ones, provided that every reader would come to the same path.

    Backends differ in whether they merge slashes first, decode `%2F` and
    `%5C` first, or drop `;parameters` first. They agree as long as no dots are
    hidden by that, and each `..` removes a segment that is one for all of them.
    """
    kept: list[bytes] = []
    for segment in segments:
        if segment == b"..":
            if not kept:
                raise MalformedRequest("the path leads above the root")
            if not _SOLID(kept.pop()):
                raise MalformedRequest("the path can be read in two ways")
        elif segment != b".":
            if _HIDDEN_DOTS(segment):
                raise MalformedRequest("the path can be read in two ways")
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")  # RFC 3986 section 5.2.4: "/a/." and "/a/b/.." name the directory, "/a/"
    return b"/" + b"/".join([segment for segment in kept[:-1] if segment] + kept[-1:])
