from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from gateway.transport import descriptors


@pytest.fixture
def restored() -> Iterator[tuple[int, int]]:
    """The limits, put back afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_becomes_the_hard_one(restored: tuple[int, int]) -> None:
    """And is what the process may have then."""
    hard = restored[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    assert descriptors.limit() == min(512, hard)

    descriptors.raise_limit()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    assert descriptors.limit() == descriptors.limit(hard=True)


@pytest.mark.parametrize(("connections", "most"), [(10_000, 1024), (10_000, 10_000), (1_000, 1_024)])
def test_more_clients_than_descriptors_are_told(connections: int, most: int) -> None:
    """With what there is, and what to do."""
    said = descriptors.shortage(connections, most)

    assert said is not None
    assert f"limits.connections is {connections}, and this process may have {most} descriptors" in said


@pytest.mark.parametrize(("connections", "most"), [(10_000, None), (10_000, 20_000), (900, 1_024)])
def test_enough_is_nothing_to_speak_of(connections: int, most: int | None) -> None:
    """Where some are left beside the clients'."""
    assert descriptors.shortage(connections, most) is None
