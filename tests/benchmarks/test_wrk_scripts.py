"""What the scripts make wrk send, seen by a server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import wrk
from tests.benchmarks.origin import Origin, origin

FIELDS = [("Accept", "*/*")]

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="there is no wrk")


def run(server: Origin, lua: Path) -> wrk.Load:
    """Send requests for a second."""
    return wrk.run(f"http://127.0.0.1:{server.port}/", lua, 1, 2)


def test_a_number_never_comes_twice(tmp_path: Path) -> None:
    """Nor in the next run; the other fields are sent as ever."""
    lua = tmp_path / "numbered.lua"
    lua.write_text(wrk.script(FIELDS, numbered="X-Number"))
    with origin() as server:
        loads = [run(server, lua) for _ in range(2)]
        numbers = [head["X-Number"] for head in server.heads]

    assert sum(load.failed for load in loads) == 0
    assert len(numbers) >= sum(load.requests for load in loads) > 10
    assert len(set(numbers)) == len(numbers)
    assert {(head["Accept"], head["Host"]) for head in server.heads} == {("*/*", f"127.0.0.1:{server.port}")}


def test_values_are_shown_in_turn_over_all_runs(tmp_path: Path) -> None:
    """A value comes again only after all the others, also where runs end in the middle."""
    values = [f"value-{number}" for number in range(100_000)]
    (tmp_path / "values.txt").write_text("".join(f"{value}\n" for value in values))
    lua = tmp_path / "shown.lua"
    lua.write_text(wrk.script(FIELDS, shown=wrk.Shown("Authorization", "Bearer ", tmp_path / "values.txt")))
    with origin() as server:
        for _ in range(2):
            assert run(server, lua).requests > 5
        shown = [head["Authorization"].removeprefix("Bearer ") for head in server.heads]

    assert len(set(shown)) == len(shown)
    # What two connections send at the same time may be read in another order; the last ones of a run may be lost.
    assert set(shown) <= set(values[: len(shown) + 10])
