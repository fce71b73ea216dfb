"""Compare a secret that a request shows with a hash, and hold back who guesses.

Asked by `gateway.answering.token_endpoint` for the clients of the token endpoint, and by `gateway.middleware.basic` for
the users of a file. Attempts are counted by `gateway.middleware.client_limit` (D-100), hashes compared in threads by
`gateway.authorities.secret_checker`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, Protocol

from twisted.logger import Logger

from gateway.exchange import Exchange

_log = Logger()


class Comparing(Protocol):
    """Compares secrets (`gateway.authorities.secret_checker.SecretChecker`)."""

    async def matches(self, secret: str, encoded: str, decoy: bool) -> bool: ...
    async def spares(self, secret: str, encoded: str, decoy: bool) -> bool: ...


class Counting(Protocol):
    """Counts attempts (`gateway.middleware.client_limit.ClientLimit`); raises `LimitExceeded`."""

    async def admit(self, exchange: Exchange, client: str, is_right: Callable[[], Awaitable[bool]] | None) -> bool: ...
    async def failed(self, exchange: Exchange) -> None: ...


class Words(NamedTuple):
    """How the log calls what is compared: `client`, `secret`, `at the token endpoint`."""

    client: str
    secret: str
    where: str


class Guesses:
    """Finds out whether a secret is right, as far as the one who shows it may ask.

    Args:
        checker: Compares secrets.
        limit: Counts attempts, before anything is spent on them.
        words: For the log.
    """

    def __init__(self, checker: Comparing, limit: Counting, words: Words) -> None:
        self._checker = checker
        self._limit = limit
        self._words = words

    async def right(self, exchange: Exchange, name: str, secret: str, encoded: str, decoy: bool) -> bool:
        """Return whether a secret is right; a client that does not exist costs what one with a wrong secret does.

        Args:
            exchange: The attempt.
            name: Who is said to show the secret.
            secret: What is shown.
            encoded: The hash of that client's secret; a decoy's where there is no such client.
            decoy: Whether it is a decoy's.

        Raises:
            gateway.errors.LimitExceeded: There were too many attempts.
            gateway.errors.AuthUnavailable: Too many comparisons are under way.
        """
        paid = await self._limit.admit(exchange, name, partial(self._checker.spares, secret, encoded, decoy))
        if await self._checker.matches(secret, encoded, decoy):
            return True
        # An unknown client's name is not logged: it may be a secret in the wrong field.
        _log.info(
            "Refused {client} {where}, from {client_ip}",
            client=f"an unknown {self._words.client}"
            if decoy
            else f"the {self._words.secret} of {self._words.client} {name}",
            where=self._words.where,
            client_ip=exchange.client_address,
            request_id=exchange.request_id,
            event="auth.guess_refused",
        )
        if not paid:
            await self._limit.failed(exchange)
        return False
