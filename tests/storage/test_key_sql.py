"""Keys in a database: time and room for its threads; what it keeps is in the contract suite."""

# mypy: allow-untyped-calls

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from gateway.composition.builders.storage import sql_keys
from gateway.composition.carried import Carried
from gateway.config.texts import MASK
from gateway.errors import AuthUnavailable
from gateway.identity.api_keys import KeyRecord
from gateway.storage.key_sql import AGAIN, MOST_WAITING, TIMEOUT, SqlKeys
from gateway.storage.sql_driver import SqlDriver, sqlite
from gateway.telemetry.metrics import Metrics
from tests.storage import other_sql

DIGEST = bytes(range(32))


class Stuck:
    """A pool whose threads are busy for ever."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []

    def runInteraction(self, interaction: Any) -> Deferred[Any]:  # noqa: N802  # Twisted's name
        self.asked.append(Deferred())
        return self.asked[-1]


@pytest.fixture
def clock() -> Clock:
    """Time."""
    return Clock()


@pytest.fixture
def stuck() -> Stuck:
    """The threads."""
    return Stuck()


@pytest.fixture
def keys(clock: Clock, stuck: Stuck) -> SqlKeys:
    """A store that gets no answer."""
    store = SqlKeys(sqlite("nowhere"), clock)
    store._pool = stuck  # type: ignore[assignment]
    return store


def outcome(asked: Deferred[Any]) -> list[Any]:
    """What comes of it, once something does."""
    found: list[Any] = []
    asked.addErrback(lambda failure: failure.value).addCallback(found.append)
    return found


def test_a_look_up_has_its_time(clock: Clock, keys: SqlKeys) -> None:
    """Past it nobody can say whose key it is."""
    asked = outcome(ensureDeferred(keys.find(DIGEST)))
    clock.advance(TIMEOUT - 0.01)
    assert asked == []

    clock.advance(0.02)

    assert isinstance(asked[0], AuthUnavailable)


def test_an_answer_that_comes_too_late_is_dropped(clock: Clock, keys: SqlKeys, stuck: Stuck) -> None:
    """Good or bad; its place is free from then on, not before."""
    for good in (True, False):
        asked = outcome(ensureDeferred(keys.find(DIGEST)))
        clock.advance(TIMEOUT + 1)
        assert isinstance(asked[0], AuthUnavailable)
        assert keys._waiting == 1

        if good:
            stuck.asked[-1].callback([])
        else:
            stuck.asked[-1].errback(sqlite3.OperationalError("locked"))

        assert keys._waiting == 0


def test_past_the_most_that_may_wait_the_answer_is_no_at_once(keys: SqlKeys, stuck: Stuck) -> None:
    """A flood of unknown keys does not pile up before the threads."""
    for _ in range(MOST_WAITING):
        outcome(ensureDeferred(keys.find(DIGEST)))

    assert isinstance(outcome(ensureDeferred(keys.find(DIGEST)))[0], AuthUnavailable)
    assert len(stuck.asked) == MOST_WAITING


def test_a_store_that_is_not_running(clock: Clock) -> None:
    """Between configurations, or after the end: as one that does not answer."""
    assert isinstance(outcome(ensureDeferred(SqlKeys(sqlite("nowhere"), clock).find(DIGEST)))[0], AuthUnavailable)


def test_a_database_that_does_not_answer_is_told_and_shown(
    clock: Clock, stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, whoever asks; once, with the reason and without the password; and when it answers again."""
    options = {"file": "nowhere", "password": "hush-hush"}
    monkeypatch.setattr("gateway.storage.key_sql.ConnectionPool", lambda *_, **__: stuck)
    stuck.close = lambda: None  # type: ignore[attr-defined]
    reasons: list[str] = []
    store = SqlKeys(SqlDriver("tests.storage.other_sql", options), clock, reasons.append)

    with capturedLogs() as logs:
        store.startService()
        stuck.asked[-1].errback(other_sql.OperationalError("pw=hush-hush"))
        up = store.standing.up
        outcome(ensureDeferred(store.find(DIGEST)))
        clock.advance(TIMEOUT + 0.1)
        clock.advance(AGAIN)
        stuck.asked[-1].callback([])
        store.stopService()

    assert (up, store.standing.up, reasons) == (False, True, ["lost", "timeout"])
    assert [formatEvent(event) for event in logs] == [
        f"The database of API keys (tests.storage.other_sql) does not answer: OperationalError: pw={MASK}",
        "The database of API keys (tests.storage.other_sql) answers again, after 6.1 s",
    ]
    assert [event["event"] for event in logs] == ["store.down", "store.up"]
    assert not clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_a_file_that_is_in_the_way_is_shown_in_the_metrics(reactor: Any, tmp_path: Path) -> None:
    """By its builder, under the name of its kind; a store that a reload has let go of is not down."""
    foundation = SimpleNamespace(metrics=Metrics(), carried=Carried(), reactor=reactor)
    store = sql_keys(sqlite(str(tmp_path / "no" / "keys")), foundation)  # type: ignore[arg-type]
    foundation.carried.commit()
    store.startService()
    with pytest.raises(AuthUnavailable):
        await store.find(DIGEST)

    shown = foundation.metrics.exposition(b"", 0)[1].decode()
    store.stopService()

    assert 'gateway_store_up{store="sql"} 0' in shown
    # Of the look at the start and the question after it, each in a thread, the other may still be on its way.
    assert re.search(r'^gateway_store_failures_total\{store="sql",reason="refused"\} [12]$', shown, re.MULTILINE)
    assert 'gateway_store_up{store="sql"}' not in foundation.metrics.exposition(b"", 60)[1].decode()


@pytest_twisted.ensureDeferred
async def test_several_threads_may_make_the_file_at_once(reactor: Any, tmp_path: Path) -> None:
    """The first requests of a gateway that has just been set up."""
    store = SqlKeys(sqlite(str(tmp_path / "keys.sqlite3")), reactor)
    store.startService()

    created = [ensureDeferred(store.create(KeyRecord(f"k{n}", bytes([n]) * 32, "u"))) for n in range(50)]
    assert (await gatherResults(created)) == [True] * 50
    assert len(await store.list()) == 50

    store.stopService()


@pytest_twisted.ensureDeferred
async def test_look_ups_have_an_index(reactor: Any, tmp_path: Path) -> None:
    """By digest and by id: a million keys cost what ten do."""
    store = SqlKeys(sqlite(str(tmp_path / "keys.sqlite3")), reactor)
    store.startService()
    await store.list()
    store.stopService()

    with sqlite3.connect(tmp_path / "keys.sqlite3") as database:
        for column in ("digest", "id"):
            (plan,) = database.execute(f"EXPLAIN QUERY PLAN SELECT * FROM gateway_api_keys WHERE {column} = ''")
            assert "USING INDEX" in plan[3]


@pytest_twisted.ensureDeferred
async def test_a_server_that_closes_idle_connections(reactor: Any, tmp_path: Path) -> None:
    """Nobody notices: the next look-up connects again. A row that is there already is no such case."""
    store = SqlKeys(SqlDriver("tests.storage.other_sql", {"file": str(tmp_path / "keys")}), reactor)
    store.startService()
    acme = KeyRecord("acme", DIGEST, "Acme Ltd")
    assert await store.create(acme)

    for connection in other_sql.connected:
        connection.ended = True

    assert (await store.find(DIGEST)) == acme
    assert not (await store.create(acme))
    assert await store.revoke("acme")
    assert (await store.list())[0].revoked

    store.stopService()


@pytest.mark.parametrize("module", ["sqlite3", "tests.storage.other_sql"])
@pytest_twisted.ensureDeferred
async def test_two_that_create_the_same_id_at_once(
    reactor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """Neither has seen the other's: the database decides, and one is told that it is there."""
    options = {"database" if module == "sqlite3" else "file": str(tmp_path / "keys")}
    store = SqlKeys(SqlDriver(module, {**options, "check_same_thread": False}), reactor)
    store.startService()
    monkeypatch.setattr(store, "_select", lambda *_: [])

    created = [(await store.create(KeyRecord("acme", DIGEST, "u"))) for _ in range(2)]
    assert created == [True, False]

    store.stopService()
