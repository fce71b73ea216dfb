"""A DB-API 2.0 module as those of servers are: other marks, other errors, and connections that end.

SQLite underneath. What `ended` names is gone: as a server does it with connections that were idle.
"""

from __future__ import annotations

import sqlite3
from typing import Any

paramstyle = "pyformat"
threadsafety = 1
apilevel = "2.0"

connected: list[Connection] = []


class Error(Exception):
    """Any error."""


class OperationalError(Error):
    """The connection is of no use, or the statement is not."""


class InterfaceError(Error):
    """It is used in a wrong way."""


class IntegrityError(Error):
    """A row is there already."""


class Cursor:
    """Takes `%s`, never `?`, and no pragma."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = connection.real.cursor()

    def execute(self, statement: str, arguments: tuple[Any, ...] = ()) -> None:
        if self._connection.ended:
            raise OperationalError("terminating connection due to idle timeout")
        if "?" in statement or "PRAGMA" in statement:
            raise OperationalError("syntax error")
        try:
            self._cursor.execute(statement.replace("%s", "?"), arguments)
        except sqlite3.IntegrityError as error:
            raise IntegrityError(str(error)) from None
        except sqlite3.Error as error:
            raise OperationalError(str(error)) from None

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def fetchall(self) -> list[Any]:
        """Return octets for text, as some do where the database has no encoding."""
        return [tuple(one.encode() if isinstance(one, str) else one for one in row) for row in self._cursor.fetchall()]

    def close(self) -> None:
        self._cursor.close()


class Connection:
    """One connection; with `ended` the server has closed it."""

    def __init__(self, file: str) -> None:
        self.real = sqlite3.connect(file, check_same_thread=False, timeout=5)
        self.ended = False
        connected.append(self)

    def cursor(self) -> Cursor:
        return Cursor(self)

    def commit(self) -> None:
        self.real.commit()

    def rollback(self) -> None:
        self.real.rollback()

    def close(self) -> None:
        self.real.close()


def connect(**options: Any) -> Connection:
    """Connect to a file."""
    return Connection(options["file"])
