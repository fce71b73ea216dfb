"""For every test: unhandled errors of Deferreds fail it, and property tests replay."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from twisted.logger import capturedLogs

SYSTEM = Path(__file__).parent / "system"

# The same examples on every machine and every day: a failure is the change's.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For a hunt: HYPOTHESIS_PROFILE=explore
settings.register_profile("explore", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lives in tests/system."""
    for item in items:
        if item.path.is_relative_to(SYSTEM):
            item.add_marker("system")


def pytest_collection_finish() -> None:
    """Set aside all that the imports made: see :func:`collect`."""
    collect(0)


TESTS = itertools.count(1)
"""Counts the tests that have ended."""


def collect(number: int) -> None:
    """Collect what a test has left, and set aside what lives on: the next collection looks at the next test's own only.

    Looking at all of it each time took half the time of the whole suite. What has been set aside and is garbage since
    is looked for once in a while.
    """
    if number % 256 == 0:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_unhandled_deferred_errors() -> Iterator[None]:
    """Fail a test that dropped a failed Deferred: Twisted only logs that, when the Deferred is collected."""
    with capturedLogs() as events:
        yield
        collect(next(TESTS))
    unhandled = [
        event["log_failure"].getTraceback()
        for event in events
        if event.get("log_namespace") == "twisted.internet.defer" and "log_failure" in event
    ]
    if unhandled:
        pytest.fail("Unhandled error in Deferred:\n" + "\n".join(unhandled))
