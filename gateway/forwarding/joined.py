"""The head of an answer that is put together from several: what caches have to know of it.

An answer with parts is as private, and as soon stale, as the part that is most so. Where a part is missing the answer
is kept nowhere: the next one may be whole.

Tests: `tests/flow/test_aggregation.py::test_what_caches_are_told`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.headers import Headers
from gateway.http import caching

_RESTRICT: Final = (b"private", b"no-cache", b"must-revalidate")


def head(parts: Sequence[Headers], varies: bytes, whole: bool, private: bool = False) -> Headers:
    """Make the fields of an answer.

    Args:
        parts: The fields of the answers that are in it.
        varies: Names of request fields that decided what was asked for, with commas between them.
        whole: Whether no part is missing.
        private: Whether parts were asked for by what is of one caller: a part that is for all who ask for the same is
            in an answer to a URL that others ask for, too.
    """
    headers = Headers([(b"Content-Type", b"application/json")])
    said = _cache_control(parts, private) if whole else b"no-store"
    if said:
        headers.add(b"Cache-Control", said)
    if varies:
        headers.add(b"Vary", varies)
    for part in parts:
        names = part.joined(b"vary")
        if names is not None:
            caching.add_vary(headers, names)
    return headers


def _cache_control(parts: Sequence[Headers], private: bool) -> bytes:
    said = list(map(caching.directives, parts))
    if any(b"no-store" in one for one in said):
        return b"no-store"
    words = [word for word in _RESTRICT if any(word in one for one in said) or (private and word == b"private")]
    ages = [one.get(b"max-age", b"") for one in said]
    if all(age.isdigit() and len(age) <= 10 for age in ages):
        left = min(int(age) - caching.age(part) for age, part in zip(ages, parts, strict=True))
        words.append(b"max-age=%d" % max(0, left))
    return b", ".join(words)
