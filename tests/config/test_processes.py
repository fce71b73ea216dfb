"""How many processes there are to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.processes import cores, how_many


@pytest.mark.parametrize(
    ("there", "quota", "wanted"),
    [(8, "max 100000", 8), (8, "150000 100000", 2), (8, "20000 100000", 1), (2, "800000 100000", 2), (4, "0 0", 4)],
)
def test_a_container_may_have_fewer_cores(tmp_path: Path, there: int, quota: str, wanted: int) -> None:
    """A part of one is worth a process."""
    (tmp_path / "cpu.max").write_text(quota)

    assert cores(there, tmp_path / "cpu.max") == wanted
    assert cores(there, tmp_path / "none") == there


def test_a_number_is_that_number() -> None:
    """`auto` is at least one."""
    assert how_many(7) == 7
    assert how_many("auto") >= 1
