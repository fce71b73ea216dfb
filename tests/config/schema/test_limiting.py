"""The ways in which a rate limit may be written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]
ROUTE = "upstreams: [{name: a, backends: []}]\nroutes: [{path: /, upstream: a, rate_limit: %s}]"


@pytest.mark.parametrize(
    ("rate", "limit", "window"),
    [("10/s", 10, 1.0), ("100/min", 100, 60.0), ("5/10s", 5, 10.0), ("1/hour", 1, 3600.0), ("7/500ms", 7, 0.5),
     ("3/day", 3, 86400.0)],
)  # fmt: skip
def test_a_rate_is_a_limit_in_a_window(load_text: Load, rate: str, limit: int, window: float) -> None:
    """In every unit."""
    (found,) = load_text(ROUTE % f"{{rate: {rate}}}").routes[0].rate_limit

    assert (found.limit, found.window) == (limit, window)


@pytest.mark.parametrize("block", ["{rate: fast}", "{rate: 10}", "{rate: 10/s, limit: 5}", "{rate: 10/fortnight}"])
def test_what_is_no_rate_is_told(complaints: Complaints, block: str) -> None:
    """Also where it says the same thing twice."""
    (line,) = complaints(ROUTE % block)

    assert "`rate` as 10/s, 100/m or 5/10s, without `limit` and `window`" in line


def test_one_limit_and_one_scope_may_stand_alone(load_text: Load) -> None:
    """They become lists of one."""
    (found,) = load_text(ROUTE % "{limit: 5, scope: user}").routes[0].rate_limit

    assert (found.scope, found.algorithm, found.window) == (("user",), "token_bucket", 60.0)


@pytest.mark.parametrize(
    ("block", "algorithm"),
    [
        ("{limit: 5}", "token_bucket"),
        ("{limit: 5, scope: ip}", "sliding_window"),
        ("{limit: 5, endpoint: /a}", "sliding_window"),
        ("{limit: 5, endpoint: /a, algorithm: token_bucket}", "token_bucket"),
    ],
)
def test_a_limit_with_an_endpoint_or_a_scope_is_a_sliding_window(load_text: Load, block: str, algorithm: str) -> None:
    """Unless it says otherwise (C-04)."""
    (found,) = load_text(f"rate_limits: [{block}]").rate_limits

    assert found.algorithm == algorithm


def test_tiers_keep_the_order_in_which_they_are_written(load_text: Load) -> None:
    """The first that is met counts (D-203); also over a file that is JSON."""
    block = '{limit: 5, tiers: {"role=z": 1, "claim.plan=pro": 0, "key=a": 9}, except: [10.0.0.0/8, "::1"]}'
    (found,) = load_text(ROUTE % block).routes[0].rate_limit

    assert list(found.tiers.items()) == [("role=z", 1), ("claim.plan=pro", 0), ("key=a", 9)]
    assert list(map(str, found.except_)) == ["10.0.0.0/8", "::1/128"]
    assert list(found.model_dump(mode="json", by_alias=True)["tiers"]) == ["role=z", "claim.plan=pro", "key=a"]


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ('{"plan=pro": 1}', "rate_limit.tiers['plan=pro']: expected `claim.NAME=VALUE`, `key=ID`"),
        ('{"claim.plan": 1}', "rate_limit.tiers['claim.plan']: expected `claim.NAME=VALUE`"),
        ('{"header.X Y=1": 1}', "rate_limit.tiers['header.X Y=1']: expected `claim.NAME=VALUE`"),
        ('{"claim.plan=pro": -1}', "rate_limit.tiers['claim.plan=pro']: expected an integer from 0"),
        ('{"claim.plan=pro": many}', "rate_limit.tiers['claim.plan=pro']: expected an integer from 0"),
        ("[pro]", "rate_limit.tiers: expected a mapping"),
    ],
)
def test_what_is_no_tier_is_told(complaints: Complaints, tiers: str, said: str) -> None:
    """With the ways there are."""
    (line,) = complaints(ROUTE % f"{{limit: 5, tiers: {tiers}}}")

    assert f"routes[0].{said}" in line


def test_who_is_excepted_is_an_address(complaints: Complaints) -> None:
    """Users and keys are tiers of 0."""
    (line,) = complaints(ROUTE % "{limit: 5, except: [alice]}")

    assert line.startswith("gateway.yaml:2:65: routes[0].rate_limit.except[0]: expected")
