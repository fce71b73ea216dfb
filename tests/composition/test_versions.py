"""The configurations that were put into force."""

from __future__ import annotations

import pytest

from gateway.composition.versions import KEPT, UnknownVersion, Versions
from gateway.config import from_mapping
from gateway.config.differences import Difference

SETTINGS = from_mapping({})
CHANGES = (Difference("strict", "", "changed"),)


def test_the_first_is_that_of_the_start() -> None:
    """Its name is a text."""
    (first,) = Versions(SETTINGS, 5.0, "start").newest_first()

    assert (first.name, first.at, first.who, first.changes) == ("1-start", 5.0, "start", ())
    assert first.settings is SETTINGS


def test_each_has_a_name_of_its_own() -> None:
    """It can be asked for by that, and by nothing else."""
    versions = Versions(SETTINGS, 5.0, "start")
    second = versions.add(SETTINGS, 6.0, "SIGHUP", CHANGES)

    assert (second.name, second.who, second.changes) == ("2-start", "SIGHUP", CHANGES)
    assert versions.current is second
    with pytest.raises(UnknownVersion):
        versions.named("2")
    assert versions.named("2-start") is second
    assert [version.name for version in versions.newest_first()] == ["2-start", "1-start"]


def test_the_oldest_are_forgotten() -> None:
    """Names are not used again."""
    versions = Versions(SETTINGS, 0.0, "start")
    for _ in range(KEPT):
        versions.add(SETTINGS, 1.0, "watch", ())

    assert len(versions.newest_first()) == KEPT
    assert versions.named("2-start").who == "watch"
    with pytest.raises(UnknownVersion, match="'1-start'"):
        versions.named("1-start")
