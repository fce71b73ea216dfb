"""Backends are killed, stopped and broken under load, and no client notices (`make chaos` plays all rounds)."""

from __future__ import annotations

from pathlib import Path

from tests.system.chaos import play

SHORT = ["three killed (-9)", "two stopped (SIGSTOP)", "connections half open", "three reset in mid-body"]


def test_no_client_sees_an_error_while_one_backend_is_well(tmp_path: Path) -> None:
    """And every backend has its traffic again within the minute that was promised (R-CB-15)."""
    for result in play(SHORT, 1.5, tmp_path):
        assert result.requests > 500, result
        assert result.errors == [], result
        assert result.recovered < 60, result


def test_no_client_sees_an_error_with_backends_of_http2(tmp_path: Path) -> None:
    """Many requests end with each connection that is lost; what was not looked at goes again whatever its method."""
    names = [*SHORT, "three refuse every stream", "three leave (GOAWAY)"]
    for result in play(names, 1.5, tmp_path, http2=True):
        assert result.requests > 300, result
        assert result.errors == [], result
        assert result.recovered < 60, result
