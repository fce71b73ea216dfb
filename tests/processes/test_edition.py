"""A configuration arrives at a worker as the parent has read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import from_mapping
from gateway.config.loading import of_mapping
from gateway.config.overlays import NOTHING, parse
from gateway.config.sources import Source, Sources
from gateway.processes.edition import Edition


def test_texts_and_overlay_arrive(tmp_path: Path) -> None:
    """Whole, with their places."""
    found = Sources(tmp_path, (Source("a.yaml", "routes: []\n"), Source("b.yaml", "# ü\n")), {"A": "1"}, True)
    overlay = parse(Source("overlay", "routes: [{name: a, path: /a, respond: {body: x}}]\n"))

    there = Edition.read(Edition(found, overlay).kept())

    assert there.found == found
    assert there.overlay.text() == overlay.text()


def test_settings_arrive_with_what_they_were_made_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of other code takes the texts alone."""
    found = of_mapping({"routes": [{"name": "a", "path": "/a", "respond": {"body": "x"}}]})
    settings = from_mapping({"routes": [{"name": "a", "path": "/a", "respond": {"body": "x"}}]})
    edition = Edition(found, NOTHING, settings)

    descriptors = [edition.kept() for _ in range(2)]
    assert Edition.read(descriptors[0]) == edition
    monkeypatch.setattr("gateway.processes.made.CODE", "another")
    assert Edition.read(descriptors[1]) == Edition(found, NOTHING)


def test_nothing_over_them_is_nothing() -> None:
    """Most have no overlay."""
    edition = Edition(of_mapping({"routes": []}), NOTHING)

    assert Edition.of(edition.body()) == edition
