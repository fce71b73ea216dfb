"""Panels are drawn as they say, and whatever a label has in it stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from dashboards import graph
from dashboards.answers import Series, window
from dashboards.pages import PAGES
from dashboards.panel import Dashboard, Panel, Row, bars, figure, lines, states
from dashboards.sheet import Sheet, sheet

SHOWN = window(0, 100, 1)
WORDS = {0: ("down", "red"), 1: ("up", "green")}


def series(name: str, *figures: float) -> Series:
    """A figure each second."""
    return Series(name, tuple((float(second), each) for second, each in enumerate(figures)))


def drawn(panel: Panel, *found: Series, theme: str = "") -> Sheet:
    """A page with one panel."""
    return sheet(Dashboard("one", "One", "For a test.", (Row("Row", (panel,)),)), lambda _: found, SHOWN, theme)


def test_lines_are_drawn_with_their_legend() -> None:
    """A line and a place in the legend for each, with what it was last and at most."""
    html = drawn(lines("Requests", ("x", ""), unit="reqps"), series("orders", 1, 5, 3), series("users", 2, 2, 2)).html

    assert html.count('<path class="line ') == html.count('<path class="key ') == 2
    assert "<span>orders</span></th><td>3 req/s</td><td>5 req/s</td>" in html
    assert ">6 req/s</text>" in html


def test_where_there_were_no_figures_there_is_no_line() -> None:
    """Two parts, and a point that stands alone."""
    gaps = Series("gaps", ((0, 1), (1, 1), (10, 1), (20, 1), (21, 1)))

    html = drawn(lines("Some", ("x", "")), gaps).html

    assert html.count('<path class="line ') == 2
    assert html.count("<circle") == 1


def test_a_figure_is_the_latest_in_its_colour() -> None:
    """By the thresholds of the panel."""
    panel = figure("Errors", "x", "percentunit", bad_from=(0.001, 0.01))

    assert '<text class="figure red"' in drawn(panel, series("", 0, 0.02)).html
    assert '<text class="figure orange"' in drawn(panel, series("", 0.02, 0.005)).html
    html = drawn(panel, series("", 0.02, 0)).html
    assert '<text class="figure green"' in html
    assert ">0%</text>" in html


def test_bars_are_as_long_as_their_figures() -> None:
    """The longest first; a share is one of the whole."""
    html = drawn(bars("Some", "x", ""), series("short", 10), series("long", 40)).html
    widths = [float(wide) for wide in re.findall(r'class="bar ink0".*?width="([\d.]+)"', html)]
    track, *_ = (float(wide) for wide in re.findall(r'class="track".*?width="([\d.]+)"', html))

    assert html.index(">long<") < html.index(">short<")
    assert widths == [pytest.approx(track), pytest.approx(track / 4, abs=0.1)]
    share = drawn(bars("Some", "x", "", "percentunit"), series("half", 0.5)).html
    assert float(re.findall(r'class="bar ink0".*?width="([\d.]+)"', share)[0]) == pytest.approx(
        float(re.findall(r'class="track".*?width="([\d.]+)"', share)[0]) / 2, abs=0.1
    )


def test_states_are_drawn_from_change_to_change() -> None:
    """Each in its colour, with a legend of the words."""
    html = drawn(states("Health", "x", "", WORDS), series("app", 1, 1, 0, 0, 1)).html

    assert re.findall(r'class="state (\w+)" x', html) == ["green", "red", "green"]
    assert "</svg>down</span>" in html
    assert "</svg>up</span>" in html


@pytest.mark.parametrize(
    "panel", [lines("Some", ("x", "")), figure("Some", "x"), bars("Some", "x", ""), states("Some", "x", "", WORDS)]
)
def test_a_panel_without_data_says_so(panel: Panel) -> None:
    """On the page, and to who has drawn it."""
    made = drawn(panel)

    assert "No data" in made.html
    assert made.empty == ["Some"]


@pytest.mark.parametrize("panel", [lines("Some", ("x", "")), bars("Some", "x", ""), states("Some", "x", "", WORDS)])
def test_of_too_many_series_the_rest_is_counted(panel: Panel) -> None:
    """Rather than a panel that is longer than a screen."""
    html = drawn(panel, *(series(f"number {number:02}", 1) for number in range(graph.MOST + 3))).html

    assert "and 3 more" in html
    assert f"number {graph.MOST}" not in html


@pytest.mark.parametrize("panel", [lines("Some", ("x", "")), bars("Some", "x", ""), states("Some", "x", "", WORDS)])
def test_what_a_label_has_in_it_is_text(panel: Panel) -> None:
    """Paths are what clients have asked for."""
    html = drawn(panel, series('<script>"&', 1, 1)).html

    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_reader_chooses_light_or_dark_unless_it_is_chosen() -> None:
    """For a picture."""
    panel = lines("Some", ("x", ""))

    assert 'class=""' in drawn(panel).html
    assert 'class="dark"' in drawn(panel, theme="dark").html


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_panel_of_a_dashboard_is_on_its_page(page: Dashboard) -> None:
    """In its order within what is shown alike, with what it says; nothing is loaded from elsewhere."""

    def answers(panel: Panel) -> Sequence[Series]:
        return [series(query.legend, 0, 1) for query in panel.queries]

    made = sheet(page, answers, SHOWN)

    assert re.findall(r"<h3>(.*?)</h3>", made.html) == [panel.title for panel in page.panels()]
    assert made.empty == []
    assert re.search(r"https?://|<script|src=|href=", made.html) is None
