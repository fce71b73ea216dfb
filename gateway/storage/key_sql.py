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
from twisted.internet.defer import Deferred, TimeoutError, ensureDeferred  # noqa: A004  # not the builtin one

from gateway.config.foreign import words
from gateway.errors import AuthUnavailable
from gateway.identity.api_keys import KeyRecord
from gateway.storage.sql_driver import SqlDriver
from gateway.storage.standing import StoreStanding

TIMEOUT = 1.0
"""Seconds after which the database counts as failed."""

AGAIN = 5.0
"""Seconds after which a database that has not answered is asked again, whether or not anybody has a key."""

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
        count: Told the reason of each failure of a look-up, for `gateway_store_failures_total`.
        patience: Seconds after which it counts as failed; who has nobody waiting may have more.

    Attributes:
        standing: Whether it answers.
    """

    def __init__(
        self,
        driver: SqlDriver,
        reactor: Any,
        count: Callable[[str], object] = lambda _: None,
        patience: float = TIMEOUT,
    ) -> None:
        self._driver = driver
        self._reactor = reactor
        self._patience = patience
        self.standing = StoreStanding("The database of API keys", driver.address, reactor.seconds, count)
        self._again: Any = None
        self._pool: ConnectionPool | None = None
        self._waiting = 0

    def startService(self) -> None:
        """Open the pool, and look whether the database answers: nobody is to find out by a key that is refused."""
        super().startService()
        self._pool = ConnectionPool(
            self._driver.module,
            **self._driver.options,
            cp_min=1,
            cp_max=3,
            cp_reactor=self._reactor,
            cp_openfun=lambda connection: self._driver.prepare(connection, _TABLE, _SCHEMA),
        )
        self._look()

    def stopService(self) -> None:
        """Close it."""
        super().stopService()
        if self._again is not None and self._again.active():
            self._again.cancel()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    async def find(self, digest: bytes) -> KeyRecord | None:
        """See `KeyStore`."""
        rows = await self._run(lambda cursor: self._select(cursor, "WHERE digest = ?", digest.hex()), self.standing)
        return _record(rows[0]) if rows else None

    def _look(self) -> None:
        """Ask for a key that nobody has; while there is no answer now and then, since clients may have given up."""
        self._again = None
        ensureDeferred(self.find(b"")).addErrback(lambda _: None)  # `standing` has been told

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

    async def _run(self, interaction: Callable[[Any], Any], standing: StoreStanding | None = None) -> Any:
        """Do it in a thread.

        Args:
            interaction: Takes a cursor.
            standing: Told what becomes of it.
        """
        if self._pool is None:
            raise _unavailable()
        if self._waiting >= MOST_WAITING:
            if standing is not None:
                standing.failed("down", f"{MOST_WAITING} look-ups wait for it")
            raise _unavailable()
        self._waiting += 1
        running: Deferred[Any] = self._pool.runInteraction(lambda cursor: self._ask(cursor, interaction))
        running.addBoth(self._done)
        # The thread goes on, and its answer is dropped: a look-up cannot be called back.
        answer: Deferred[Any] = Deferred()
        running.chainDeferred(answer)
        try:
            found = await answer.addTimeout(self._patience, self._reactor)
        except Exception as error:  # noqa: BLE001 - whatever a database has: who is calling is not known
            if standing is not None and self._pool is not None:
                standing.failed(*self._failure(error))
                if self._again is None:
                    self._again = self._reactor.callLater(AGAIN, self._look)
            raise _unavailable() from None
        if standing is not None:
            standing.answered()
        return found

    def _failure(self, error: Exception) -> tuple[str, str]:
        """Return the reason and the cause of a look-up without an answer."""
        if isinstance(error, TimeoutError):
            return "timeout", f"no answer in {self._patience:g} s"
        options = {} if self._driver.is_file else self._driver.options
        return "lost" if isinstance(error, self._driver.hung_up) else "refused", words(error, options)

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
