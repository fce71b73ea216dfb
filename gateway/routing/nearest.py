"""Which route comes nearest to a request that none takes: for people who look for the slip in a path or a host.

Layer 2, asked by `gateway.serving.explaining`, at most a few times a second. What a client sends costs no more than
`MOST` short comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from itertools import islice
from typing import NamedTuple

from gateway.routing.expression import MARK
from gateway.routing.rule import RouteRule

MOST = 500
"""Rules that are looked at, the first ones of the configuration."""

LONGEST = 100
"""Characters of a path, pattern or host that are compared."""

_ALIKE = 0.6
"""How much two segments must have in common for one to be a slip of the other."""


class _Candidate(NamedTuple):
    rule: RouteRule
    segments: list[str]


class Nearest:
    """Finds the rule that a request was probably meant for.

    Args:
        rules: In the order of the configuration; read when the first request asks.
    """

    def __init__(self, rules: Iterable[RouteRule]) -> None:
        self._rules = rules
        self._candidates: list[_Candidate] | None = None
        self._hosts: set[str | None] = set()

    def has_host(self, host: bytes) -> bool:
        """Whether there is a route for a host, without its port and in lower case, whatever the path."""
        name = host.decode("latin-1")
        self._read()
        return any(_is_for(pattern, name) for pattern in self._hosts)

    def find(self, host: bytes, path: bytes) -> RouteRule | None:
        """Return the nearest rule, None where none is near.

        Args:
            host: Without its port, in lower case.
            path: In normal form.
        """
        name, segments = host.decode("latin-1")[:LONGEST], _split(path.decode("latin-1"))
        best, found = 0.0, None
        for candidate in self._read():
            likeness = _likeness(candidate.segments, segments)
            if likeness >= 1.0 and candidate.rule.host is not None:
                # The path fits, so the host is the slip: whose is nearest?
                likeness += SequenceMatcher(None, candidate.rule.host[:LONGEST], name).quick_ratio()
            if likeness > best:
                best, found = likeness, candidate.rule
        return found

    def _read(self) -> list[_Candidate]:
        if self._candidates is None:
            rules = list(islice(self._rules, MOST))
            self._hosts = {rule.host for rule in rules}
            self._candidates = [_Candidate(rule, _split(rule.path)) for rule in rules if not rule.path.startswith(MARK)]
        return self._candidates


def _is_for(pattern: str | None, host: str) -> bool:
    if pattern is None or pattern == host:
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:])


def _likeness(pattern: list[str], path: list[str]) -> float:
    """Say how near a path comes to a pattern: 1 where it fits, 0 where they have nothing in common."""
    shared = 0.0
    for index, wanted in enumerate(pattern):
        if wanted == "*" or wanted.startswith("{*"):
            # A pattern for everything is near to nothing in particular.
            return 1.0 if index and shared == index else shared / (index + 1)
        if index == len(path):
            break
        if wanted == path[index] or (path[index] and wanted.startswith((":", "{"))):
            shared += 1.0
        elif get_close_matches(path[index], [wanted], 1, _ALIKE):
            shared += 0.5
        else:
            break
    return shared / max(len(pattern), len(path))


def _split(path: str) -> list[str]:
    return path[1 : LONGEST + 1].split("/")
