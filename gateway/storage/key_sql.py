"""API keys in an SQL database, asked through Twisted's `adbapi` in threads of its own.

That is an SQLite file; what another DB-API module does otherwise is in `gateway.storage.sql_driver`.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from twisted.application.service import Service
from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred

from gateway.errors import AuthUnavailable
from gateway.identity.api_keys import KeyRecord
from gateway.storage.sql_driver import SqlDriver

TIMEOUT = 1.0
"""Seconds after which the database counts as failed."""

MOST_WAITING = 1000
"""Look-ups that may wait for a thread; past it the database counts as failed at once."""

_TABLE = "gateway_api_keys"

_SCHEMA = f"""CREATE TABLE IF NOT EXISTS {_TABLE} (
    digest VARCHAR(64) PRIMARY KEY,
    id VARCHAR(64) NOT NULL UNIQUE,
    user_name TEXT NOT NULL,
    roles TEXT NOT NULL,
    scopes TEXT NOT NULL,
    expires DOUBLE PRECISION,
    revoked SMALLINT NOT NULL DEFAULT 0
)"""

_COLUMNS = "digest, id, user_name, roles, scopes, expires, revoked"


class SqlKeys(Service):
    """Keys in a database (`gateway.identity.api_keys.ManagedKeyStore`).

    Args:
        driver: The database; its table is made when there is none.
        reactor: Has threads and keeps time.
    """

    def __init__(self, driver: SqlDriver, reactor: Any) -> None:
        self._driver = driver
        self._reactor = reactor
        self._pool: ConnectionPool | None = None
        self._waiting = 0

    def startService(self) -> None:
        """Open the pool; connections come with the first look-ups."""
        super().startService()
        self._pool = ConnectionPool(
            self._driver.module,
            **self._driver.options,
            cp_min=1,
            cp_max=3,
            cp_reactor=self._reactor,
            cp_openfun=lambda connection: self._driver.prepare(connection, _TABLE, _SCHEMA),
        )

    def stopService(self) -> None:
        """Close it."""
        super().stopService()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    async def find(self, digest: bytes) -> KeyRecord | None:
        """See `KeyStore`."""
        rows = await self._run(lambda cursor: self._select(cursor, "WHERE digest = ?", digest.hex()))
        return _record(rows[0]) if rows else None

    async def create(self, record: KeyRecord) -> bool:
        """See `ManagedKeyStore`."""

        def insert(cursor: Any) -> bool:
            # The row is looked for first: not every module raises PEP 249's IntegrityError where it is there already.
            if self._select(cursor, "WHERE id = ? OR digest = ?", record.id, record.digest.hex()):
                return False
            try:
                cursor.execute(
                    self._driver.written(f"INSERT INTO {_TABLE} ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"),  # noqa: S608  # ours
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
            except self._driver.taken:
                return False
            return True

        return bool(await self._run(insert))

    async def revoke(self, key_id: str) -> bool:
        """See `ManagedKeyStore`."""

        def update(cursor: Any) -> int:
            cursor.execute(self._driver.written(f"UPDATE {_TABLE} SET revoked = 1 WHERE id = ?"), (key_id,))  # noqa: S608
            count: int = cursor.rowcount
            return count

        return bool(await self._run(update))

    async def list(self) -> list[KeyRecord]:
        """See `ManagedKeyStore`."""
        return [_record(row) for row in await self._run(lambda cursor: self._select(cursor, "ORDER BY id"))]

    async def _run(self, interaction: Callable[[Any], Any]) -> Any:
        if self._pool is None or self._waiting >= MOST_WAITING:
            raise _unavailable()
        self._waiting += 1
        running: Deferred[Any] = self._pool.runInteraction(lambda cursor: self._ask(cursor, interaction))
        running.addBoth(self._done)
        # The thread goes on, and its answer is dropped: a look-up cannot be called back.
        answer: Deferred[Any] = Deferred()
        running.chainDeferred(answer)
        try:
            return await answer.addTimeout(TIMEOUT, self._reactor)
        except Exception:  # noqa: BLE001 - whatever a database has: who is calling is not known
            raise _unavailable() from None

    def _ask(self, cursor: Any, interaction: Callable[[Any], Any]) -> Any:
        """Do it, in a thread; once more where the server had closed the connection, as servers do with idle ones."""
        try:
            return interaction(cursor)
        except self._driver.hung_up:
            cursor.reconnect()
            cursor.reopen()
            return interaction(cursor)

    def _select(self, cursor: Any, condition: str, *args: Any) -> Any:
        cursor.execute(self._driver.written(f"SELECT {_COLUMNS} FROM {_TABLE} {condition}"), args)  # noqa: S608  # ours
        return cursor.fetchall()

    def _done(self, result: Any) -> Any:
        self._waiting -= 1
        return result


def _record(row: Any) -> KeyRecord:
    # From a database without an encoding (SQL_ASCII, binary collations) some modules give octets for text.
    digest, key_id, user, roles, scopes = (each.decode() if isinstance(each, bytes) else each for each in row[:5])
    expires, revoked = row[5:]
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
