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
