"""The deny-list: credentials that are refused although they are valid.

An entry is a token's `jti` or the id of an API key, and stays until the
credential expires. Asked by `gateway.middleware.verification` for every
principal, also for a cached one. Pure: `now` is passed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final

from gateway.principal import Principal

MOST: Final = 100_000
"""Most entries, some 200 octets each: a script that revokes without end does not fill the memory."""


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
            name: The token id or key id.
            now: Unix seconds.
            until: Unix seconds when the credential expires.

        Returns:
            False where the list is full: an entry that has not expired is never dropped for another.
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
        """Return the kind, the name and the end (Unix seconds) of every entry."""
        return iter([(kind, name, until) for (kind, name), until in self._until.items()])

    def __len__(self) -> int:
        return len(self._until)
