"""Figures are written as Grafana writes them, and axes have round figures."""

from __future__ import annotations

import pytest

from dashboards.units import steps, text, time_step


@pytest.mark.parametrize(
    ("figure", "unit", "written"),
    [
        (0, "short", "0"),
        (7, "short", "7"),
        (0.125, "short", "0.125"),
        (1234, "short", "1.23k"),
        (999.7, "short", "1k"),
        (2_500_000, "short", "2.5M"),
        (-3, "short", "-3"),
        (12.34, "reqps", "12.3 req/s"),
        (12_340, "ops", "12.3k ops/s"),
        (0, "s", "0 s"),
        (0.00025, "s", "250 µs"),
        (0.0123, "s", "12.3 ms"),
        (1.5, "s", "1.5 s"),
        (90, "s", "1.5 min"),
        (7200, "s", "2 h"),
        (30 * 86400, "s", "30 days"),
        (0.0312, "percentunit", "3.12%"),
        (1, "percentunit", "100%"),
        (80 * 1024 * 1024, "bytes", "80 MiB"),
        (512, "bytes", "512 B"),
        (0.00004, "reqps", "4e-05 req/s"),
    ],
)
def test_a_figure_has_its_unit(figure: float, unit: str, written: str) -> None:
    """In three digits."""
    assert text(figure, unit) == written


@pytest.mark.parametrize(
    ("highest", "unit", "marks"),
    [
        (0, "short", [0, 1]),
        (10, "short", [0, 2.5, 5, 7.5, 10]),
        (11, "short", [0, 5, 10, 15]),
        (0.004, "s", [0, 0.001, 0.002, 0.003, 0.004]),
        (7200, "s", [0, 1800, 3600, 5400, 7200]),
        (80 * 2**20, "bytes", [0, 20 * 2**20, 40 * 2**20, 60 * 2**20, 80 * 2**20]),
    ],
)
def test_an_axis_has_round_figures(highest: float, unit: str, marks: list[float]) -> None:
    """From 0 to what is at or above the highest."""
    assert steps(highest, unit) == pytest.approx(marks)


@pytest.mark.parametrize("exponent", range(-9, 16))
@pytest.mark.parametrize("unit", ["short", "reqps", "s", "bytes", "percentunit"])
def test_an_axis_says_something_else_at_each_line(exponent: int, unit: str) -> None:
    """Whatever the size is."""
    for digits in (1, 1.01, 3.7, 9.99):
        marks = steps(digits * 10.0**exponent, unit)

        assert 3 <= len(marks) <= 7
        assert marks[-1] >= digits * 10.0**exponent * 0.999
        assert len({text(mark, unit) for mark in marks}) == len(marks), [text(mark, unit) for mark in marks]


def test_times_are_labelled_at_round_times() -> None:
    """At most so many labels."""
    assert [time_step(seconds) for seconds in (60, 90, 1800, 86400, 7 * 86400, 60 * 86400)] == [
        10,
        15,
        300,
        21600,
        2 * 86400,
        10 * 86400,
    ]
