"""How mutants are drawn, counted and shown; to make and run them takes `make mutation`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mutation.run import changes, codes, drawn, score, table

MUTATED = """
def xǁGateǁopen__mutmut_orig(self):
    self.changed()
    return self.now >= self.due
def xǁGateǁopen__mutmut_1(self):
    self.changed()
    return self.now > self.due
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What mutmut leaves behind of two modules."""
    there = tmp_path / "mutants" / "gateway" / "routing"
    there.mkdir(parents=True)
    for module, results in (("gate", [0, 1, None]), ("wall", [33, -24, 3])):
        names = {f"gateway.routing.{module}.xǁGateǁopen__mutmut_{n}": code for n, code in enumerate(results, 1)}
        (there / f"{module}.py.meta").write_text(json.dumps({"exit_code_by_key": names}))
        (there / f"{module}.py").write_text(MUTATED)
    return tmp_path


def test_each_outcome_is_counted_once(place: Path) -> None:
    """What nobody has run, and what no test reaches, says nothing of the tests."""
    made = score("routing", codes("routing", place))

    assert (made.mutants, made.killed, made.slow, made.survived, made.unreached) == (6, 2, 1, 1, 1)
    assert made.part == 0.75
    assert table([made], "all").rows == [["routing", "6", "5", "2", "1", "1", "1", "75.0%"]]


def test_a_seed_draws_the_same_mutants(place: Path) -> None:
    """And another seed others; never more than there are."""
    first = drawn(["routing"], 3, 1, place)

    assert first == drawn(["routing"], 3, 1, place)
    assert len(set(first)) == 3
    assert any(drawn(["routing"], 3, seed, place) != first for seed in range(2, 9))
    assert len(drawn(["routing"], 100, 1, place)) == 6


def test_a_survivor_is_shown_as_what_was_changed(place: Path) -> None:
    """The line as it is, and as it was made."""
    shown = list(changes(["gateway.routing.gate.xǁGateǁopen__mutmut_1"], place))

    assert shown == [
        "gateway.routing.gate.xǁGateǁopen__mutmut_1\n    -return self.now >= self.due\n    +return self.now > self.due"
    ]
