"""API keys out of the configuration.

Tests: `tests/contracts/test_key_store.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.identity.api_keys import KeyRecord


class MemoryKeys:
    """A fixed set of keys (`gateway.identity.api_keys.KeyStore`).

    Args:
        records: All of them.
    """

    def __init__(self, records: Iterable[KeyRecord]) -> None:
        self._records = {record.digest: record for record in records}

    def find(self, digest: bytes) -> KeyRecord | None:
        """See `KeyStore`; at once."""
        return self._records.get(digest)
