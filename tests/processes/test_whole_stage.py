"""A configuration comes into force in all workers or in none: real workers in memory, on virtual clocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from gateway.composition.changes import Plan, Unfit
from gateway.config import ConfigError
from gateway.processes.whole_stage import LONG
from tests.processes.members import Member, Whole


@pytest.fixture
def whole(tmp_path: Path) -> Whole:
    """Two workers."""
    return Whole(tmp_path / "gateway.yaml")


def failure(done: Deferred[Any]) -> BaseException:
    """What it has failed with."""
    found: list[BaseException] = []
    done.addErrback(lambda why: found.append(why.value))  # type: ignore[call-overload]
    return found[0]


def test_all_have_what_the_parent_has_read(whole: Whole) -> None:
    """They say that they serve, and read no file."""
    assert [member.routes for member in whole.members] == [["orders"], ["orders"]]
    assert [member.told for member in whole.members] == [[("up", None)]] * 2
    assert [member.open for member in whole.members] == [["tcp:1", "tcp:9"]] * 2


def test_a_change_is_in_force_in_all(whole: Whole) -> None:
    """Its version is the parent's; one log line says so."""
    with capturedLogs() as events:
        assert whole.change("name: orders, path", "name: other, path")

    assert [member.routes for member in whole.members] == [["other"], ["other"]]
    assert whole.changes.version.startswith("2-")
    assert whole.sockets.steps == ["prepared", "committed"]
    assert [formatEvent(event).partition(":")[0] for event in events] == ["Configuration applied"]
    assert whole.stage.edition.found.files[0].text == whole.path.read_text()
    assert not whole.crew.held


def test_workers_are_told_settings_and_the_files_where_they_cannot_be(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the parent has read nobody reads again; one of other code does, and so do all where nothing can be told."""
    reads: list[str] = []
    for number, member in enumerate(whole.members):
        taken, configured = member.worker._configured.taken, member.worker._configured

        def noted(*made_from: Any, taken: Any = taken, number: int = number) -> Any:
            reads.append(str(number))
            return taken(*made_from)

        monkeypatch.setattr(configured, "taken", noted)
    assert whole.change("name: orders, path", "name: other, path")
    assert reads == []
    assert [member.routes for member in whole.members] == [["other"], ["other"]]

    # Of the first one the names in force are others.
    fresh: dict[str, Any] = {"routes": [{"name": "a", "path": "/a", "respond": {"body": "x"}}]}
    alone = whole.members[0].worker.gateway.apply(fresh)
    whole.turn()
    assert alone.called
    reads.clear()
    assert whole.change("name: other, path", "name: third, path")
    assert reads == ["0"]
    assert [member.routes for member in whole.members] == [["third"], ["third"]]

    monkeypatch.setattr("gateway.processes.made.LARGEST", 10)
    assert whole.change("name: third, path", "name: fourth, path")
    assert reads == ["0", "0", "1"]
    assert [member.routes for member in whole.members] == [["fourth"], ["fourth"]]


def test_where_one_cannot_build_it_none_has_it(whole: Whole) -> None:
    """What it says is the error, once; what the other had prepared is closed; the next change is as the first."""
    whole.members[1].taken.add("tcp:2")
    with capturedLogs() as events:
        assert not whole.change('"tcp:1"', '"tcp:2"')
    whole.turn()

    assert [member.open for member in whole.members] == [["tcp:1", "tcp:9"]] * 2
    (said,) = map(formatEvent, events)
    why = "listeners[0].endpoint: cannot listen on tcp:2: this worker cannot"
    assert said.endswith(f"the one before stays:\n{whole.path}:2:24: {why}")
    assert whole.sockets.steps == ["prepared", "abandoned"]
    whole.members[1].taken.clear()
    assert whole.change("name: orders, path", "name: other, path")
    assert [member.open for member in whole.members] == [["tcp:9", "tcp:2"]] * 2
    assert [member.routes for member in whole.members] == [["other"], ["other"]]


def test_what_the_parent_cannot_use_is_no_workers_business(whole: Whole) -> None:
    """Neither a file that is wrong, nor a port that is taken."""
    assert not whole.change("path: /orders/*", "path: 7")
    whole.sockets.taken = True
    assert not whole.change("path: 7", "path: /other/*")

    assert [member.routes for member in whole.members] == [["orders"], ["orders"]]
    assert whole.sockets.steps == []


def test_one_that_dies_meanwhile_does_not_keep_the_others(whole: Whole) -> None:
    """The next in its place is started with what is in force."""
    whole.members[0].channel.close()
    whole.members[0].reactor.advance(0)

    assert whole.change("name: orders, path", "name: other, path")
    assert whole.members[1].routes == ["other"]


def test_one_that_does_not_answer_keeps_everybody_from_it(whole: Whole) -> None:
    """Nobody knows what it would do."""
    whole.members[0].worker.channel.on("prepare", lambda _: Deferred())
    text = whole.path.read_text()
    whole.path.write_text(text.replace("name: orders, path", "name: other, path"))
    done: list[bool] = []
    whole.changes.reload().addCallback(done.append)
    whole.turn()
    assert done == []

    whole.members[0].reactor.advance(LONG)
    whole.turn()

    assert done == [False]
    assert whole.members[1].routes == ["orders"]


def test_what_is_to_be_kept_is_kept_when_all_are_ready(whole: Whole) -> None:
    """Where it cannot be, nothing is in force."""
    kept: list[list[str]] = []

    def keep(settings: Any) -> None:
        kept.append([name for member in whole.members for name in member.routes])
        raise OSError("the disk is full")

    changed = whole.changes.apply(lambda: whole.configured.other({"routes": []}), keep=keep)
    whole.turn()

    assert isinstance(failure(changed), OSError)
    whole.turn()
    assert kept == [["orders", "orders"]]
    assert [member.routes for member in whole.members] == [["orders"], ["orders"]]


def test_an_earlier_version_comes_back_in_all(whole: Whole) -> None:
    """Whatever the file says by then."""
    first = whole.changes.version
    assert whole.change("name: orders, path", "name: other, path")

    back = whole.changes.roll_back(first)
    whole.turn()

    assert back.called
    assert [member.routes for member in whole.members] == [["orders"], ["orders"]]


def test_a_plan_is_rehearsed_by_one(whole: Whole) -> None:
    """Nothing is in force afterwards; what it cannot build is said."""
    fresh: dict[str, Any] = {"routes": [{"name": "a", "path": "/a", "respond": {"body": "x"}}]}
    planned: list[Plan] = []
    whole.changes.plan(lambda: whole.configured.other(fresh)).addCallback(planned.append)
    whole.turn()
    assert len(planned) == 1
    assert whole.members[0].routes == ["orders"]

    whole.members[0].worker.channel.on("rehearse", lambda _: 1 // 0)
    refused = whole.changes.plan(lambda: whole.configured.other(fresh))
    whole.turn()
    assert isinstance(failure(refused), Unfit)


def test_what_a_worker_finds_wrong_keeps_its_place(whole: Whole) -> None:
    """File, line and column, in a plan and in a change, as with one process: the answer of the admin API has them."""
    stamp = {"name": "p", "class": "tests.hostile.ConstructorEnds", "config": {"how": "SystemExit"}}
    fresh: dict[str, Any] = {
        "routes": [{"name": "a", "path": "/a", "respond": {"body": "x"}, "plugins": ["p"]}],
        "plugins": [stamp],
    }
    for attempt in (whole.changes.plan, whole.changes.apply):
        refused = attempt(lambda: whole.configured.other(fresh))
        whole.turn()
        error = failure(refused)
        assert isinstance(error, ConfigError)
        (problem,) = error.problems
        assert (problem.file, problem.path) == ("mapping.json", "plugins[0].class")
        assert problem.line > 1
        assert problem.message == "p: it could not be made: SystemExit"
    assert whole.members[0].routes == ["orders"]


def test_a_file_that_a_worker_cannot_use_is_told_with_where_it_is_named(whole: Whole) -> None:
    """The worker knows settings only; the parent, what they were read from."""
    with capturedLogs() as events:
        assert not whole.change("timeouts:", "error_pages: {404: none.html}\ntimeouts:")

    (said,) = map(formatEvent, events)
    assert f":\n{whole.path}:4:20: error_pages.404: {whole.path.parent}/none.html: expected a file" in said


@pytest.mark.parametrize("made", [True, False])
def test_a_worker_that_starts_says_where_a_file_is_named(whole: Whole, made: bool) -> None:
    """Whether it was told settings, or the files that they are made from."""
    (whole.path.parent / "a.html").write_text("a")
    assert whole.change("timeouts:", "error_pages: {404: a.html}\ntimeouts:")
    (whole.path.parent / "a.html").unlink()
    edition = whole.stage.edition if made else replace(whole.stage.edition, settings=None)

    with pytest.raises(ConfigError, match=rf"^{whole.path}:4:20: error_pages\.404: .*a\.html: expected a file"):
        Member(edition, 2)


def test_another_number_of_processes_takes_an_upgrade(whole: Whole) -> None:
    """The one before stays."""
    with capturedLogs() as events:
        changed = whole.changes.apply(lambda: whole.configured.other({"processes": 1, "routes": []}))
        whole.turn()
        more = whole.configured.settings.model_copy(update={"processes": 3})
        refused = whole.changes.apply(lambda: more)
    assert changed.called
    assert "3 in the place of 1" in str(failure(refused))
    assert events


def test_a_reload_is_counted_once(whole: Whole) -> None:
    """Figures are sums of all workers'."""
    assert whole.change("name: orders, path", "name: other, path")
    assert not whole.change("path: /orders/*", "path: 7")
    whole.turn()

    counts = [member.worker.gateway.gateway.foundation.metrics._reloads for member in whole.members]
    assert dict(counts[0]) == {"success": 1, "failure": 1}
    assert sum(counts[1].values()) == 0


def test_it_stops(whole: Whole) -> None:
    """Then nothing is changed any more."""
    whole.stopping = True

    assert not whole.change("name: orders, path", "name: other, path")
