"""Whether a client would rather have a page than a document for programs (RFC 9110 section 12.5.1).

Layer 1. Asked by `gateway.serving.error_pages` about errors.
"""

from __future__ import annotations

import re

LONGEST = 1024
"""Octets of `Accept` that are looked at: the longest that browsers send have some two hundred."""

# One that is not closed reaches to the end: else each quote in it would be tried as the beginning of another one.
_QUOTED = re.compile(rb"\"(?:[^\"\\]|\\.?)*(?:\"|\Z)", re.DOTALL)
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE = re.compile(rb"(?:\A|,)[ \t]*(%b/%b)[ \t]*((?:;[^,]*)?)(?=,|\Z)" % (_TOKEN, _TOKEN))
_WEIGHT = re.compile(rb";[ \t]*q=([^; \t]*)")
_QVALUE = re.compile(rb"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?").fullmatch
_HTML = (b"text/html", b"text/*", b"*/*")
_PROBLEM = (b"application/problem+json", b"application/*", b"*/*")
_JSON = (b"application/json", b"application/*", b"*/*")


def prefers_html(accept: bytes | None) -> bool:
    """Whether a client wants HTML, and not rather JSON.

    It has to name `text/html` or `text/*`: `*/*` alone, or no field, is what programs send. Of two that it likes
    equally well it gets HTML.

    Args:
        accept: The field, all of its lines joined; None for none. One that is not well-formed wants nothing.
    """
    if accept is None or len(accept) > LONGEST or b"text/" not in accept.lower():
        return False
    weights = _weights(accept)
    html, named = _weight(weights, _HTML)
    # Who names neither kind of JSON takes the one as it takes the other.
    json = max(_weight(weights, _PROBLEM)[0], _weight(weights, _JSON)[0])
    return named and html > 0 and html >= json


def _weights(accept: bytes) -> dict[bytes, float]:
    """Return the weight of each media range, whatever parameters it has; of one that comes twice, the larger."""
    found: dict[bytes, float] = {}
    # What stands in quotes is the value of a parameter that nobody asks about, whatever it looks like.
    for name, parameters in _RANGE.findall(_QUOTED.sub(b"", accept.lower())):
        weight = 1.0
        said = _WEIGHT.search(parameters)
        if said is not None:
            if not _QVALUE(said[1]):
                continue
            weight = float(said[1])
        found[name] = max(weight, found.get(name, 0.0))
    return found


def _weight(weights: dict[bytes, float], ranges: tuple[bytes, ...]) -> tuple[float, bool]:
    """Return the weight that the most specific of some ranges has, and whether that is not `*/*`."""
    for name in ranges:
        if name in weights:
            return weights[name], name != b"*/*"
    return 0.0, False
