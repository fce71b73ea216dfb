"""Which requests go elsewhere: samples of what every route is for, tried on the routing tables of two configurations.

Nothing is sent: the tables are asked by the rules that requests meet (`gateway.serving.trial`). Of a path that is a
regular expression, some of the texts that it matches are samples (`gateway.rehearsal.planning.matching_texts`).

Tests: `tests/rehearsal/planning/test_rerouting.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from gateway.composition.snapshot import Snapshot
from gateway.config import Settings
from gateway.config.endpoint_strings import address_of
from gateway.config.patterns import PARAMETER
from gateway.config.schema.routes import Route
from gateway.headers import Headers
from gateway.message import Request
from gateway.rehearsal.planning.matching_texts import MOST, SAMPLE, matching_texts
from gateway.serving.trial import tried

_ANY_HOST: Final = "any.invalid"

_SENT_AS_IT_IS: Final = re.compile(r"/[!$&-;=@-_a-z~|{}]*")
"""A path that clients send without escapes: no space, no control character, none of `?`, `#`, `%`, `<`, `>`, `"`."""

_TRIALS: Final = 1_000_000
"""Texts times expressions that are tried, each with two methods: a second or so."""

_MANY: Final = 2000
"""Expressions up to which each has a text at least, however long that takes: four seconds. Beyond there are none."""

_IN_A_FIELD: Final = re.compile(r"[!$'-;=@-_a-z~|]*")
"""A value that stands in a field and in a query alike."""


class Sample(NamedTuple):
    """A request that a route is for.

    Attributes:
        method: Of it.
        host: Likewise.
        target: Path and query.
        headers: Fields that the route asks for.
        listener: The address of a listener where the route is.
    """

    method: str
    host: str
    target: str
    headers: tuple[tuple[str, str], ...]
    listener: str

    def __str__(self) -> str:
        host = "" if self.host == _ANY_HOST else self.host
        return f"{self.method} {host}{self.target}"


class Move(NamedTuple):
    """Requests that are taken otherwise.

    Attributes:
        sample: One of them.
        samples: How many move so.
        before: The name of the route that took it; None for none.
        after: Likewise.
        answer: The status where no route takes it any more; 0 where the gateway answers by itself, as `/health`.
    """

    sample: Sample
    samples: int
    before: str | None
    after: str | None
    answer: int


def moves(
    trees: tuple[Snapshot, Snapshot], settings: tuple[Settings, Settings], renamed: Mapping[str, str]
) -> list[Move]:
    """Return which samples of all routes are taken by another route than before, one for each pair of routes.

    Args:
        trees: Of both configurations.
        settings: Likewise.
        renamed: What routes are called now that had another name.
    """
    found: dict[tuple[str | None, str | None], Move] = {}
    known = [{address_of(one.endpoint) for one in each.listeners} for each in settings]
    # Where every route is on all listeners, one of them stands for all.
    apart = any(route.listeners is not None for each in settings for route in each.routes)
    texts = min(map(_texts, settings))
    for sample in dict.fromkeys([*_samples(settings[0], apart, texts), *_samples(settings[1], apart, texts)]):
        if any(sample.listener not in each for each in known):
            continue  # a port that opens or closes: that is told by itself
        before, _ = _taker(trees[0], sample)
        after, answer = _taker(trees[1], sample)
        if after != (renamed.get(before, before) if before is not None else None):
            one = found.setdefault((before, after), Move(sample, 0, before, after, answer))
            found[before, after] = one._replace(samples=one.samples + 1)
    return list(found.values())


def _taker(tree: Snapshot, sample: Sample) -> tuple[str | None, int]:
    """Return the name of the route that takes a request, or the status that it is refused with in its place."""
    headers = Headers([(name.encode(), value.encode()) for name, value in sample.headers])
    request = Request(sample.method.encode(), sample.target.encode(), headers, sample.host.encode())
    trial = tried(tree.at(sample.listener), request)
    if trial.route is not None:
        return trial.route.name, 0
    return None, 0 if trial.error is None else trial.error.status


def _texts(settings: Settings) -> int:
    """Return how many texts of each expression are tried: a text may be tried on every expression of both tables."""
    expressions = sum(path.startswith("~") for route in settings.routes for path in route.path)
    if not expressions:
        return MOST
    return min(MOST, max(_TRIALS // (2 * expressions * expressions), 1 if expressions <= _MANY else 0))


def _samples(settings: Settings, apart: bool, texts: int) -> Iterator[Sample]:
    for route in settings.routes:
        yield from samples(route, settings, apart, texts)


def samples(route: Route, settings: Settings, apart: bool = False, texts: int = MOST) -> Iterator[Sample]:
    """Yield requests that a route is for; none where that cannot be told.

    Args:
        route: One of the configuration's.
        settings: The configuration.
        apart: Whether there is one for each listener; else one for the first that the route is on.
        texts: How many paths there are for one that is an expression; where there is one only, with one method.
    """
    by_name = {one.name: address_of(one.endpoint) for one in settings.listeners}
    fields = [(name, _value(value)) for name, value in route.headers.items()]
    asked = [(name, _value(value)) for name, value in route.query.items()]
    if any(value is None for _, value in (*fields, *asked)):
        return
    headers = tuple((name, value) for name, value in fields if value is not None)
    query = "&".join(f"{name}={value}" for name, value in asked)
    places = [place for name, place in by_name.items() if route.is_on(name)]
    for path in route.path:
        methods = _methods(route)[: 1 if texts == 1 and path.startswith("~") else None]
        for target in islice(_targets(path), texts if path.startswith("~") else None):
            asking = f"{target}?{query}" if query else target
            for host in route.hosts:
                for method in methods:
                    for place in places if apart else places[:1]:
                        yield Sample(method, _host(host), asking, headers, place)


def _methods(route: Route) -> tuple[str, ...]:
    return ("GET",) if route.aggregate is not None else route.methods or ("GET", "POST")


def _host(host: str | None) -> str:
    return _ANY_HOST if host is None else f"{SAMPLE}{host[1:]}" if host.startswith("*.") else host


def _targets(pattern: str) -> Iterator[str]:
    """Yield paths that a pattern is for."""
    if pattern.startswith("~"):
        yield from filter(_SENT_AS_IT_IS.fullmatch, matching_texts(pattern[1:]))
        return
    yield "/".join(
        SAMPLE if one == "*" or one.startswith("{*") or PARAMETER.fullmatch(one) else one for one in pattern.split("/")
    )


def _value(condition: str) -> str | None:
    """Return a value that meets a condition; None where that cannot be told."""
    if condition.startswith("~"):
        return next(filter(_IN_A_FIELD.fullmatch, matching_texts(condition[1:])), None)
    return SAMPLE if condition == "*" else condition
