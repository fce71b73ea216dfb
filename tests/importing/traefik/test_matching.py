"""Matchers as conditions of routes."""

from __future__ import annotations

import pytest

from gateway.importing.traefik.matching import Matching, Unsayable, match
from gateway.importing.traefik.rules import alternatives


def matching(rule: str) -> Matching:
    """Return what a rule without alternatives asks for."""
    (one,) = alternatives(rule)
    return match(one)


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        ("Host(`A.example`, `b.example`)", {"hosts": ["a.example", "b.example"]}),
        ("HostRegexp(`{sub:[a-z0-9-]+}.example.com`)", {"hosts": ["*.example.com"]}),
        (r"HostRegexp(`^.+\.example\.com$`)", {"hosts": ["*.example.com"]}),
        ("Path(`/a`)", {"paths": ["/a"]}),
        ("PathPrefix(`/a/`)", {"paths": ["/a/*"]}),
        ("PathPrefix(`/`)", {"paths": ["/*"]}),
        ("Path(`/a/{id}`)", {"paths": ["/a/{id}"]}),
        ("Path(`/a/{id:[0-9]{2}}`)", {"paths": ["~/a/(?P<id>[0-9]{2})"]}),
        ("PathRegexp(`^/v[0-9]`)", {"paths": ["~/v[0-9].*"]}),
        ("Method(`get`, `POST`)", {"methods": ["GET", "POST"]}),
        ("Headers(`X-A`, `1`) && HeadersRegexp(`X-B`, `^2`)", {"headers": {"X-A": "1", "X-B": "~^2"}}),
        ("Header(`X-A`, `~1`)", {"headers": {"X-A": "~^\\~1$"}}),
        ("Query(`a=1`, `b`)", {"query": {"a": "1", "b": "*"}}),
        ("Query(`a`, `1`)", {"query": {"a": "1"}}),
        ("Query(`a`)", {"query": {"a": "*"}}),
        ("QueryRegexp(`a`, `^1`)", {"query": {"a": "~^1"}}),
    ],
)
def test_conditions(rule: str, keys: dict[str, object]) -> None:
    """Of versions 2 and 3."""
    assert matching(rule) == Matching(**{"paths": ["/*"], **keys})  # type: ignore[arg-type]  # keys of many types


@pytest.mark.parametrize(
    "rule",
    [
        "!Host(`a`)",
        "ClientIP(`10.0.0.0/8`)",
        "Host(`a`) && Host(`b`)",
        "HostRegexp(`[ab]{3}`)",
        "Path(`/a`) && PathPrefix(`/b`)",
        "Path(`a`)",
        "Method(`GET`) && Method(`POST`)",
        "Header(`X`, `1`) && Header(`X`, `2`)",
        "Query(`x`, `1`) && Query(`x`, `2`)",
        "Host(`a b`)",
    ],
)
def test_what_routes_have_no_words_for(rule: str) -> None:
    """It is said, with the matcher."""
    with pytest.raises(Unsayable):
        matching(rule)


def test_an_expression_that_is_none() -> None:
    """Go and RE2 have the same expressions: what is none there is none here."""
    with pytest.raises(ValueError, match="missing"):
        matching("HeaderRegexp(`X`, `(`)")
