"""What differs between DB-API modules."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.storage.sql_driver import DriverUnusable, SqlDriver, sqlite
from tests.storage import other_sql

OTHER = "tests.storage.other_sql"
SCHEMA = "CREATE TABLE IF NOT EXISTS things (id TEXT)"


@pytest.mark.parametrize(("module", "mark"), [("sqlite3", "?"), (OTHER, "%s")])
def test_arguments_are_marked_as_the_module_wants_them(module: str, mark: str) -> None:
    """As its `paramstyle` says."""
    assert SqlDriver(module, {}).written("a = ?, b = ?") == f"a = {mark}, b = {mark}"


def test_a_file_does_not_hang_up() -> None:
    """A server may."""
    assert sqlite("a").hung_up == ()
    assert SqlDriver(OTHER, {}).hung_up == (other_sql.OperationalError, other_sql.InterfaceError)


@pytest.mark.parametrize("module", ["json", "no_such_module", "gateway.no_such_module"])
def test_what_is_no_such_module_is_told(module: str) -> None:
    """By name."""
    with pytest.raises(DriverUnusable, match=module):
        SqlDriver(module, {})


def test_a_module_of_another_style_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take every statement for an error."""
    monkeypatch.setattr(other_sql, "paramstyle", "named")

    with pytest.raises(DriverUnusable, match="of the style"):
        SqlDriver(OTHER, {})


def test_a_table_is_made_once(tmp_path: Path) -> None:
    """Who may read it and make none is asked for none."""
    file = str(tmp_path / "one")
    sqlite(file).prepare(sqlite3.connect(file), "things", SCHEMA)

    sqlite(file).prepare(sqlite3.connect(file), "things", "no statement at all")


class Raced:
    """A server where another instance makes the table between our look and our statement."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def cursor(self) -> Any:
        return SimpleNamespace(execute=self._execute, close=lambda: None)

    def _execute(self, statement: str) -> None:
        self.said.append(statement)
        if len(self.said) < 3:
            raise other_sql.OperationalError("does not exist, and then it does")

    def commit(self) -> None:
        self.said.append("commit")

    def rollback(self) -> None:
        """Nothing was done."""


def test_two_that_make_it_at_once() -> None:
    """PostgreSQL tells one of them that it is there, by an error."""
    server = Raced()
    SqlDriver(OTHER, {}).prepare(server, "things", SCHEMA)

    assert server.said[1] == SCHEMA
    assert server.said[0] == server.said[2]
    assert server.said[3] == "commit"


class Locked(sqlite3.Cursor):
    """A cursor of a file that somebody else prepares, which is done after two looks."""

    looks = 0

    def execute(self, statement: str, *arguments: Any) -> Any:
        if statement.startswith("PRAGMA") and Locked.looks < 2:
            Locked.looks += 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return super().execute(statement, *arguments)


class Shared(sqlite3.Connection):
    """A connection to it."""

    def cursor(self, factory: Any = Locked) -> Any:
        return super().cursor(factory)


def test_two_that_open_a_new_file_at_once(tmp_path: Path) -> None:
    """One waits for the other: a start asks the database, and so may the first request, or a command."""
    file = str(tmp_path / "keys")
    connection = sqlite3.connect(file, factory=Shared)
    sqlite(file).prepare(connection, "things", SCHEMA)

    assert Locked.looks == 2
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
