"""What the parent answers for the admin ports of its workers; all else is in `tests/admin/test_configuration.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.processes.administering import Administering
from tests.admin.api import Api
from tests.processes.workers import Workers


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A worker that passes on."""
    made = Api(tmp_path / "gateway.yaml", passes=True)
    yield made
    made.stop()


def test_wrong_tokens_are_counted_for_all_workers(api: Api) -> None:
    """They are looked at by the parent."""
    answers = [api.ask("PUT", "/config/routes/new", {}, token="wrong").status for _ in range(12)]

    assert answers[0] == 401
    assert answers[-1] == 429
    assert api.ask("PUT", "/config/routes/new", {}, token="wrong", address="192.0.2.10").status == 401


def test_an_answer_names_its_request(api: Api) -> None:
    """By the name that the worker gave it."""
    answer = api.ask("GET", "/config/routes/none", token="")

    assert answer.status == 404
    assert answer.json["request_id"] == answer.fields["X-Request-Id"]


def test_a_worker_whose_parent_has_nobody_to_ask_says_so() -> None:
    """Not for ever, and without a traceback."""
    world = Workers()
    failures: list[Any] = []

    world.workers[0].share.administer({"method": "GET"}).addErrback(lambda failure: failures.append(failure.value))
    world.settle()

    assert (failures[0].status, failures[0].reason) == (503, "shutdown")


def test_the_center_answers_by_who_keeps_the_configuration() -> None:
    """Whichever worker asks."""
    world = Workers()
    asked: list[Any] = []

    class Keeps(Administering):
        def __call__(self, said: dict[str, Any]) -> Deferred[dict[str, Any]]:
            asked.append(said)
            return super().__call__({**said, "headers": [], "content": "", "from": "unix", "id": "r1"})

    world.center.administers(Keeps(None, None, world.clock))  # type: ignore[arg-type]

    said = world.result(world.workers[1].share.administer({"method": "GET", "uri": "/openapi.json"}))

    assert asked == [{"method": "GET", "uri": "/openapi.json"}]
    assert said["status"] == 200
    assert "openapi" in said["body"]
