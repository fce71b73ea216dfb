"""Answers in memory: bounds, and purges. What every store keeps is in `tests/contracts/test_cache_store.py`."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.kept import Kept, Values
from gateway.caching.key import Key, make_key
from gateway.caching.memory import MemoryStore
from gateway.caching.store import MOST_VARIANTS, Missed, Purge
from gateway.headers import HeaderBlock, Headers

NOW = 1000.0


def key_of(path: bytes, query: bytes | None = b"", route: str = "r") -> Key:
    """Return a key of a path."""
    return make_key(route.encode(), route, b"http", b"h", path, path + b"?" + (query or b""), query)


def answer(stamp: int, body: bytes = b"x", tags: tuple[bytes, ...] = ()) -> Kept:
    """Return an answer that is fresh for ten seconds."""
    return Kept(200, HeaderBlock(Headers()), body, NOW, NOW + 10, NOW + 10, NOW + 10, NOW + 10, tags, stamp)


def one(*values: bytes | None) -> Callable[[tuple[bytes, ...]], Values]:
    """Return what tells values of fields `a`, `b`, … in this order."""
    return lambda names: tuple(values["ab".index(name.decode())] for name in names)


class Cache:
    """A store, and short words for what is done with it."""

    def __init__(self, most: int = 10**6) -> None:
        self.evicted: list[str] = []
        self.store = MemoryStore(most, evicted=self.evicted.append)

    def keep(self, key: Key, body: bytes = b"x", tags: tuple[bytes, ...] = ()) -> None:
        found = self.store.find(key, one(), NOW)
        self.store.keep(key, (), one(), answer(found.stamp, body, tags))

    def body(self, key: Key) -> bytes | None:
        found = self.store.find(key, one(), NOW)
        return None if isinstance(found, Missed) else found.body


def test_the_content_is_not_copied() -> None:
    """A hit gives the octets that were kept, and the same object to all."""
    cache = Cache()
    body = b"x" * 1000
    cache.keep(key_of(b"/"), body)

    assert cache.body(key_of(b"/")) is body


def test_what_was_not_asked_for_longest_makes_way() -> None:
    """The store never holds more than its bound; a hit keeps an answer from making way."""
    cache = Cache(5 * (1000 + 1300))
    for name in b"abcd":
        cache.keep(key_of(b"/%c" % name), b"x" * 1000)
    assert cache.body(key_of(b"/a")) is not None

    for name in b"efg":
        cache.keep(key_of(b"/%c" % name), b"x" * 1000)
        assert cache.store.octets <= 5 * 2300

    assert cache.body(key_of(b"/a")) is not None
    assert cache.body(key_of(b"/b")) is None
    assert cache.evicted == ["r", "r", "r"]


def test_one_that_is_larger_than_the_store_is_not_kept() -> None:
    """Nothing makes way for an answer that has no room in any case."""
    cache = Cache(5000)
    cache.keep(key_of(b"/a"))

    cache.keep(key_of(b"/b"), b"x" * 5000)

    assert cache.body(key_of(b"/b")) is None
    assert cache.body(key_of(b"/a")) is not None


def test_octets_are_those_that_are_held() -> None:
    """Whatever is kept, replaced, removed or purged: an empty store holds none."""
    cache = Cache()
    for path in (b"/a", b"/b", b"/c"):
        cache.keep(key_of(path), b"1")
        cache.keep(key_of(path), b"22")
    store = cache.store
    store.keep(key_of(b"/d"), (b"a",), one(b"1"), answer(1))
    store.keep(key_of(b"/d"), (b"b",), one(b"1", b"2"), answer(1))
    assert len(store) == 4

    store.remove(key_of(b"/a"), one())
    store.purge(Purge(url=b"h/b"))
    store.purge(Purge(tag=b"none"))
    assert isinstance(store.find(key_of(b"/c"), one(), NOW + 10), Missed)
    store.remove(key_of(b"/d"), one(b"1", b"2"))

    assert (store.octets, len(store)) == (0, 0)


def test_long_values_take_room_too() -> None:
    """What answers were chosen by is text of clients: it counts."""
    store = MemoryStore(10**6)

    store.keep(key_of(b"/"), (b"a",), one(b"v" * 10_000), answer(1))

    assert store.octets > 10_000


def test_no_more_than_so_many_answers_behind_one_key() -> None:
    """The oldest makes way."""
    evicted: list[str] = []
    store = MemoryStore(10**6, evicted=evicted.append)
    for number in range(MOST_VARIANTS + 1):
        store.keep(key_of(b"/"), (b"a",), one(b"%d" % number), answer(1))

    assert (len(store), evicted) == (MOST_VARIANTS, ["r"])
    assert isinstance(store.find(key_of(b"/"), one(b"0"), NOW), Missed)
    assert isinstance(store.find(key_of(b"/"), one(b"1"), NOW), Kept)


@pytest.mark.parametrize(
    ("purge", "left"),
    [
        (Purge(), b""),
        (Purge(route="r"), b"3"),
        (Purge(tag=b"t"), b"123"),
        (Purge(url=b"h/a"), b"4"),
        (Purge(url=b"h/a", query=b"q"), b"14"),
    ],
)
def test_what_a_purge_meets_is_gone(purge: Purge, left: bytes) -> None:
    """A purge meets what it names and nothing else, also where it is kept after the purge and was asked for before."""
    places = {
        b"1": (key_of(b"/a"), ()),
        b"2": (key_of(b"/a", b"q"), ()),
        b"3": (key_of(b"/a", None, route="other"), ()),
        b"4": (key_of(b"/b"), (b"s", b"t")),
    }
    before, under_way = Cache(), Cache()
    stamp = under_way.store.find(key_of(b"/a"), one(), NOW).stamp
    for name, (key, tags) in places.items():
        before.keep(key, name, tags)

    before.store.purge(purge)
    under_way.store.purge(purge)
    for name, (key, tags) in places.items():
        under_way.store.keep(key, (), one(), answer(stamp, name, tags))

    for cache in (before, under_way):
        assert [name for name, (key, _) in places.items() if cache.body(key) == name] == [
            b"%c" % octet for octet in left
        ]
    for name, (key, tags) in places.items():
        before.keep(key, name, tags)
    assert all(before.body(key) == name for name, (key, _) in places.items()), "kept after the purge"


def test_a_purge_of_one_query_looks_at_no_others() -> None:
    """However many of one URL a client has had kept: who changes something is not held up by them."""
    store = MemoryStore(10**8)
    for number in range(3000):
        store.keep(key_of(b"/", b"%d" % number), (), one(), answer(1))
    looked = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal looked
        looked += 1

    sys.setprofile(count)
    try:
        store.purge(Purge(url=b"h/", query=b"7"))
    finally:
        sys.setprofile(None)

    assert looked < 100
    assert len(store) == 2999
    store.purge(Purge(url=b"h/"))
    assert (len(store), store.octets) == (0, 0)


def test_what_is_noted_of_a_purge_is_short() -> None:
    """Clients choose the URLs that they change."""
    store = MemoryStore(10**6)
    store.purge(Purge(url=b"h/", query=b""))  # what is made once is there
    tracemalloc.start()
    try:
        for number in range(100):
            store.purge(Purge(url=b"h/%d/" % number + b"a" * 10_000, query=b"b" * 10_000))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 100_000


def test_forgotten_purges_count_for_all() -> None:
    """The memory of purges is bounded: what was under way during more of them is not kept."""
    store = MemoryStore(10**6, noted=2)
    for number in range(3):
        store.purge(Purge(url=b"h/%d" % number))

    store.keep(key_of(b"/"), (), one(), answer(1))

    assert len(store) == 0
    store.keep(key_of(b"/"), (), one(), answer(store.find(key_of(b"/"), one(), NOW).stamp))
    assert len(store) == 1


@given(st.lists(st.tuples(st.sampled_from(["keep", "find", "purge"]), st.sampled_from(b"abcd")), max_size=30))
def test_what_makes_way_is_what_was_asked_for_longest_ago(steps: list[tuple[str, int]]) -> None:
    """Whoever was asked for again and again in between, kept anew, or purged."""
    cache = Cache()
    order: list[int] = []
    for what, name in steps:
        key = key_of(b"/%c" % name)
        if what == "keep":
            cache.keep(key)
        elif what == "find":
            cache.body(key)
        else:
            cache.store.purge(Purge(url=key.url))
        if name in order or what == "keep":
            order = [other for other in order if other != name] + ([name] if what != "purge" else [])

    assert [place.key.url[-1] for place in cache.store._places.values()] == order


def test_what_is_foreseen_does_not_count_as_asked_for() -> None:
    """It is what a look-up would find, purged and past answers not; and it makes way as if nobody had looked."""
    cache = Cache(6000)
    first, second = key_of(b"/1"), key_of(b"/2", route="other")
    cache.keep(first, b"1" * 1000)
    cache.keep(second, b"2" * 1000)

    found = cache.store.foresee(first, one(), NOW)

    assert found is not None
    assert found.body == b"1" * 1000
    assert cache.store.foresee(first, one(), NOW + 10) is None
    cache.keep(key_of(b"/3"), b"3" * 1000)
    assert cache.store.foresee(first, one(), NOW) is None  # it was asked for longest ago
    assert cache.store.foresee(second, one(), NOW) is not None
    cache.store.purge(Purge(route="other"))
    assert cache.store.foresee(second, one(), NOW) is None
