"""Entity tags: what a client has already, compared with what it would get (RFC 9110 section 13.1.2).

Layer 1. Asked by `gateway.answering.fixed`.
"""

from __future__ import annotations

import re

_TAG = re.compile(rb'(?:W/)?("[^"\x00-\x20\x7f]*")')


def is_among(etag: bytes, field: bytes) -> bool:
    """Whether `If-None-Match` names an entity tag, by the weak comparison that the field is for.

    Args:
        etag: Of what would be sent, in its quotes, without `W/`.
        field: The value of the field, all of its lines joined.
    """
    return field.strip(b" \t") == b"*" or etag in _TAG.findall(field)
