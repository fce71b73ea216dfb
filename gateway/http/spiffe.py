"""SPIFFE IDs, as the standard writes them (SPIFFE-ID, sections 2.1 to 2.4).

Layer 1. Asked by `gateway.identity.certificates` for names in certificates, and by
`gateway.config` for those of `auth.mtls.clients`.
"""

from __future__ import annotations

import re

LONGEST, LONGEST_TRUST_DOMAIN = 2048, 255
"""Octets that an ID may have at most, and its trust domain."""

_TRUST_DOMAIN = rf"spiffe://[a-z0-9._-]{{1,{LONGEST_TRUST_DOMAIN}}}"
# No escapes, no empty segment and none of dots that lead elsewhere; so no query, fragment, port or user either.
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+"
_ID = re.compile(rf"{_TRUST_DOMAIN}(?:/{_SEGMENT})*").fullmatch
_PREFIX = re.compile(rf"{_TRUST_DOMAIN}(?:/{_SEGMENT})*/[A-Za-z0-9._-]*\*").fullmatch


def claims_to_be_one(name: str) -> bool:
    """Whether a name is a SPIFFE ID or nothing: it has the scheme, in whatever case."""
    return name[:7].lower() == "spiffe:"


def is_spiffe_id(name: str) -> bool:
    """Whether a name is a SPIFFE ID."""
    return len(name) <= LONGEST and _ID(name) is not None


def is_prefix(name: str) -> bool:
    """Whether a name stands for all SPIFFE IDs of one trust domain that begin with what precedes the `*` at its end."""
    return len(name) <= LONGEST and _PREFIX(name) is not None
