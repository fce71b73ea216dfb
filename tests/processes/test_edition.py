"""A configuration arrives at a worker as the parent has read it."""

from __future__ import annotations

from pathlib import Path

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


def test_nothing_over_them_is_nothing() -> None:
    """Most have no overlay."""
    edition = Edition(of_mapping({"routes": []}), NOTHING)

    assert Edition.of(edition.body()) == edition
