"""A DB-API 2.0 module (PEP 249), and what differs between them: how they are imported, connected and written for."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from gateway.config import foreign

MARKS = {"qmark": "?", "format": "%s", "pyformat": "%s"}
"""What stands for an argument, by `paramstyle`. The other styles number or name it; no known module has only those."""

ERRORS = ("IntegrityError", "OperationalError", "InterfaceError")
"""What is asked of a module's own errors."""

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
        except BaseException as error:  # noqa: BLE001 - its own code, which may end the process as it likes
            if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
                words = f"expected a module that is installed, found none that is called {module}"
            else:
                words = f"expected a module that can be imported, found {foreign.words(error)}"
            raise DriverUnusable(words) from None
        style = getattr(found, "paramstyle", None)
        if style not in MARKS or not callable(getattr(found, "connect", None)):
            raise DriverUnusable(f"expected a DB-API 2.0 module of the style {', '.join(MARKS)}, found {module}")
        errors: dict[str, Any] = {name: getattr(found, name, None) for name in ERRORS}
        for name, kind in errors.items():
            if not (isinstance(kind, type) and issubclass(kind, Exception)):
                raise DriverUnusable(f"expected a DB-API 2.0 module, which has `{name}`, found {module}")
        self.module = module
        self.options = dict(options)
        self.taken: type[Exception] = errors["IntegrityError"]
        self.hung_up: tuple[type[Exception], ...] = ()
        if found is not sqlite3:
            self.hung_up = (errors["OperationalError"], errors["InterfaceError"])
        self._mark = MARKS[style]

    @property
    def is_file(self) -> bool:
        """Whether it is an SQLite file: nothing of its options is secret."""
        return not self.hung_up

    @property
    def address(self) -> str:
        """Where it is, for the log: the file, or the module that knows it."""
        return str(self.options.get("database", self.module)) if self.is_file else self.module

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
        if self.is_file:
            # Readers do not wait for a writer (the command line, another instance).
            _let_write_beside(cursor)
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


def _let_write_beside(cursor: Any) -> None:
    """Have SQLite write ahead; in a thread.

    Of several that do so with a new file all but one are told that it is busy: SQLite does not wait for this lock.
    """
    until = time.monotonic() + TIMEOUT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(0.005)  # nosemgrep: blocking-sleep - in a thread of the pool
        else:
            return


def sqlite(file: str) -> SqlDriver:
    """Return the driver for an SQLite file."""
    return SqlDriver("sqlite3", {"database": file, "check_same_thread": False, "timeout": TIMEOUT})
