"""The contract of a store: what is said of every one is in `tests/contracts/test_cache_store.py`."""

from __future__ import annotations

import pytest

from gateway.caching.kept import Kept
from gateway.caching.key import Key, make_key
from gateway.caching.store import CacheStore, Chosen, Purge
from gateway.headers import HeaderBlock, Headers

KEY = make_key(b"", "r", b"http", b"h", b"/", b"/", b"")


class Stored(CacheStore):
    def __init__(self) -> None:
        self.kept: list[Kept] = []

    def keep(self, key: Key, names: tuple[bytes, ...], chosen: Chosen, kept: Kept) -> None:
        self.kept.append(kept)


def test_a_store_that_cannot_do_better_keeps_all_of_what_was_made_fresh() -> None:
    """`refresh` is `keep`, unless a store knows a shorter way."""
    store, kept = Stored(), Kept(200, HeaderBlock(Headers()), b"", 0, 0, 0, 0, 0)

    store.refresh(KEY, (), lambda names: (), kept)

    assert store.kept == [kept]


def test_the_contract_itself_does_nothing() -> None:
    """A store that lacks a method fails loudly."""
    store = CacheStore()

    with pytest.raises(NotImplementedError):
        store.find(KEY, lambda names: (), 0.0)
    with pytest.raises(NotImplementedError):
        store.purge(Purge())
