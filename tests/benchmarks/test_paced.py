"""The scenario at a pace."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import backend
from benchmarks.h2load import run_at_pace
from benchmarks.peers import find
from benchmarks.processes import free_port
from benchmarks.scenarios.paced import PACE, AtPace, shares_of_a_core
from benchmarks.stand import Round
from benchmarks.workload import ANSWER_PATH
from benchmarks.wrk import Load


def test_the_cost_of_a_request_is_a_part_of_a_core() -> None:
    """At 5,000 requests/s 100 µs are half of it."""
    assert PACE == 5_000
    assert shares_of_a_core("paced", {"paced.a+chain.cpu": 100e-6, "paced.a+chain.rate": 5e3, "other.a.cpu": 1.0}) == [
        ["a+chain", "50%"]
    ]


def test_a_slower_load_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Its cost is that of another load."""
    load = Load(2.0, 9_000, 0, 0.0, 0.0, 0.0, 0)
    AtPace("paced", "", ANSWER_PATH).look([], {"slow": [Round(1.0, load, 0, 0)]})

    assert "slow: 4,500 requests/s, where 5,000 were wanted" in capsys.readouterr().err


@pytest.mark.skipif(None in (find("h2load"), find("nginx")), reason="needs h2load and nginx")
def test_a_backend_is_asked_at_a_pace(tmp_path: Path) -> None:
    """By HTTP/1.1, and as often as was said: not faster."""
    port = free_port()
    with backend.start(tmp_path / "backend", port, free_port()):
        load = run_at_pace(f"http://127.0.0.1:{port}{ANSWER_PATH}", 1, 5, 20, [("Accept", "*/*")])

    assert (load.requests, load.failed) == (100, 0)
    assert load.seconds > 0.9
