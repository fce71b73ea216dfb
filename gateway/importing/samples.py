"""Requests that a source's patterns are for: a path for an expression, a host for a wildcard, an address for a network.

Used to make tests; a sample is checked against its pattern, and there is none where that fails.

Tests: `tests/importing/test_samples.py`.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Final

ANY_HOST: Final = "gateway.example"
"""Asked where a source names no host: a name of RFC 2606, which no route has."""

_CLASSES: Final = {r"\d": "1", r"\w": "a", r"\s": " ", r"\D": "a", r"\S": "a", r"\W": "-"}
_CANDIDATES: Final = "1a-Aé_z0.~"
_TOKEN: Final = re.compile(
    r"\((?:\?(?:P?<[A-Za-z_]\w*>|:|[a-z]+:)?)?|\)|\||\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}|[*+?^$.]|[^()\[\]|\\*+?^$.{}]|."
)
_QUANTIFIER: Final = re.compile(r"([*+?]|\{(\d*),?\d*\})[?+]?")


def matching(expression: str) -> str | None:
    """Return a text that a regular expression matches from end to end; None where none was found.

    Only what is common in paths is understood: literals, classes, groups, alternatives (of which the first is taken).
    """
    try:
        found, rest = _alternatives(expression)
        return found if not rest and re.fullmatch(expression, found) else None
    except (re.error, ValueError):
        return None


def host(pattern: str | None) -> str:
    """Return a host that a pattern is for: exact, `*.example.com`, or None for any."""
    if pattern is None:
        return ANY_HOST
    return f"www{pattern[1:]}" if pattern.startswith("*.") else pattern


def inside(network: str) -> str:
    """Return an address of a network."""
    found = ip_network(network)
    return str(found[1] if found.num_addresses > 2 else found[0])  # the first of a larger one is the network's own


def outside(networks: list[str]) -> str | None:
    """Return an address that is in none of the networks; None where the documentation's addresses are all in them."""
    blocks = [ip_network(one) for one in networks]
    for address in ("192.0.2.9", "198.51.100.9", "203.0.113.9"):
        one = ip_network(address)[0]
        if not any(one in block for block in blocks if block.version == one.version):
            return address
    return None


def _alternatives(rest: str) -> tuple[str, str]:
    """Read up to a bracket that closes; returns the first alternative's text, and what follows the alternatives."""
    first, rest = _sequence(rest)
    while rest.startswith("|"):
        _, rest = _sequence(rest[1:])
    return first, rest


def _sequence(rest: str) -> tuple[str, str]:
    made = ""
    while rest and rest[0] not in "|)":
        token = _TOKEN.match(rest)
        assert token is not None  # its last alternative takes anything
        word, rest = token[0], rest[token.end() :]
        if word.startswith("("):
            if word.endswith("?"):
                raise ValueError(word)  # look-ahead, and what else begins so
            part, rest = _alternatives(rest)
            if not rest.startswith(")"):
                raise ValueError(rest)
            rest = rest[1:]
        elif word in "^$":
            continue
        else:
            part = _one(word)
        if found := _QUANTIFIER.match(rest):
            rest = rest[found.end() :]
            least = 0 if found[1] in "*?" else 1 if found[1] == "+" else int(found[2] or 0)
            part *= least
        made += part
    return made, rest


def _one(word: str) -> str:
    if word in _CLASSES:
        return _CLASSES[word]
    if word.startswith("[") and len(word) > 1:
        expression = re.compile(word)
        return next(one for one in _CANDIDATES + word if expression.fullmatch(one))
    if word == ".":
        return "a"
    return word.removeprefix("\\")
