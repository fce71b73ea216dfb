"""A list of routes of which the first that fits counts, as routes of ours, of which the most specific counts.

Used by the kinds whose sources ask routes in an order (Traefik's priorities, the routes of an Envoy's virtual host).
Where our order would choose otherwise, the route that goes first in the source gets the path, or the host, of the one
that would go before it here: of two routes with the same host and path the first in the file counts. The same is done
for a route of certain methods, since here the method makes no route give way.

Tests: `tests/importing/test_order.py`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.routing.expression import Expression, read_path
from gateway.routing.overlap import Overlap, overlap
from gateway.routing.pattern import Pattern

_LITERAL: Final = re.compile(r"~((?:[/A-Za-z0-9_%,;=@-]|\\[.\-_/+~])*)(?![?*{])")


class Candidate(NamedTuple):
    """One host with one path, and how many conditions a request must meet beside.

    Attributes:
        host: As a route has it; None for any.
        path: As a route has it: a pattern, or `~` and an expression.
        conditions: Number of `headers` and `query`.
        methods: Whether it is for some methods only.
    """

    host: str | None
    path: str
    conditions: int = 0
    methods: bool = False

    @property
    def takes_all_it_fits(self) -> bool:
        """Whether nothing but host and path counts."""
        return not self.conditions and not self.methods


@dataclass
class Settled:
    """What has to be so that ours choose as the source does.

    Attributes:
        paths: The path of each candidate, some of them as expressions.
        copies: Hosts and paths that a candidate needs beside its own.
        dead: Those that no request reaches, each with the one before it that takes all.
        otherwise: Pairs of which here the second goes first, and nothing can be done about it.
    """

    paths: list[str]
    copies: dict[int, list[tuple[str | None, str]]] = field(default_factory=lambda: defaultdict(list))
    dead: dict[int, int] = field(default_factory=dict)
    otherwise: list[tuple[int, int]] = field(default_factory=list)


def settle(candidates: Sequence[Candidate]) -> Settled:
    """Say what candidates need, in the order in which the source asks them."""
    found = Settled(_behind_expressions(candidates))
    places = [
        _Place(index, one.host, path) for index, (one, path) in enumerate(zip(candidates, found.paths, strict=True))
    ]
    found.dead = _dead(candidates, places)
    places = [one for one in places if one.number not in found.dead]
    while True:
        # A place that one has been given may be more specific than those of others: they are looked at anew.
        given = dict.fromkeys(_given(candidates, places, found))
        index, known = _Index(places), set(places)
        added = [one for one in given if one not in known and not _is_taken(one, index, candidates)]
        if not added:
            break
        places = sorted([*places, *added], key=lambda one: one.number)
    for one in places:
        own = one == (one.number, candidates[one.number].host, found.paths[one.number])
        if not own:
            found.copies[one.number].append((one.host, one.path))
    return found


class _Place(NamedTuple):
    """A host and a path of a candidate: its own, or those that it was given."""

    number: int
    host: str | None
    path: str


def _is_taken(place: _Place, index: _Index, candidates: Sequence[Candidate]) -> bool:
    """Whether another candidate, which the source asks before, takes all requests there."""
    return any(
        first.number < place.number and candidates[first.number].takes_all_it_fits and _covers(first.path, place.path)
        for first in index.broader(place)
    )


def _dead(candidates: Sequence[Candidate], places: Sequence[_Place]) -> dict[int, int]:
    """Return the candidates all whose requests another one takes before, each with that one."""
    found: dict[int, int] = {}
    index = _Index(places)
    for later in places:
        for first in index.broader(later):
            takes_all = candidates[first.number].takes_all_it_fits and _covers(first.path, later.path)
            if first.number < later.number and takes_all and first.number not in found:
                found[later.number] = first.number
                break
    return found


def _given(candidates: Sequence[Candidate], places: Sequence[_Place], found: Settled) -> Iterator[_Place]:
    """Yield further places for candidates, where one that comes first in the source would lose requests to another."""
    index = _Index(places)
    for later in places:
        for first in index.broader(later):
            before = first.number < later.number
            covers = _covers(first.path, later.path)
            if first.number == later.number or (before and covers and candidates[first.number].takes_all_it_fits):
                continue
            if before or candidates[later.number].methods:
                yield from _meeting(first, later, candidates, found, covers=covers)


def _meeting(
    first: _Place, later: _Place, candidates: Sequence[Candidate], found: Settled, *, covers: bool
) -> Iterator[_Place]:
    """Yield the place where two candidates meet: of one host and path there, the first in the file counts."""
    one, other = candidates[later.number], candidates[first.number]
    pair = (min(first.number, later.number), max(first.number, later.number))
    before = first.number < later.number
    if later.path.startswith("~") or first.path.startswith("~"):
        # Expressions of one host stand in the order of the file, and patterns go before them.
        path = first.path
        early, late = (first, later) if before else (later, first)
        if candidates[early.number].methods:
            if not early.path.startswith("~") and _covers(candidates[late.number].path, early.path):
                yield _Place(late.number, later.host, early.path)
            elif pair not in found.otherwise:
                found.otherwise.append(pair)
    else:
        path = later.path if covers else first.path
        if before and covers and one.conditions > other.conditions and pair not in found.otherwise:
            found.otherwise.append(pair)
    yield _Place(first.number, later.host, path)
    if path != later.path and not path.startswith("~") and (other.methods or not before):
        yield _Place(later.number, later.host, path)


def _behind_expressions(candidates: Sequence[Candidate]) -> list[str]:
    """Return paths, those as expressions from which an expression before them may take paths."""
    found: list[str] = []
    expressions: list[tuple[str | None, str]] = []
    for one in candidates:
        path, above = one.path, set(_hosts_above(one.host))
        start = _beginning(path)
        behind = any(
            host in above  # a more specific host goes first anyway
            and (start.startswith(begins) or begins.startswith(start))
            for host, begins in expressions
        )
        if behind and not path.startswith("~"):
            path = as_expression(path)
        if path.startswith("~"):
            expressions.append((one.host, start))
        found.append(path)
    return found


def as_expression(pattern: str) -> str:
    """Return the expression that matches what a pattern without parameters matches."""
    written = re.sub(r"([.\\+?()\[\]{}^$|])", r"\\\1", pattern.removesuffix("/*"))
    if not pattern.endswith("/*"):
        return f"~{written}"
    return f"~{written}(?:/.*)?" if written else "~/.*"


def _beginning(path: str) -> str:
    """Return what every path begins with that a path of a route matches."""
    if not path.startswith("~"):
        return path.removesuffix("/*")
    match = _LITERAL.match(path)
    return match[1].replace("\\", "") if match and "|" not in path else ""


class _Index:
    """Finds who may go before whom: by host, and by the beginning of paths."""

    def __init__(self, places: Sequence[_Place]) -> None:
        self._starts: dict[tuple[str | None, str], list[_Place]] = defaultdict(list)
        self._of_host: dict[str | None, list[_Place]] = defaultdict(list)
        self._expressions = {one.host for one in places if one.path.startswith("~")}
        for one in places:
            self._of_host[one.host].append(one)
            if not one.path.startswith("~"):
                self._starts[one.host, one.path.removesuffix("/*")].append(one)

    def broader(self, one: _Place) -> Iterator[_Place]:
        """Yield places that a more specific host or path would go before, though they may come first."""
        for host in _hosts_above(one.host):
            if one.path.startswith("~") or host in self._expressions or (host != one.host and one.path.endswith("/*")):
                yield from (other for other in self._of_host.get(host, ()) if _may_meet(other.path, one.path))
                continue
            start = one.path.removesuffix("/*")
            while True:
                yield from (other for other in self._starts.get((host, start), ()) if _covers(other.path, one.path))
                if not start:
                    break
                start = start.rpartition("/")[0]


def _may_meet(path: str, other: str) -> bool:
    """Whether there may be a path that both match."""
    mine, theirs = _beginning(path), _beginning(other)
    if path.startswith("~") or other.startswith("~"):
        return mine.startswith(theirs) or theirs.startswith(mine)
    return _covers(path, other) or _covers(other, path)


def _hosts_above(host: str | None) -> Iterator[str | None]:
    """Yield a host, the names with `*.` that it is below, and None for any."""
    if host is not None:
        yield host
        labels = host.removeprefix("*.").split(".")
        for number in range(1, len(labels)):
            yield f"*.{'.'.join(labels[number:])}"
    yield None


def _covers(path: str, other: str) -> bool:
    """Whether one path of a route matches all that another matches."""
    mine, theirs = read_path(path), read_path(other)
    if isinstance(mine, Expression):
        return path == other
    assert isinstance(mine, Pattern)
    return overlap(mine, theirs) is Overlap.ALL
