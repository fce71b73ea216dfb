"""The targets, held against figures."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from benchmarks.targets import TARGETS, judge

FIGURES = {
    "plain.gateway-compiled.cpu": 25e-6,
    "plain.gateway.cpu": 45e-6,
    "plain.envoy.cpu": 50e-6,
    "plain.gateway-compiled.rate": 29_000.0,
}


def rows(figures: Mapping[str, float], subject: str, *beside: str) -> list[list[str]]:
    """Return the rows of the table."""
    table = judge(figures, subject, beside)
    assert table is not None
    return [list(row) for row in table.rows]


def test_targets_are_judged_only_on_what_was_measured() -> None:
    """A missing peer gives no verdict; a missed figure says so."""
    assert rows(FIGURES, "gateway-compiled") == [
        ["CPU per request, to Envoy's", "0.50", "≤ 0.55", "met"],
        ["requests/s", "29,000", "≥ 30,000", "MISSED"],
    ]


def test_the_interpreted_figures_stand_beside_without_a_verdict() -> None:
    """Who installs without a compiler should know; a dash where one was not measured."""
    assert rows(FIGURES, "gateway-compiled", "gateway") == [
        ["CPU per request, to Envoy's", "0.50", "0.90", "≤ 0.55", "met"],
        ["requests/s", "29,000", "-", "≥ 30,000", "MISSED"],
    ]


def test_no_targets_without_the_gateway() -> None:
    """A run of peers alone is no failure of ours."""
    assert judge({"plain.envoy.cpu": 50e-6}, "gateway") is None


@pytest.mark.parametrize("name", ["plain.gateway.failed", "chain.gateway+redis.failed"])
def test_a_failed_request_anywhere_misses_a_target(name: str) -> None:
    """Those of a proxy's variants are its own; those of another are not."""
    figures = {"tls.gateway.failed": 0.0, "plain.gateway-compiled.failed": 7.0, "plain.envoy.failed": 9.0, name: 1.0}

    assert rows(figures, "gateway") == [["failed requests, in all scenarios", "1", "≤ 0", "MISSED"]]


def test_each_target_has_words_of_its_own() -> None:
    """The table is read without its neighbours."""
    assert len({target.text for target in TARGETS}) == len(TARGETS)
