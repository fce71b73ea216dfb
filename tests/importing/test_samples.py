"""Requests that a source's patterns are for."""

from __future__ import annotations

import re

import pytest

from gateway.importing import samples


@pytest.mark.parametrize(
    "expression",
    [
        r"/v\d+/users",
        "/(a|b)/c?",
        r"/(?P<id>[^/]+)\.json",
        "^/x{2,3}y$",
        "/[A-Z][^a-z]",
        "/.*",
        "/(?:en|de)/.+",
        r"/\w+-\S",
    ],
)
def test_a_path_for_an_expression(expression: str) -> None:
    """It matches from end to end."""
    found = samples.matching(expression)

    assert found is not None
    assert re.fullmatch(expression, found)


@pytest.mark.parametrize("expression", ["/(?=a)b", r"/(.)\1x(?!y)", "/(", r"/\bfoo"])
def test_what_is_not_understood_has_no_sample(expression: str) -> None:
    """Rather than a wrong one."""
    assert samples.matching(expression) is None


def test_hosts() -> None:
    """One below a wildcard; one that nobody has for any."""
    assert [samples.host(one) for one in ("a.example", "*.b.example", None)] == [
        "a.example",
        "www.b.example",
        "gateway.example",
    ]


def test_addresses() -> None:
    """One in a network, and one in none of several."""
    assert [samples.inside(one) for one in ("10.0.0.0/8", "192.0.2.7/32")] == ["10.0.0.1", "192.0.2.7"]
    assert samples.outside(["192.0.2.0/24", "fd00::/8"]) == "198.51.100.9"
    assert samples.outside(["0.0.0.0/0"]) is None
