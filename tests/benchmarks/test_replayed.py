"""The log that `gateway replay` is measured with."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.replayed import LINES, NEW, OLD, RATE, lines
from gateway.recorded.log import RecordedLog


def test_the_log_is_one_of_ours(tmp_path: Path) -> None:
    """Each line a request, as many in a second as is said, and the same each time."""
    path = tmp_path / "access.log"
    path.write_bytes(b"".join(lines(2000, random.Random(1))))
    log = RecordedLog(str(path))
    found = list(log)

    assert log.form is not None
    assert (log.form.name, len(found), log.skipped) == ("gateway", 2000, 0)
    assert 0.9 < (found[-1].ended - found[0].ended) * RATE / 2000 < 1.1
    assert path.read_bytes() == b"".join(lines(2000, random.Random(1)))
    assert (LINES, OLD == NEW) == (100_000, False)
