"""Request fields in a normal form, so that those that mean the same find the same answer (RFC 9111 section 4.1).

# Note [Which codings are sent]
Answers differ by their coding, and clients spell what they accept in dozens of ways. So on a route with a cache a
backend gets `Accept-Encoding` in one spelling: with the coding that the gateway would compress by, where it compresses,
else with those of the usual codings that the client accepts. What is sent is what the answer was chosen by.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from gateway.http.encodings import LONGEST, accepted
from gateway.http.remembered import remembered

CODINGS: Final = (b"zstd", b"br", b"gzip")
"""Those that are sent on to backends."""

_LISTS: Final = frozenset([b"accept", b"accept-charset", b"accept-encoding", b"accept-language"])
_BLANKS: Final = re.compile(rb"[ \t]*([,;=])[ \t]*")
_ALL: Final = re.compile(rb";q=1(?:\.0{0,3})?(?=[,;]|\Z)")
_INNER: Final = re.compile(rb"[ \t]+")


def normal(name: bytes, value: bytes) -> bytes:
    """Return a value as it is compared: blanks where they mean nothing go, lists of `Accept` have no case.

    The order of a list stays: some servers go by it.
    """
    if name in _LISTS and b'"' not in value:
        value = _ALL.sub(b"", _BLANKS.sub(rb"\1", value.lower())).strip(b", \t")
    return _INNER.sub(b" ", value.strip(b" \t"))


def _usual(field: bytes) -> bytes | None:
    found = [name for name in CODINGS if accepted(field, (name,)) is not None]
    return b", ".join(found) or None


usual_codings: Final[Callable[[bytes], bytes | None]] = remembered(_usual, 256, LONGEST)
"""Return the usual codings that `Accept-Encoding` accepts, in one spelling; None for none of them."""
