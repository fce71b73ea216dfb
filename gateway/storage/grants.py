"""What refresh tokens stand for, in Redis: good at every instance, and through restarts.

Asked by `gateway.answering.token_endpoint` (`gateway.identity.refresh.GrantStore`). A family of tokens is one hash
under one key, so that each step is one script and may be made in a cluster: `good` (the hash of the token that is good
now), `client`, `scopes`.

Tests: `tests/contracts/test_grant_store.py`.
"""

from __future__ import annotations

import json
from math import ceil
from typing import Any

from gateway.errors import AuthUnavailable
from gateway.identity.refresh import Grant, Shown, Turned
from gateway.storage.errors import StoreUnavailable
from gateway.storage.redis import RedisStore
from gateway.storage.resp import Script

PREFIX = "gateway:refresh:"

_BEGIN = Script(
    b"redis.call('HSET', KEYS[1], 'good', ARGV[1], 'client', ARGV[2], 'scopes', ARGV[3]) "
    b"return redis.call('PEXPIRE', KEYS[1], ARGV[4])"
)
_TURN = Script(
    b"local found = redis.call('HMGET', KEYS[1], 'good', 'client', 'scopes') "
    b"if not found[1] then return false end "
    b"if found[1] ~= ARGV[1] then redis.call('DEL', KEYS[1]) return {0, found[2], found[3]} end "
    b"redis.call('HSET', KEYS[1], 'good', ARGV[2]) "
    b"redis.call('PEXPIRE', KEYS[1], ARGV[3]) "
    b"return {1, found[2], found[3]}"
)


class RedisGrants:
    """Families of refresh tokens in Redis.

    Args:
        store: Where.
    """

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    async def begin(self, token: Shown, grant: Grant, now: float, expires: float) -> None:
        """Keep a new family until it ends.

        Raises:
            AuthUnavailable: Redis does not answer: a refresh token that nobody knows would be given out.
        """
        said = (token.digest, grant.client, json.dumps(grant.scopes), _milliseconds(now, expires))
        await self._run(_BEGIN, token.family, *said)

    async def turn(self, shown: Shown, following: Shown, now: float, expires: float) -> Turned | None:
        """Let another token be the good one, or end the family.

        Raises:
            AuthUnavailable: Redis does not answer.
        """
        said = (shown.digest, following.digest, _milliseconds(now, expires))
        found = await self._run(_TURN, shown.family, *said)
        if found is None:
            return None
        good, client, scopes = found
        return Turned(Grant(client.decode(), tuple(json.loads(scopes))), good == 1)

    async def end(self, family: str) -> None:
        """End a family.

        Raises:
            AuthUnavailable: Redis does not answer: the token would still be good.
        """
        try:
            await self._store.command(b"DEL", PREFIX + family)
        except StoreUnavailable:
            raise _unavailable() from None

    async def _run(self, script: Script, family: str, *arguments: str) -> Any:
        try:
            return await self._store.script(script, (PREFIX + family,), arguments)
        except StoreUnavailable:
            raise _unavailable() from None


def _milliseconds(now: float, expires: float) -> str:
    return str(max(1, ceil((expires - now) * 1000)))


def _unavailable() -> AuthUnavailable:
    return AuthUnavailable("The store of refresh tokens does not answer.")
