"""How a log is opened and read to its end."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from gateway.config import from_mapping
from gateway.recorded.forms import of_settings
from gateway.recorded.log import SHOWN, NotALog, RecordedLog
from tests.recorded.test_text_lines import COMBINED
from tests.rehearsal.logs import request, write


def test_lines_without_a_request_are_counted_and_the_first_shown(tmp_path: Path) -> None:
    """With their numbers; empty lines are none."""
    path = tmp_path / "access.log"
    path.write_bytes(COMBINED + b"\n" + b"junk\n" * (SHOWN + 2) + COMBINED + COMBINED[:40])
    log = RecordedLog(str(path))

    requests = list(log)

    assert [request.line for request in requests] == [1, SHOWN + 5]
    assert (log.read, log.skipped, len(log.examples)) == (2, SHOWN + 3, SHOWN)
    assert log.examples[0] == (3, "it is no line of the form combined")
    assert log.octets == path.stat().st_size


@pytest.mark.parametrize("name", ["access.log.gz", "access.log"])
def test_a_packed_log_is_unpacked(tmp_path: Path, name: str) -> None:
    """Whatever its name is."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(COMBINED * 3))

    assert len(list(RecordedLog(str(path)))) == 3


@pytest.mark.parametrize("octets", [COMBINED, gzip.compress(COMBINED)], ids=["plain", "packed"])
def test_standard_input_is_read(octets: bytes) -> None:
    """Packed or not."""
    assert len(list(RecordedLog("-", stdin=io.BytesIO(octets)))) == 1


def test_a_log_of_ours_is_known_as_one(tmp_path: Path) -> None:
    """Once its first line was read."""
    ours = RecordedLog(str(write(tmp_path / "ours.log", [request()])))
    other = RecordedLog("-", stdin=io.BytesIO(COMBINED))

    assert (ours.ours, len(list(ours)), ours.ours) == (False, 1, True)
    assert (len(list(other)), other.ours) == (1, False)


def test_what_is_said_about_the_form_is_believed(tmp_path: Path) -> None:
    """Then no line has to be recognised."""
    path = tmp_path / "access.log"
    path.write_bytes(b"junk\n" * 3)
    log = RecordedLog(str(path), "common")

    assert (list(log), log.skipped) == ([], 3)


def test_a_schema_of_somebody_s_own_is_ours_too(tmp_path: Path) -> None:
    """By name as well as by its lines."""
    configuration = from_mapping(
        {
            "routes": [],
            "access_log": {"schema": {"when": "timestamp", "verb": "method", "where": "path", "what": "status"}},
        }
    )
    path = tmp_path / "access.log"
    path.write_text('{"when": 1, "verb": "GET", "where": "/a", "what": 200}\n')

    for form in (None, "gateway"):
        assert [one.target for one in RecordedLog(str(path), form, of_settings(configuration))] == ["/a"]


def test_a_packed_log_that_broke_off_says_so(tmp_path: Path) -> None:
    """Not by a traceback."""
    path = tmp_path / "access.log.gz"
    path.write_bytes(gzip.compress(COMBINED * 1000)[:-20])

    with pytest.raises(NotALog, match=f"^cannot read {path}: "):
        list(RecordedLog(str(path)))


def test_a_log_that_is_not_there_says_so(tmp_path: Path) -> None:
    """By name."""
    with pytest.raises(NotALog, match=f"^cannot read {tmp_path}/no.log: No such file or directory$"):
        list(RecordedLog(f"{tmp_path}/no.log"))


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "it is empty"), (b"hello\n", "no line at its beginning is one of")]
)
def test_what_is_no_log_says_so(tmp_path: Path, content: bytes, words: str) -> None:
    """An empty file too."""
    path = tmp_path / "access.log"
    path.write_bytes(content)

    with pytest.raises(NotALog, match=f"^{path}: {words}"):
        list(RecordedLog(str(path)))
