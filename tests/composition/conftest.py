"""The service of `tests.composition.world`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.composition.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Not started."""
    return World(tmp_path / "gateway.yaml")


@pytest.fixture
def running(world: World) -> World:
    """Started."""
    world.service.startService()
    return world
