from __future__ import annotations

import pytest

from gateway.config import from_mapping
from gateway.config.doubts.telemetry import levels, modules


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gateway.upstrem", ", did you mean `gateway.upstream`?"),
        ("gatway.upstream", ", did you mean `gateway.upstream`?"),
        ("gateway.nothing.like.it", ""),
    ],
)
def test_a_level_of_a_module_that_there_is_not(name: str, said: str) -> None:
    """It would silence, or show, nothing."""
    [(steps, words)] = levels(from_mapping({"log": {"levels": {name: "debug"}}}).log)

    assert (steps, words) == (("log", "levels", name), f"no module of the gateway has this name{said}")


@pytest.mark.parametrize("name", ["gateway", "gateway.upstream", "gateway.config.doubts.common", "twisted", "mine.x"])
def test_modules_and_what_is_of_others_are_not_doubted(name: str) -> None:
    """A plugin's names are its own."""
    assert list(levels(from_mapping({"log": {"levels": {name: "debug"}}}).log)) == []


def test_every_module_is_known() -> None:
    """Packages too."""
    assert {"gateway", "gateway.routing", "gateway.routing.table"} <= modules()
