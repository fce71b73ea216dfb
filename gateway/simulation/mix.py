"""What is asked, and by whom: requests with weights, and callers with addresses and names of their own.

Decides only: chance is passed in.

Tests: `tests/simulation/test_mix.py`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from itertools import accumulate
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gateway.config import Settings
from gateway.config.endpoint_strings import address_of
from gateway.config.schema.cases import CaseRequest
from gateway.rehearsal.planning.rerouting import samples

FIRST_CALLER: Final = IPv4Address("198.18.0.1")
"""RFC 2544 keeps 198.18.0.0/15 for measurements: nobody's rules are about it."""

MOST_CALLERS: Final = 100_000

_WEIGHT = re.compile(r"(\d{1,6})x\s+(.+)", re.DOTALL)


class Caller(NamedTuple):
    """Somebody who calls.

    Attributes:
        address: Where from.
        claims: Who it is, to routes that ask; None for somebody who shows nothing.
    """

    address: str
    claims: Mapping[str, Any] | None


class Call(NamedTuple):
    """One request, and who makes it.

    Attributes:
        request: Its place among the requests of a scene.
        caller: Its place among the callers there.
    """

    request: int
    caller: int


def draw(moments: Iterable[float], weights: Sequence[int], callers: int, seed: int) -> Iterator[tuple[float, Call]]:
    """Yield what is asked at each moment, and by whom.

    Args:
        moments: Seconds from the beginning.
        weights: Of each request.
        callers: How many there are; each calls as often as any other.
        seed: The same one draws the same.
    """
    chance = random.Random(f"mix {seed}")  # noqa: S311  # to be repeated
    summed, places = list(accumulate(weights)), range(len(weights))
    for at in moments:
        (request,) = chance.choices(places, cum_weights=summed)
        yield at, Call(request, chance.randrange(callers))


def made_up(number: int, claims: Mapping[str, Any]) -> list[Caller]:
    """Return callers, each with an address and a name (`caller-1`, …) of its own, where nothing else is said.

    Args:
        number: How many.
        claims: What all of them have in common.
    """
    return [Caller(str(FIRST_CALLER + place), {"sub": f"caller-{place + 1}", **claims}) for place in range(number)]


def weighted(said: str) -> tuple[str, int]:
    """Return a request as it was written, and the weight before it (`3x URL`): 1 where none is said."""
    found = _WEIGHT.fullmatch(said.strip())
    return (found[2], int(found[1])) if found else (said, 1)


def one_of_each_route(settings: Settings) -> tuple[list[tuple[CaseRequest, int]], list[str]]:
    """Return a request for each route that leads to an upstream, and the names of the routes that have none.

    What some regular expressions are for cannot be told from them.
    """
    found: list[tuple[CaseRequest, int]] = []
    without = []
    by_address = {address_of(one.endpoint): one.name for one in settings.listeners}
    for route in settings.routes:
        if route.respond is not None or route.redirect is not None:
            continue
        sample = next(samples(route, settings), None)
        if sample is None:
            without.append(route.name)
            continue
        url = f"http://{sample.host}{quote(sample.target, safe='/?&=%:@!$,;~*+()-._')}"
        request = CaseRequest(
            method=sample.method, url=url, headers=dict(sample.headers), listener=by_address[sample.listener]
        )
        found.append((request, 1))
    return found, without
