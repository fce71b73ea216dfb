"""What refresh tokens stand for, in Redis: good at every instance, and through restarts.

Asked by `gateway.answering.token_endpoint` (`gateway.identity.refresh.GrantStore`).
A grant is kept by the hash of its token, so that who reads Redis cannot use it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import ceil

from gateway.errors import AuthUnavailable
from gateway.identity.refresh import Grant
from gateway.storage.errors import StoreUnavailable
from gateway.storage.redis import RedisStore
from gateway.storage.resp import Script

PREFIX = "gateway:refresh:"

_TAKE = Script(b"local found = redis.call('GET', KEYS[1]) if found then redis.call('DEL', KEYS[1]) end return found")
"""GETDEL, which Redis has since 6.2 only."""


class RedisGrants:
    """Grants in Redis.

    Args:
        store: Where.
        wall_clock: Unix seconds.
    """

    def __init__(self, store: RedisStore, wall_clock: Callable[[], float]) -> None:
        self._store = store
        self._wall_clock = wall_clock

    async def keep(self, digest: str, grant: Grant) -> None:
        """Keep a grant until it ends.

        Raises:
            AuthUnavailable: Redis does not answer: a refresh token that nobody knows would be given out.
        """
        left = ceil((grant.expires - self._wall_clock()) * 1000)
        try:
            await self._store.command(b"SET", PREFIX + digest, json.dumps(grant), b"PX", max(1, left))
        except StoreUnavailable:
            raise _unavailable() from None

    async def take(self, digest: str) -> Grant | None:
        """Return a grant and forget it: of two who ask at once, one gets it.

        Raises:
            AuthUnavailable: Redis does not answer.
        """
        try:
            found = await self._store.script(_TAKE, (PREFIX + digest,), ())
        except StoreUnavailable:
            raise _unavailable() from None
        if found is None:
            return None
        client, scopes, expires = json.loads(found)
        return Grant(client, tuple(scopes), expires)


def _unavailable() -> AuthUnavailable:
    return AuthUnavailable("The store of refresh tokens does not answer.")
