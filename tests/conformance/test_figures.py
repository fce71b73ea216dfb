"""The page of protocol conformance says what the suites have."""

from __future__ import annotations

from benchmarks.report import markers
from tests.conformance import test_requests, test_responses
from tests.conformance.figures import PAGE, ROOT, SECTIONS, SUITES, rows


def test_the_page_has_the_rows_of_the_suites() -> None:
    """`make docs` has been run since a row was added."""
    page = PAGE.read_text()
    written, counted = (page.partition(begin)[2].partition(end)[0] for begin, end in map(markers, ("rows", "suites")))

    assert written.strip() == rows().strip()
    assert [path for path, _ in SUITES if f"`{path}`" not in counted] == []


def test_every_row_is_counted_once() -> None:
    """In its section, and all together."""
    sections = [
        *(row[0] for row in test_requests.MALFORMED),
        *(row[0] for row in test_requests.OTHERS),
        *(row[0] for row in test_requests.TAKEN),
        *(row[0] for row in test_responses.BAD),
        *(row[0] for row in test_responses.GOOD),
    ]
    total = rows().splitlines()[-1]

    assert sum(int(cell.strip("* ")) for cell in total.split("|")[3:-1]) == len(sections)
    assert set(sections) == set(SECTIONS)


def test_suites_are_there() -> None:
    """A suite that moved is counted where it is."""
    assert [path for path, _ in SUITES if not (ROOT / path).exists()] == []
