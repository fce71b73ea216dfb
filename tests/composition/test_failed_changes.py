"""A change that fails, at each stage: all is as it was, it is counted, and the log says why and where it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, eventAsText

from gateway.composition.changes import Unfit
from gateway.config import from_mapping
from tests.admin.api import Api
from tests.composition.world import CONFIGURATION, GET, World

STAGES = {
    "read": ("routes: [{", "routes: [{{", ":6:"),
    "a variable": ("path: /orders/*", 'path: "/orders/${NOBODY}"', ":6:31: routes[0].path: "),
    "validate": ("path: /orders/*", "path: 3", ":6:31: routes[0].path: expected"),
    "a name": ("upstream: orders", "upstream: nobody", ":6:52: routes[0].upstream: expected"),
    "processes": ("timeouts:", "processes: 3\ntimeouts:", ":4:12: processes: 3 in the place of 1 takes an upgrade: "),
    "build": (
        "routes: [{",
        "plugins: [{name: p, class: tests.plugins.Living, config: {fails: true}}]\nroutes: [{plugins: [p], ",
        ":6:28: plugins[0].class: p: it did not start: RuntimeError: no licence",
    ),
    "a file": (
        "timeouts:",
        "error_pages: {404: nobody.html}\ntimeouts:",
        ":4:20: error_pages.404: ",
    ),
    "a port": ('"tcp:1"', '"tcp:2"', ":2:24: listeners[0].endpoint: cannot listen on tcp:2: address already in use"),
    "another port": (
        '[{endpoint: "tcp:1"}]',
        '[{endpoint: "tcp:1"}, {name: b, endpoint: "tcp:2"}]',
        ":2:54: listeners[1].endpoint: cannot listen on tcp:2",
    ),
    "admin": ('"tcp:9"', '"tcp:2"', ":3:19: admin.endpoint: cannot listen on tcp:2: address already in use"),
}


def state(running: World) -> list[Any]:
    """What a change would change."""
    gateway, changes = running.service.gateway, running.service.changes
    kept = [*gateway.foundation.carried._things.values()]
    return [
        gateway.root.tree,
        changes.version,
        changes.versions(),
        running.open(),
        kept,
        *gateway.foundation.pool.pools(),
    ]


def figures(running: World) -> list[str]:
    """The lines of the metrics of changes."""
    running.clock.advance(1)  # past what is remembered of a scrape
    text = running.service.gateway.foundation.metrics.exposition(b"", running.clock.seconds())[1].decode()
    return [line for line in text.splitlines() if line.startswith("gateway_config_")]


@pytest.mark.parametrize("stage", STAGES)
def test_all_is_as_it_was(running: World, stage: str) -> None:
    """A reload says it in the log, once; the next one that is right comes into force."""
    before, after, words = STAGES[stage]
    running.taken.add("tcp:2")
    as_it_was, counted = state(running), figures(running)
    with capturedLogs() as events:
        assert not running.change(before, after)

    texts = [str(eventAsText(event)) for event in events]
    (said,) = [text for text in texts if "The configuration was not applied, the one before stays" in text]
    assert f"{running.path}{words}" in said
    assert "Traceback" not in said
    assert state(running) == as_it_was
    assert running.send(GET).responses()[0].status == 200
    others = [line for line in figures(running) if line not in counted]
    assert sorted(line.rpartition(" ")[::2] for line in others) == [
        ("gateway_config_last_reload_successful", "0"),
        ('gateway_config_reloads_total{result="failure"}', "1"),
    ]
    assert running.change(after, before)
    assert running.service.changes.version == running.version(2)


@pytest.mark.parametrize("stage", STAGES)
def test_a_write_that_fails_leaves_a_record(tmp_path: Path, stage: str) -> None:
    """Of the admin API: 422 with the place in what was sent, one record, and the version that was."""
    before, after, words = STAGES[stage]
    api = Api(tmp_path / "gateway.yaml", CONFIGURATION.replace('"tcp:9"', '"tcp:9", token: t'))
    api.taken.add("tcp:2")
    try:
        with capturedLogs() as events:
            answer = api.ask("PUT", "/config", api.path.read_text().replace(before, after), token="t")
        problem = answer.json["problems"][0]
        records = [event for event in events if event.get("log_namespace") == "gateway.audit"]

        assert answer.status == 422
        assert words.partition(": ")[0] in f"{problem['file']}:{problem['line']}:{problem['column']}: "
        assert [(one["outcome"], one["before"], one["after"]) for one in records] == [
            ("refused", api.version(1), api.version(1))
        ]
        assert api.status("/orders/7") == 200
    finally:
        api.stop()


def test_what_was_in_no_file_has_no_place(running: World) -> None:
    """An application's settings: the key is told all the same."""
    failures: list[Any] = []
    settings = running.service.settings.model_copy(update={"processes": from_mapping({"processes": 3}).processes})
    running.service.changes.apply(lambda: settings).addErrback(failures.append)

    assert failures[0].check(Unfit)
    assert str(failures[0].value).startswith("processes: 3 in the place of 1")
