"""A whole gateway in memory; whatever a test did with it, nothing may be left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.testing import Harness


def leave(harness: Harness) -> None:
    """Let every client go, and look for what stays."""
    harness.hang_up()
    harness.advance(46)  # what is paused notices nothing, and what is being dialled is not called back
    harness.check_quiet()
    assert not harness.gateway.site.channels
    records = [record["request_id"] for record in harness.logs]
    assert len(set(records)) == len(records), "an exchange has more than one record"


@pytest.fixture
def make() -> Iterator[Callable[..., Harness]]:
    """Make a gateway that is checked when the test is over."""
    made: list[Harness] = []

    def gateway(*backends: str, **settings: Any) -> Harness:
        made.append(Harness(*backends, **settings))
        return made[-1]

    yield gateway
    for harness in made:
        leave(harness)


@pytest.fixture
def gateway(make: Callable[..., Harness]) -> Harness:
    """A gateway in front of one backend, `orders`."""
    return make("orders")
