"""What the gateway would refuse of a draft is taken out of it, and listed: a result can be used, whatever its source.

A source may hold a host, a field or a number that its own gateway takes and this one does not. Kinds look at what is
likely; this module at the rest, by having the result read as a configuration is.

Tests: `tests/importing/test_refused.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

from gateway.config import ConfigError
from gateway.config.loading import compose
from gateway.config.problems import Place, Problem
from gateway.config.sources import Source, Sources
from gateway.importing.closing import NOBODY, OPEN_AGAIN
from gateway.importing.draft import Data, Draft, Left, Made
from gateway.importing.writing import as_yaml

MOST_ROUNDS: Final = 8
"""Readings: what is taken out may be what something else refers to."""

_OBJECT: Final = re.compile(r"(routes|upstreams|tests)\[([0-9]+)\]")


def take_out(draft: Draft) -> None:
    """Take out of a draft what the gateway refuses, and list it.

    What is no route, upstream, test or way of showing who calls stays, and is listed: it is for whoever reads on.
    """
    _tell_tests_apart(draft)
    problems = _problems(draft)
    for _ in range(MOST_ROUNDS):
        if not problems or not _take_out(draft, problems):
            break
        problems = _problems(draft)
    for one in problems:
        draft.left.append(Left(Place(draft.file, 1, 1), f"{one.path} of the result", one.message, "correct it there"))


def _tell_tests_apart(draft: Draft) -> None:
    """Number the tests of one name: a configuration has each name once."""
    seen: Counter[str] = Counter()
    for made in draft.tests:
        name = made.data["name"]
        seen[name] += 1
        if seen[name] > 1:
            made.data["name"] = f"{name} ({seen[name]})"


def _problems(draft: Draft) -> list[Problem]:
    text = as_yaml(draft)
    variables = dict.fromkeys(draft.secrets, "https://set-later.example/")
    try:
        # Whether packages are there is the machine's to say where the result will run.
        compose(Sources(Path(), (Source("gateway.yaml", text),), {}), variables, supported_only=False)
    except ConfigError as error:
        return list(error.problems)
    return []


def _take_out(draft: Draft, problems: list[Problem]) -> bool:
    """Take out what problems name; returns whether anything was."""
    objects: dict[str, dict[int, Problem]] = {"tests": {}, "routes": {}, "upstreams": {}}
    others = []
    for problem in problems:
        found = _OBJECT.match(problem.path)
        if found is not None:
            objects[found[1]].setdefault(int(found[2]), problem)
        else:
            others.append(problem)
    gone = {draft.upstreams[index].data["name"] for index in objects["upstreams"]}
    lists = {"tests": draft.tests, "routes": draft.routes, "upstreams": draft.upstreams}
    lost: set[str] = set()
    for kind, found_ones in objects.items():
        for index in sorted(found_ones, reverse=True):
            made = lists[kind].pop(index)
            _list(draft, made, found_ones[index])
            if kind == "routes":
                lost.add(made.data["name"])
    for made in [one for one in draft.routes if gone & set(_leads_to(one.data))]:
        draft.routes.remove(made)
        lost.add(made.data["name"])
        draft.left.append(Left(made.place, f"route {made.data['name']}", "its upstream cannot be used", "write both"))
    _forget_tests(draft, lost)
    return any(objects.values()) or _take_out_auth(draft, others)


def _take_out_auth(draft: Draft, problems: list[Problem]) -> bool:
    """Take out what says who calls, where it is refused, and close the routes that ask; returns whether it was."""
    refused = [one for one in problems if one.path.startswith("auth.")]
    if not refused or draft.top.pop("auth", None) is None:
        return False
    for one in refused:
        where, path = Place(draft.file, 1, 1), f"{one.path} of the result"
        draft.left.append(Left(where, path, one.message, "write `auth`: the routes that ask are closed"))
    for made in draft.routes:
        if made.data.pop("auth", None) is not None:
            made.data["ip_deny"] = list(NOBODY)
            made.data.pop("ip_allow", None)
            draft.left.append(Left(made.place, f"route {made.data['name']}", "who calls cannot be asked", OPEN_AGAIN))
            _forget_tests(draft, {made.data["name"]})
    return True


def _forget_tests(draft: Draft, routes: set[str]) -> None:
    names = {test for route in routes for test in draft.tested.get(route, ())}
    draft.tests[:] = [one for one in draft.tests if one.data["name"] not in names]


def _list(draft: Draft, made: Made, problem: Problem) -> None:
    draft.left.append(Left(made.place, f"{problem.path} of the result", problem.message, "write it by hand"))


def _leads_to(route: Data) -> list[str]:
    named = route.get("upstream", [])
    shares = named if isinstance(named, list) else [named]
    names = [one["name"] if isinstance(one, dict) else one for one in shares]
    return [*names, route["mirror"]["upstream"]] if "mirror" in route else names
