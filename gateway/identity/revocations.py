"""Credentials that are refused although they are valid by themselves.

A token's `jti`, or the id of an API key, until the credential would have
ended anyway. Asked by `gateway.middleware.verification` for every principal,
also for one that it has kept. Pure: `now` is passed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from gateway.principal import Principal

MOST = 100_000
"""Most entries: at some 200 octets each no burden, and no script that has gone wrong fills memory."""


class Revocations:
    """The deny-list.

    Args:
        most: Most entries.
    """

    __slots__ = ("_most", "_until")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._until: dict[tuple[str, str], float] = {}

    def add(self, kind: str, name: str, now: float, until: float = inf) -> bool:
        """Refuse a credential from now on.

        Args:
            kind: `jti` or `key_id`.
            name: Which one.
            now: Unix seconds.
            until: Unix seconds, when the credential ends by itself.

        Returns:
            False where there is no room: nothing that still counts is dropped for it.
        """
        if len(self._until) >= self._most and (kind, name) not in self._until:
            self._until = {key: end for key, end in self._until.items() if end > now}
            if len(self._until) >= self._most:
                return False
        self._until[kind, name] = until
        return True

    def refuses(self, principal: Principal, now: float) -> bool:
        """Whether a principal's credential is on the list."""
        return self._holds(("jti", principal.token_id), now) or self._holds(("key_id", principal.key_id), now)

    def _holds(self, key: tuple[str, str], now: float) -> bool:
        until = self._until.get(key)
        return until is not None and now < until

    def entries(self) -> Iterator[tuple[str, str, float]]:
        """Return kind, name and end of every entry."""
        return ((kind, name, until) for (kind, name), until in self._until.items())

    def __len__(self) -> int:
        return len(self._until)
