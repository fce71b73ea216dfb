"""A DB-API 2.0 module (PEP 249), and what differs between them: how they are imported, connected and written for."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from importlib import import_module
from typing import Any

MARKS = {"qmark": "?", "format": "%s", "pyformat": "%s"}
"""What stands for an argument, by `paramstyle`. The other styles number or name it; no known module has only those."""

TIMEOUT = 1.0
"""Seconds for which SQLite waits for others to be done with the file."""


class DriverUnusable(Exception):
    """A module cannot be used; the words say why."""


class SqlDriver:
    """One module, and where it connects to.

    Args:
        module: Its name, e.g. `psycopg`.
        options: Arguments of its `connect`, secrets among them.

    Attributes:
        module: Its name.
        options: Arguments of its `connect`.
        taken: Its error for a row that is there already.
        hung_up: Its errors that may mean that the server is gone; none for a file.

    Raises:
        DriverUnusable: There is no such module, or it is not of that kind.
    """

    __slots__ = ("_mark", "hung_up", "module", "options", "taken")

    def __init__(self, module: str, options: Mapping[str, Any]) -> None:
        try:
            found = import_module(module)
        except ImportError:
            raise DriverUnusable(f"expected a module that is installed, found none that is called {module}") from None
        style = getattr(found, "paramstyle", None)
        if style not in MARKS or not callable(getattr(found, "connect", None)):
            raise DriverUnusable(f"expected a DB-API 2.0 module of the style {', '.join(MARKS)}, found {module}")
        self.module = module
        self.options = dict(options)
        self.taken: type[Exception] = found.IntegrityError
        self.hung_up: tuple[type[Exception], ...] = ()
        if found is not sqlite3:
            self.hung_up = (found.OperationalError, found.InterfaceError)
        self._mark = MARKS[style]

    def written(self, statement: str) -> str:
        """Return a statement with its arguments marked as this module wants them; it comes with `?`."""
        return statement.replace("?", self._mark)

    def prepare(self, connection: Any, table: str, schema: str) -> None:
        """Make a table where there is none; in a thread, for a new connection.

        Args:
            connection: The module's own.
            table: Name of the table.
            schema: The statement that makes it.
        """
        cursor = connection.cursor()
        if not self.hung_up:
            # Readers do not wait for a writer (the command line, another instance).
            cursor.execute("PRAGMA journal_mode=WAL")
        look = f"SELECT 1 FROM {table} WHERE 1 = 0"  # noqa: S608  # ours
        try:
            cursor.execute(look)
        except Exception:  # noqa: BLE001 - each module has errors of its own
            connection.rollback()
            try:
                cursor.execute(schema)
            except Exception:  # noqa: BLE001
                # Another instance was first: two that make the same table at once get an error from PostgreSQL.
                connection.rollback()
                cursor.execute(look)
        cursor.close()
        connection.commit()


def sqlite(file: str) -> SqlDriver:
    """Return the driver for an SQLite file."""
    return SqlDriver("sqlite3", {"database": file, "check_same_thread": False, "timeout": TIMEOUT})
