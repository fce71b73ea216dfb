"""Which files an endpoint string names: those of `ssl:` and `sni:`.

Asked by `gateway.composition.origin`, so that they are watched as the configuration is. Twisted's own parser of
these strings is private, and opens the files; the grammar is one line of `twisted.internet.endpoints`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PARAMETERS = {
    "ssl": (
        ("port", "privateKey", "certKey", "sslmethod", "interface", "backlog", "extraCertChain", "dhParameters"),
        ("privateKey", "certKey", "extraCertChain", "dhParameters"),
    ),
    "sni": (
        ("port", "certificates", "default", "minTLS", "clientCA", "clientAuth", "interface", "backlog"),
        ("certificates", "clientCA"),
    ),
}
"""By kind: the parameters in the order in which they may stand without a name, and those that name files."""

_PART = re.compile(r"(?:[^\\:]|\\.)*", re.DOTALL)
_NAMED = re.compile(r"((?:[^\\=]|\\.)*)=(.*)", re.DOTALL)


def files_of(description: str) -> list[str]:
    """Return the files and directories that an endpoint string names; none for other kinds of endpoint."""
    kind, *parts = _split(description)
    if kind not in _PARAMETERS:
        return []
    order, naming = _PARAMETERS[kind]
    # Twisted looks for a `server.pem` where no key is named.
    found = {"privateKey": "server.pem"} if kind == "ssl" else {}
    for name, part in zip([*order, *[""] * len(parts)], parts, strict=False):
        named = _NAMED.fullmatch(part)
        found[_plain(named[1]) if named else name] = _plain(named[2] if named else part)
    values = [found[name] for name in naming if found.get(name)]
    return [each.strip() for value in values for each in value.split(",") if each.strip()]


def renamed(description: str, name: Callable[[str], str]) -> str:
    """Return an `ssl:` endpoint string in which each file has the name that a function gives it."""
    kind, *parts = _split(description)
    order, naming = _PARAMETERS[kind]
    for at, part in enumerate(parts):
        named = _NAMED.fullmatch(part)
        key, value = (_plain(named[1]), named[2]) if named else ((*order, *[""] * len(parts))[at], part)
        if key in naming:
            parts[at] = (f"{named[1]}=" if named else "") + _quoted(name(_plain(value)))
    return ":".join([kind, *parts])


def _split(description: str) -> list[str]:
    parts, at = [], 0
    while at <= len(description):
        match = _PART.match(description, at)
        assert match is not None  # it matches nothing at all, too
        parts.append(match[0])
        at = match.end() + 1
    return parts


def _quoted(plain: str) -> str:
    return re.sub(r"([\\:=])", r"\\\1", plain)


def _plain(written: str) -> str:
    return re.sub(r"\\(.)", r"\1", written, flags=re.DOTALL)
