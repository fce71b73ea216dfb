"""Health: liveness asks about no dependency, readiness about all of them."""

from __future__ import annotations

import json
from functools import partial

import pytest

from gateway.answering.health import PATHS, CheckResult, Health, State


def report(health: Health, path: bytes) -> tuple[int, str]:
    """Status and the word in the body."""
    status, body = health.report(path)
    return status, json.loads(body)["status"]


@pytest.fixture
def health() -> Health:
    """Running, without checks."""
    health = Health()
    health.state = State.RUNNING
    return health


def test_a_new_gateway_is_starting() -> None:
    """Alive, and neither started nor ready."""
    health = Health()

    assert report(health, b"/health/live") == (200, "ok")
    assert report(health, b"/health/startup") == (503, "starting")
    assert report(health, b"/ready") == (503, "starting")


def test_a_running_gateway_is_well_on_every_path(health: Health) -> None:
    """On all five health paths (C-13)."""
    assert {report(health, path) for path in PATHS} == {(200, "ok")}
    assert len(PATHS) == 5


def test_a_draining_gateway_is_alive_but_takes_nothing_new(health: Health) -> None:
    """Not ready, so the load balancer sends nothing more; alive, so the supervisor does not kill it."""
    health.state = State.DRAINING

    assert report(health, b"/ready") == (503, "draining")
    assert report(health, b"/health/ready") == (503, "draining")
    assert report(health, b"/health/live") == (200, "ok")
    assert report(health, b"/health/startup") == (200, "ok")
    assert report(health, b"/health") == (200, "ok")
    assert json.loads(health.report(b"/health")[1])["state"] == "draining"


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([CheckResult.OK, CheckResult.OK], (200, "ok")),
        ([CheckResult.OK, CheckResult.DEGRADED], (200, "degraded")),
        ([CheckResult.DEGRADED, CheckResult.FAILED], (503, "failed")),
        ([CheckResult.FAILED, CheckResult.OK], (503, "failed")),
    ],
)
def test_readiness_is_the_worst_of_the_checks(
    health: Health, results: list[CheckResult], expected: tuple[int, str]
) -> None:
    """A dependency that can be done without is told in the body, and the status stays 200 (C-41)."""
    checks = {f"check{number}": partial(CheckResult, result) for number, result in enumerate(results)}
    health.checks = lambda: checks

    assert report(health, b"/ready") == expected
    shown = json.loads(health.report(b"/ready")[1])["checks"]
    assert list(shown.values()) == [result.value for result in results]


@pytest.mark.parametrize("path", [b"/health", b"/health/live", b"/health/startup"])
def test_only_readiness_asks_the_checks(health: Health, path: bytes) -> None:
    """A database that is down must not get every gateway restarted."""

    def fail() -> CheckResult:
        raise AssertionError("asked")

    health.checks = lambda: {"database": fail}

    assert report(health, path) == (200, "ok")
