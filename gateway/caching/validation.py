"""304s both ways: what a client has already, and what a backend says of what is kept (RFC 9111 section 4.3)."""

from __future__ import annotations

import re
from typing import Final

from gateway.caching.freshness import Policy, keep
from gateway.caching.kept import Kept
from gateway.headers import Field, Headers
from gateway.http.caching import date
from gateway.http.etags import is_among

CONDITIONS: Final = frozenset([b"if-none-match", b"if-modified-since"])
"""Request fields that the gateway answers itself, and in whose place it sends its own."""

# RFC 9110 section 15.4.5, and Last-Modified: for clients without an entity tag.
_OF_304: Final = frozenset(
    [b"cache-control", b"content-location", b"date", b"etag", b"expires", b"last-modified", b"vary"]
)
# RFC 9111 section 3.2: what describes the content that is kept stays as it is.
_STAYS: Final = frozenset([b"content-encoding", b"content-length", b"content-range", b"content-type"])

_TAG: Final = re.compile(rb'(?:W/)?("[^"\x00-\x20\x7f]*")').fullmatch


def conditions_for(kept: Kept) -> list[Field]:
    """Return the fields by which a backend is asked whether an answer is still good."""
    fields: list[Field] = []
    if kept.etag is not None:
        fields.append((b"if-none-match", b"If-None-Match", kept.etag))
    if kept.modified is not None:
        fields.append((b"if-modified-since", b"If-Modified-Since", kept.modified))
    return fields


def client_has(headers: Headers, kept: Kept) -> bool:
    """Whether a client has an answer already, by its `If-None-Match`, else its `If-Modified-Since` (section 4.3.2)."""
    return client_has_by(headers, kept.status, kept.etag, kept.modified)


def client_has_by(headers: Headers, status: int, etag: bytes | None, modified: bytes | None) -> bool:
    """Whether a client has an answer of this status and with these validators already."""
    if status != 200:
        return False
    listed = headers.joined(b"if-none-match")
    if listed is not None:
        return has(listed, etag)
    return not_since(headers.index.get(b"if-modified-since"), modified)


def has(listed: bytes, etag: bytes | None) -> bool:
    """Whether `If-None-Match` names an entity tag, by weak comparison (RFC 9110 section 13.1.2)."""
    if etag is None:
        return listed.strip(b" \t") == b"*"
    found = _TAG(etag)
    return found is not None and is_among(found[1], listed)


def not_since(since: bytes | None, modified: bytes | None) -> bool:
    """Whether what was modified then was not modified since (RFC 9110 section 13.1.3)."""
    if since is None or modified is None:
        return False
    if since == modified:
        return True
    then, last = date(since), date(modified)
    return then is not None and last is not None and last <= then


def fields_of_304(headers: Headers) -> Headers:
    """Return those fields of an answer that a 304 in its place has."""
    return Headers.of([field for field in headers.fields if field[0] in _OF_304])


def is_about(headers: Headers, kept: Kept) -> bool:
    """Whether a 304 is about an answer: a validator that it names is that of the answer (section 4.3.4)."""
    etag, modified = headers.index.get(b"etag"), headers.index.get(b"last-modified")
    if etag is not None and (kept.etag is not None or not etag.startswith(b"W/")):
        return kept.etag is not None and etag.removeprefix(b"W/") == kept.etag.removeprefix(b"W/")
    return modified is None or modified == kept.modified


def made_fresh(
    kept: Kept, headers: Headers, policy: Policy, identified: bool, asked: float, now: float
) -> tuple[Headers, Kept | None]:
    """Return what an answer is after a 304: its fields, and how it is kept on; None where it no longer is.

    Args:
        kept: The answer.
        headers: Of the 304.
        policy: Of the route.
        identified: The request showed who is calling.
        asked: Unix seconds when it was sent.
        now: Unix seconds.
    """
    index = headers.index
    # A 304 without a Date is of now, and not of when the answer was made first.
    merged = Headers.of(
        [field for field in kept.block.fields if (field[0] not in index and field[0] != b"date") or field[0] in _STAYS]
        + [field for field in headers.fields if field[0] not in _STAYS]
    )
    again = keep(kept.status, merged, policy, identified, asked, now, kept.stamp)
    if again is not None:
        again.body = kept.body
        if policy.tags not in index:
            again.tags = kept.tags
    return merged, again
