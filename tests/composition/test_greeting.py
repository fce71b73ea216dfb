"""The first lines of the log."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs, formatEvent

from gateway.composition.configured import Configured
from gateway.composition.greeting import greet


@pytest.mark.parametrize(("workers", "words"), [(1, "1 worker"), (3, "3 workers")])
def test_it_says_how_many_serve_what_where(workers: int, words: str) -> None:
    """The code and the configuration first."""
    settings = Configured({"routes": []}, {}, lambda: None).settings

    with capturedLogs() as events:
        greet(settings, ["tcp 127.0.0.1:8080"], "tcp 127.0.0.1:9090", "g.yaml (watched)", "1-a", workers)

    lines = [formatEvent(event) for event in events]
    assert lines[0].endswith(words)
    assert lines[1] == "Configuration: g.yaml (watched), version 1-a"
    assert any("127.0.0.1:8080" in line for line in lines[2:])
