"""What a first look through a log finds."""

from __future__ import annotations

from pathlib import Path

from gateway.recorded.log import RecordedLog
from gateway.recorded.survey import survey
from tests.recorded.test_text_lines import COMBINED
from tests.rehearsal.logs import BEGAN, request, write


def test_a_survey_tells_what_there_is(tmp_path: Path) -> None:
    """How much, when, and by whom."""
    path = write(tmp_path / "access.log", [request(1, user="u1"), request(2, 7.0, user="u2"), request(3, 3.0)])
    with path.open("a") as file:
        file.write("half of a li")

    found = survey(RecordedLog(str(path)))

    assert (found.form, found.requests, found.skipped) == ("gateway", 3, 1)
    assert found.examples[0].line == 4
    assert (found.first, found.last) == (BEGAN, BEGAN + 7.0)
    assert list(found.users) == ["u1", "u2"]
    assert found.silent == ["upstream"]


def test_what_no_line_says_is_told(tmp_path: Path) -> None:
    """A replay has to make it up."""
    path = tmp_path / "access.log"
    path.write_bytes(COMBINED)

    assert survey(RecordedLog(str(path))).silent == ["host", "duration", "upstream"]
