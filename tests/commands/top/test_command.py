"""`gateway top` without a gateway; with one it is in `tests/system/test_commands.py`."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.commands.admin_port import AdminPort, NoAnswer
from gateway.commands.top.command import Watch
from gateway.testing import Harness


class Port:
    """An admin port in memory.

    Attributes:
        status: Of what it answers.
    """

    url = "http://admin"

    def __init__(self, made: Harness) -> None:
        self._made = made
        self.status = 200

    def get(self, path: str) -> tuple[int, bytes]:
        """Answer for the metrics."""
        assert path == "/metrics"
        self._made.clock.advance(1)
        return self.status, self._made.gateway.foundation.metrics.exposition(b"", self._made.now())[1]

    def json(self, path: str) -> Any:
        """Answer for the rest."""
        views = {
            "/upstreams": self._made.gateway.figures.view,
            "/exchanges": self._made.gateway.foundation.failures.summaries,
        }
        return json.loads(json.dumps(views[path]()))


def test_each_look_tells_of_the_time_since_the_one_before() -> None:
    """Rates are those of an interval."""
    made = Harness()
    watch = Watch(cast("AdminPort", Port(made)), made.now)
    assert watch.look()["requests_per_second"] is None

    for _ in range(10):
        made.get("/orders/1")
    first, second = watch.look(), watch.look()

    assert first["requests_per_second"] == pytest.approx(10, abs=1)
    assert second["requests_per_second"] == 0


def test_metrics_that_are_not_there_are_no_answer() -> None:
    """A 500 is no scrape."""
    port = Port(Harness())
    port.status = 500

    with pytest.raises(NoAnswer, match="answers 500"):
        Watch(cast("AdminPort", port)).look()


@pytest.mark.parametrize("arguments", [(), ("--once",), ("--json",)])
def test_a_port_that_does_not_answer_is_told_of(arguments: tuple[str, ...]) -> None:
    """With 2, and without a traceback."""
    done = CliRunner().invoke(main, ["top", "--admin", "unix:/nowhere.sock", *arguments])

    assert done.exit_code == 2
    assert "the admin port does not answer at unix:/nowhere.sock" in done.output


def test_what_is_no_url_is_told_of() -> None:
    """Likewise."""
    done = CliRunner().invoke(main, ["top", "--admin", "localhost"])

    assert (done.exit_code, "is no URL of an admin port" in done.output) == (2, True)
