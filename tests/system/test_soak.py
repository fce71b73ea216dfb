"""Twenty seconds of what `make soak` does for hours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.endurance.soak import Soak, failed, picture, tables, trends


@pytest.mark.timeout(120)
def test_traffic_faults_and_changes_at_the_same_time(tmp_path: Path) -> None:
    """All kinds of clients are served, configurations are loaded, nothing goes wrong; figures and chart are there."""
    outcome = Soak(tmp_path, 20.0, 15.0, 0.5, 1).run()

    assert failed(outcome) == 0.0, outcome.errors
    assert set(outcome.done) == {"HTTP/1.1", "HTTP/2", "WebSocket echoes", "gone away", "limited", "uploads"}
    assert min(outcome.done.values()) > 10
    assert outcome.changes >= 3
    assert len(outcome.faults) >= 4
    assert trends(outcome)["descriptors"].middle > 10
    assert len(tables(outcome, trends(outcome), "smoke")[0].rows) == 4
    assert picture(outcome).count("<polyline") == 4
