"""What is asked of a Prometheus, and what is made of its answers. `tests/system/test_dashboards` asks a real one."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.answers import NoAnswer, Prometheus, named, window
from dashboards.panel import bars, lines

SHOWN = window(1000, 1060, 0.5)


class Asked(Prometheus):
    """One that answers what it is told to, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        super().__init__("http://127.0.0.1:9")
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str]]] = []

    def ask(self, what: str, **parameters: str) -> Any:
        self.asked.append((what, parameters))
        return self.answers.pop(0)


def series(values: list[list[Any]], **labels: str) -> dict[str, Any]:
    """One of an answer."""
    return {"metric": labels, "values": values}


def test_variables_are_filled_in_as_grafana_does() -> None:
    """All are chosen; rates are over four scrapes at least, and more where points are further apart."""
    asked = 'rate(x{instance=~"$instance",route=~"$route"}[$__rate_interval]) + y[$__range]'

    assert SHOWN.filled_in(asked) == 'rate(x{instance=~".*",route=~".*"}[2000ms]) + y[60000ms]'
    assert "[60000ms]" in window(0, 1800, 15).filled_in("x[$__rate_interval]")
    assert "[315000ms]" in window(0, 84_000, 15).filled_in("x[$__rate_interval]")


def test_points_are_no_closer_than_scrapes() -> None:
    """And no more than a graph can show."""
    assert SHOWN.step == 0.5
    assert window(0, 2800, 5).step == 10


def test_lines_are_of_the_whole_time() -> None:
    """What is no figure is left out."""
    prometheus = Asked(
        {
            "result": [
                series([[1000, "1"], [1001, "NaN"], [1002, "3"]], route="a"),
                series([[1000, "9"]], route="b"),
                series([[1000, "NaN"]], route="c"),
            ]
        },
        {"result": [series([[1000, "50"]])]},
    )

    found = prometheus.series(lines("Some", ("x", "{{route}}"), ("y", "other")), SHOWN)

    assert [one.name for one in found] == ["a", "b", "other"]
    assert found[0].points == ((1000, 1), (1002, 3))
    assert (found[0].last, found[0].highest) == (3, 3)
    assert prometheus.asked[0] == ("query_range", {"query": "x", "start": "1000", "end": "1060", "step": "0.5"})


def test_of_many_series_the_highest_come_first() -> None:
    """Few are in the order of their names: an instance has its colour in each panel."""

    def order(*figures: int) -> list[str]:
        answer = {"result": [series([[1000, str(figure)]], n=f"{number}") for number, figure in enumerate(figures)]}
        return [one.name for one in Asked(answer).series(lines("Some", ("x", "{{n}}")), SHOWN)]

    assert order(1, 5, 3) == ["0", "1", "2"]
    assert order(1, 5, 3, 7, 0, 2) == ["3", "1", "2", "5", "0", "4"]


def test_bars_are_of_its_end() -> None:
    """As Grafana asks for them: an instant query."""
    prometheus = Asked({"result": [{"metric": {"path": "/a"}, "value": [1060, "0.5"]}]})

    assert prometheus.series(bars("Some", "x", "{{path}}"), SHOWN) == [("/a", ((1060, 0.5),))]
    assert prometheus.asked == [("query", {"query": "x", "time": "1060"})]


def test_a_legend_has_the_labels_of_a_series() -> None:
    """Those that it does not have are empty; a name that would be empty says so."""
    assert named("{{upstream}} {{ outcome }}", {"upstream": "app", "outcome": "ok"}) == "app ok"
    assert named("{{scope}} {{upstream}} limit", {"scope": "gateway"}) == "gateway limit"
    assert named("{{route}}", {}) == "(none)"


def test_the_time_between_scrapes_is_that_of_the_gateways() -> None:
    """The longest, where they differ; others are not asked about."""
    targets = [("gateway", "500ms"), ("gateway", "1m30s"), ("node", "1h")]
    answer = {"activeTargets": [{"labels": {"job": job}, "scrapeInterval": every} for job, every in targets]}

    assert Asked(answer).scrape() == 90


def test_a_prometheus_without_gateways_is_not_drawn() -> None:
    """It says what is missing."""
    with pytest.raises(NoAnswer, match='scrapes nothing as job="gateway"'):
        Asked({"activeTargets": []}).scrape()


def test_who_does_not_answer_is_named() -> None:
    """Nobody listens at port 9 of this machine."""
    with pytest.raises(NoAnswer, match=r"http://127\.0\.0\.1:9: "):
        Prometheus("http://127.0.0.1:9/").ask("query", query="up")
