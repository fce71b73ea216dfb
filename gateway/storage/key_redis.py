"""API keys in Redis: one hash for each, found by digest, and an index by id.

Both keys share a hash tag, so that a script may touch them on a cluster too.

Tests: `tests/composition/builders/test_api_keys.py`.
"""

from __future__ import annotations

import json
from math import inf
from typing import Any

from gateway.errors import AuthUnavailable
from gateway.identity.api_keys import KeyRecord
from gateway.storage.errors import StoreUnavailable
from gateway.storage.redis import RedisStore
from gateway.storage.resp import Argument, Script

_CREATE = Script(
    b"if redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2]) == 0 then return 0 end "
    b"redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) return 1"
)
_REVOKE = Script(
    b"local digest = redis.call('HGET', KEYS[2], ARGV[1]) if not digest then return 0 end "
    b"local record = cjson.decode(redis.call('HGET', KEYS[1], digest)) record['revoked'] = true "
    b"redis.call('HSET', KEYS[1], digest, cjson.encode(record)) return 1"
)


class RedisKeys:
    """Keys in Redis (`gateway.identity.api_keys.ManagedKeyStore`).

    Args:
        store: Where.
        prefix: What the names of its own keys begin with.
    """

    def __init__(self, store: RedisStore, prefix: str = "gateway") -> None:
        self._store = store
        self._keys = f"{prefix}:{{apikeys}}:by-digest"
        self._ids = f"{prefix}:{{apikeys}}:by-id"

    async def find(self, digest: bytes) -> KeyRecord | None:
        """See `KeyStore`."""
        return _read(digest, await self._ask(b"HGET", self._keys, digest.hex()))

    async def create(self, record: KeyRecord) -> bool:
        """See `ManagedKeyStore`."""
        return bool(await self._run(_CREATE, record.id, record.digest.hex(), _written(record)))

    async def revoke(self, key_id: str) -> bool:
        """See `ManagedKeyStore`."""
        return bool(await self._run(_REVOKE, key_id))

    async def list(self) -> list[KeyRecord]:
        """See `ManagedKeyStore`."""
        flat = await self._ask(b"HGETALL", self._keys)
        pairs = zip(flat[::2], flat[1::2], strict=True)
        records = [_read(bytes.fromhex(digest.decode()), text) for digest, text in pairs]
        return sorted((record for record in records if record is not None), key=lambda record: record.id)

    async def _ask(self, *command: Argument) -> Any:
        try:
            return await self._store.command(*command)
        except StoreUnavailable:
            raise _unavailable() from None

    async def _run(self, script: Script, *args: Argument) -> Any:
        try:
            return await self._store.script(script, (self._keys, self._ids), args)
        except StoreUnavailable:
            raise _unavailable() from None


def _unavailable() -> AuthUnavailable:
    return AuthUnavailable("The store of API keys does not answer.")


def _written(record: KeyRecord) -> str:
    return json.dumps(
        {
            "id": record.id,
            "user": record.user,
            "roles": " ".join(sorted(record.roles)),
            "scopes": " ".join(sorted(record.scopes)),
            "expires": None if record.expires == inf else record.expires,
            "revoked": record.revoked,
        }
    )


def _read(digest: bytes, text: bytes | None) -> KeyRecord | None:
    if text is None:
        return None
    try:
        said = json.loads(text)
        expires = said.get("expires")
        return KeyRecord(
            said["id"],
            digest,
            said.get("user") or "",
            frozenset(said.get("roles", "").split()),
            frozenset(said.get("scopes", "").split()),
            inf if expires is None else float(expires),
            bool(said.get("revoked")),
        )
    except (ValueError, KeyError, AttributeError, TypeError):
        # What somebody else has written there is no key.
        return None
