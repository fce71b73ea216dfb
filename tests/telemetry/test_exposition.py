"""The text formats: details that a parser does not notice."""

from __future__ import annotations

from gateway.telemetry.exposition import family, wants_openmetrics


def test_a_counter_is_described_without_its_suffix_in_openmetrics_only() -> None:
    """`# TYPE` names the family in OpenMetrics and the series in the older text."""
    samples = [((), 1)]

    plain = "".join(family("hits_total", "counter", "Hits.", (), samples, openmetrics=False))
    openmetrics = "".join(family("hits_total", "counter", "Hits.", (), samples, openmetrics=True))

    assert plain == "# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total 1\n"
    assert openmetrics == "# HELP hits Hits.\n# TYPE hits counter\nhits_total 1\n"


def test_a_description_stays_on_its_line() -> None:
    """Line ends and backslashes in a help text are escaped."""
    text = "".join(family("up", "gauge", "a\nb\\c", (), [((), 1)], openmetrics=False))

    assert text.splitlines()[0] == r"# HELP up a\nb\\c"


def test_openmetrics_must_be_asked_for() -> None:
    """Anything else gets the older text, which everybody reads."""
    assert wants_openmetrics(b"application/openmetrics-text; version=1.0.0, */*")
    assert not wants_openmetrics(b"*/*")
    assert not wants_openmetrics(b"")
