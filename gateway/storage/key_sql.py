"""API keys in an SQLite database, asked through Twisted's `adbapi` in threads of its own."""

# mypy: allow-untyped-calls

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from math import inf
from typing import Any

from twisted.application.service import Service
from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred

from gateway.errors import AuthUnavailable
from gateway.identity.api_keys import KeyRecord

TIMEOUT = 1.0
"""Seconds after which the database counts as failed."""

MOST_WAITING = 1000
"""Look-ups that may wait for a thread; past it the database counts as failed at once."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS gateway_api_keys (
    digest TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user_name TEXT NOT NULL,
    roles TEXT NOT NULL,
    scopes TEXT NOT NULL,
    expires REAL,
    revoked INTEGER NOT NULL DEFAULT 0
)"""

_COLUMNS = "digest, id, user_name, roles, scopes, expires, revoked"


class SqlKeys(Service):
    """Keys in a database (`gateway.identity.api_keys.ManagedKeyStore`).

    Args:
        file: The database; made, with its table, when there is none.
        reactor: Has threads and keeps time.
    """

    def __init__(self, file: str, reactor: Any) -> None:
        self._file = file
        self._reactor = reactor
        self._pool: ConnectionPool | None = None
        self._waiting = 0

    def startService(self) -> None:
        """Open the pool; connections come with the first look-ups."""
        super().startService()
        self._pool = ConnectionPool(
            "sqlite3",
            self._file,
            check_same_thread=False,
            timeout=TIMEOUT,
            cp_min=1,
            cp_max=3,
            cp_reactor=self._reactor,
            cp_openfun=_prepare,
        )

    def stopService(self) -> None:
        """Close it."""
        super().stopService()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    async def find(self, digest: bytes) -> KeyRecord | None:
        """See `KeyStore`."""
        rows = await self._run(lambda cursor: _select(cursor, "WHERE digest = ?", digest.hex()))
        return _record(rows[0]) if rows else None

    async def create(self, record: KeyRecord) -> bool:
        """See `ManagedKeyStore`."""

        def insert(cursor: Any) -> bool:
            try:
                cursor.execute(
                    f"INSERT INTO gateway_api_keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # ours
                    (
                        record.digest.hex(),
                        record.id,
                        record.user,
                        " ".join(sorted(record.roles)),
                        " ".join(sorted(record.scopes)),
                        None if record.expires == inf else record.expires,
                        int(record.revoked),
                    ),
                )
            except sqlite3.IntegrityError:
                return False
            return True

        return bool(await self._run(insert))

    async def revoke(self, key_id: str) -> bool:
        """See `ManagedKeyStore`."""

        def update(cursor: Any) -> int:
            cursor.execute("UPDATE gateway_api_keys SET revoked = 1 WHERE id = ?", (key_id,))
            count: int = cursor.rowcount
            return count

        return bool(await self._run(update))

    async def list(self) -> list[KeyRecord]:
        """See `ManagedKeyStore`."""
        return [_record(row) for row in await self._run(lambda cursor: _select(cursor, "ORDER BY id"))]

    async def _run(self, interaction: Callable[[Any], Any]) -> Any:
        if self._pool is None or self._waiting >= MOST_WAITING:
            raise _unavailable()
        self._waiting += 1
        running: Deferred[Any] = self._pool.runInteraction(interaction)
        running.addBoth(self._done)
        # The thread goes on, and its answer is dropped: a look-up cannot be called back.
        answer: Deferred[Any] = Deferred()
        running.chainDeferred(answer)
        try:
            return await answer.addTimeout(TIMEOUT, self._reactor)
        except Exception:  # noqa: BLE001 - whatever a database has: who is calling is not known
            raise _unavailable() from None

    def _done(self, result: Any) -> Any:
        self._waiting -= 1
        return result


def _prepare(connection: Any) -> None:
    # Readers do not wait for a writer (the command line, another instance).
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(_SCHEMA)
    connection.commit()


def _select(cursor: Any, condition: str, *args: Any) -> list[Any]:
    cursor.execute(f"SELECT {_COLUMNS} FROM gateway_api_keys {condition}", args)  # noqa: S608  # ours, no input
    rows: list[Any] = cursor.fetchall()
    return rows


def _record(row: Any) -> KeyRecord:
    digest, key_id, user, roles, scopes, expires, revoked = row
    return KeyRecord(
        key_id,
        bytes.fromhex(digest),
        user,
        frozenset(roles.split()),
        frozenset(scopes.split()),
        inf if expires is None else float(expires),
        bool(revoked),
    )


def _unavailable() -> AuthUnavailable:
    return AuthUnavailable("The store of API keys does not answer.")
