"""What was found, kept in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from gateway.discovery.cache import DELAY, Cache
from gateway.discovery.members import Member

QUESTION = ("etcd", "http", "/users/")
MEMBERS = [Member("http://10.0.0.1"), Member("http://10.0.0.2", 3, True)]


class Bench:
    """A cache, its file and its clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()

    def open(self, work: Any = maybeDeferred) -> Cache:
        """Read the file, as a start does."""
        cache = Cache(str(self.path), self.clock, work)
        cache.startService()
        return cache


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """No file yet."""
    return Bench(tmp_path / "cache.json")


def test_what_is_kept_is_known_again(bench: Bench) -> None:
    """To the owner only, and nothing else is left in the directory."""
    cache = bench.open()
    assert cache.known("users", QUESTION) == []
    cache.keep("users", QUESTION, MEMBERS)
    bench.clock.advance(DELAY)
    assert bench.path.stat().st_mode & 0o777 == 0o600
    assert bench.open().known("users", QUESTION) == MEMBERS
    assert [one.name for one in bench.path.parent.iterdir()] == ["cache.json"]


def test_another_question_knows_nothing(bench: Bench) -> None:
    """The members of another service would get this one's requests."""
    cache = bench.open()
    cache.keep("users", QUESTION, MEMBERS)
    bench.clock.advance(DELAY)
    assert bench.open().known("users", ("etcd", "http", "/orders/")) == []
    assert bench.open().known("orders", QUESTION) == []


def test_many_changes_are_written_once(bench: Bench) -> None:
    """And the last one counts."""
    written: list[bytes] = []

    def work(what: Any, path: str, content: bytes) -> Deferred[Any]:
        written.append(content)
        return maybeDeferred(what, path, content)

    cache = bench.open(work)
    for number in range(100):
        cache.keep("users", QUESTION, [Member(f"http://10.0.0.{number}")])
    bench.clock.advance(DELAY)
    assert len(written) == 1
    assert bench.open().known("users", QUESTION) == [Member("http://10.0.0.99")]


def test_a_stop_writes_what_is_not_written(bench: Bench) -> None:
    """After what is being written."""
    slow: Deferred[None] = Deferred()
    cache = bench.open(lambda *work: slow)
    cache.keep("users", QUESTION, [])
    bench.clock.advance(DELAY)
    cache.keep("users", QUESTION, MEMBERS)
    stopped: list[object] = []
    cache.stopService().addCallback(stopped.append)
    assert stopped == []
    slow.callback(None)
    assert stopped == [None]
    assert bench.open().known("users", QUESTION) == MEMBERS
    assert not bench.clock.getDelayedCalls()


def test_a_file_that_cannot_be_written_is_told_once(bench: Bench) -> None:
    """Discovery goes on."""
    bench.path = Path("/nonexistent/cache.json")
    cache = bench.open()
    with capturedLogs() as events:
        for _ in range(3):
            cache.keep("users", QUESTION, MEMBERS)
            bench.clock.advance(DELAY)
    assert len([event for event in events if "cannot be written" in event["log_format"]]) == 1


def entry(**changes: Any) -> dict[str, Any]:
    """An entry as it is written, with changes."""
    return {"question": list(QUESTION), "members": [["http://10.0.0.1", 1, False]], **changes}


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "7", '"x"', "[" * 100_000, "\xff", "x" * 17_000_000),
        json.dumps({"version": 2, "upstreams": {"users": entry()}}),
        json.dumps({"version": 1, "upstreams": [entry()]}),
        json.dumps({"version": 1, "upstreams": {"users": [entry()]}}),
        json.dumps({"version": 1, "upstreams": {"users": entry(members="http://10.0.0.1")}}),
        json.dumps({"version": 1, "upstreams": {"users": entry(members=[["unix:/run/docker.sock", 1, False]])}}),
        json.dumps({"version": 1, "upstreams": {"users": entry(members=[["http://a", "1", False], None, [1], {}])}}),
    ],
)
def test_a_file_that_lies_is_nothing(bench: Bench, content: str) -> None:
    """The start goes on without it."""
    bench.path.write_text(content, encoding="latin-1")
    assert bench.open().known("users", QUESTION) == []


def test_a_pipe_does_not_hold_up_the_start(bench: Bench) -> None:
    """Nobody writes to it."""
    os.mkfifo(bench.path)
    assert bench.open().known("users", QUESTION) == []


def test_a_link_stays_one(bench: Bench) -> None:
    """What it leads to is replaced."""
    target = bench.path.with_name("target.json")
    bench.path.symlink_to(target)
    cache = bench.open()
    cache.keep("users", QUESTION, MEMBERS)
    bench.clock.advance(DELAY)
    assert bench.path.is_symlink()
    assert json.loads(target.read_text())["version"] == 1
