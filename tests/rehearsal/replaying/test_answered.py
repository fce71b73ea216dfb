"""In which ways two outcomes differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.rehearsal.replaying.answered import Answered, Otherwise, compare, compare_with_log, kept
from tests.rehearsal.logs import request

BEFORE = Answered(
    200, "a", "u", "GET /1", None, (("x-user-id", "u1"),), (("cache-control", "no-store"), ("via", "1.1 g"))
)


def test_the_same_is_no_way() -> None:
    """Whatever it is."""
    assert compare(BEFORE, replace(BEFORE)) == []


@pytest.mark.parametrize(
    ("after", "ways"),
    [
        (replace(BEFORE, status=404), [Otherwise("status", "200", "404")]),
        (
            Answered(403, "a", reason="auth.forbidden"),
            [
                Otherwise("status", "200", "403 (auth.forbidden)"),
                Otherwise("upstream", "u", "none"),
            ],
        ),
        (replace(BEFORE, reason="breaker.open"), [Otherwise("reason", "none", "breaker.open")]),
        (replace(BEFORE, route="b"), [Otherwise("route", "a", "b")]),
        (replace(BEFORE, sent="GET /x/1"), [Otherwise("path", "GET /1", "GET /x/1")]),
        (replace(BEFORE, sent_fields=()), [Otherwise("sent fields", "-x-user-id", "")]),
        (
            replace(BEFORE, fields=(("cache-control", "private"), ("server", "x"), ("via", "1.1 g"))),
            [Otherwise("fields", "+server ~cache-control", "")],
        ),
        (Answered(0, "a", "u", "GET /1", None, BEFORE.sent_fields), [Otherwise("status", "200", "no answer")]),
    ],
)
def test_each_way_is_told(after: Answered, ways: list[Otherwise]) -> None:
    """Other fields of another answer are no news."""
    assert compare(BEFORE, after) == ways


def test_a_log_is_compared_by_what_it_says() -> None:
    """Status, and where it has them route and upstream."""
    after = Answered(429, "b", None, reason="rate_limit.exceeded")

    assert compare_with_log(request(status=200), after) == [Otherwise("status", "200", "429 (rate_limit.exceeded)")]
    assert compare_with_log(request(status=429, route="a", upstream="u"), after) == [
        Otherwise("route", "a", "b"),
        Otherwise("upstream", "u", "none"),
    ]


@pytest.mark.parametrize("status", [0, 499])
def test_a_client_that_had_gone_got_no_status(status: int) -> None:
    """So that there is nothing to compare with."""
    assert compare_with_log(request(status=status), BEFORE) == []


def test_what_each_exchange_has_of_its_own_is_not_compared() -> None:
    """Of credentials only whether they are there."""
    assert kept("x-request-id", "1") is None
    assert kept("authorization", "Bearer 1") == kept("authorization", "Bearer 2")
    assert kept("x-user-id", "u1") == "u1"
