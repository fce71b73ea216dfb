"""How statuses, retries and breakers may be written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings
from gateway.http.grpc import RETRIED

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]
UPSTREAM = "upstreams: [{name: a, backends: [], %s}]"
ROUTE = "upstreams: [{name: a, backends: []}]\nroutes: [{path: /, upstream: a, retry: {on: [%s]}}]"


def test_statuses_are_numbers_and_ranges(load_text: Load) -> None:
    """Both ends of a range are in it."""
    check = load_text(UPSTREAM % "health_check: {expected_status: [204, 300-399]}").upstreams[0].health_check

    assert check is not None
    assert [tuple(each) for each in check.expected_status] == [(204, 204), (300, 399)]


@pytest.mark.parametrize("status", ["399-300", "99", "200-600", "2xx", "true", "200.5"])
def test_what_is_no_status_is_told(complaints: Complaints, status: str) -> None:
    """A range that ends before it begins neither."""
    (line,) = complaints(UPSTREAM % f"health_check: {{expected_status: [{status}]}}")

    assert "expected_status[0]: expected a status such as 204 or a range such as 200-399" in line


def test_what_is_tried_again_is_a_word_or_a_status(load_text: Load) -> None:
    """Of a failed answer."""
    retry = load_text(ROUTE % "timeout, 429").routes[0].retry

    assert retry is not None
    assert retry.on == ("timeout", 429)


@pytest.mark.parametrize("on", ["200", "slow", "true"])
def test_what_is_good_is_not_tried_again(complaints: Complaints, on: str) -> None:
    """Nor what nobody knows."""
    (line,) = complaints(ROUTE % on)

    assert "retry.on[0]: expected `connect`, `refused`, `reset`, `timeout`, a status from 400 to 599" in line
    assert all(f"`{name}`" in line for name in RETRIED.values())


def test_a_script_needs_its_command(complaints: Complaints) -> None:
    """There is no default."""
    (line,) = complaints(UPSTREAM % "health_check: {type: script}")

    assert "a `command` for a check of type `script`" in line


def test_a_breaker_may_be_written_in_groups(load_text: Load) -> None:
    """`trip` holds what opens it; what stands beside it wins."""
    grouped = "circuit_breaker: {trip: {consecutive_failures: 3, error_rate: {ratio: 0.2}}}"
    breaker = load_text(UPSTREAM % grouped).upstreams[0].circuit_breaker
    both = load_text(UPSTREAM % "circuit_breaker: {failure_threshold: 9, trip: {consecutive_failures: 3}}")

    assert breaker is not None
    assert (breaker.failure_threshold, breaker.error_rate.ratio) == (3, 0.2)
    assert both.upstreams[0].circuit_breaker is not None
    assert both.upstreams[0].circuit_breaker.failure_threshold == 9


def test_a_group_with_a_key_that_nobody_knows_is_told(complaints: Complaints) -> None:
    """It is not taken apart in silence."""
    (line,) = complaints(UPSTREAM % "circuit_breaker: {trip: {failures: 3}}")

    assert "circuit_breaker.trip" in line
