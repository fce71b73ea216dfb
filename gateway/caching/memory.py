"""A store of answers in memory, bounded by the octets that it holds; what was not asked for longest makes way.

# Note [Purges of many answers]
There may be tens of thousands of answers of a route or with a tag, and the reactor must not be held while each of them
is looked for. So a purge is noted with its stamp, and an answer that is found is compared with what was purged since it
was compared last; those that nobody asks for any more make way in time. Purges of one URL are frequent, since requests
that change something make them: what they meet is dropped at once, by an index of URLs and of their queries. A client
can have tens of thousands of queries of one URL kept: one of them is found without a look at the others. What is noted
of a purge is short, since clients choose the URLs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from gateway.caching.kept import Kept, Values
from gateway.caching.key import Key
from gateway.caching.store import MOST_VARIANTS, CacheStore, Chosen, Missed, Purge

_NOTED: Final = 4096
"""Purges that are remembered, of URLs, tags and routes each; what was forgotten counts for all that is not there."""


_INDEXED: Final = 300
"""Octets that a key takes in the index of URLs, roughly."""


class _Noted:
    """Stamps of purges by what was purged; the oldest are forgotten, and count for all that is not there."""

    __slots__ = ("_most", "_stamps", "floor")

    def __init__(self, most: int) -> None:
        self._most = most
        self._stamps: OrderedDict[object, int] = OrderedDict()
        self.floor = 0

    def note(self, name: object, stamp: int) -> None:
        self._stamps[name] = stamp
        self._stamps.move_to_end(name)
        if len(self._stamps) > self._most:
            self.floor = self._stamps.popitem(last=False)[1]

    def last(self, name: object) -> int:
        """Return the stamp of the last purge that may have met something."""
        return self._stamps.get(name, self.floor)


class _Place:
    """What is kept behind one key.

    Attributes:
        key: The key.
        names: Of the request fields that its answers vary on.
        answers: By the values of these fields.
        stamp: Of the last purge that its answers were compared with.
        octets: What it takes up.
    """

    __slots__ = ("answers", "key", "names", "octets", "stamp")

    def __init__(self, key: Key, names: tuple[bytes, ...], stamp: int) -> None:
        self.key = key
        self.names = names
        self.answers: dict[Values, Kept] = {}
        self.stamp = stamp
        self.octets = 0


class MemoryStore(CacheStore):
    """Answers in the memory of this process.

    Args:
        most: Octets that it may hold.
        noted: Purges that are remembered, of each kind.
        evicted: Called with its route's name for each answer that makes way.

    Attributes:
        octets: What it holds.
    """

    __slots__ = (
        "_all",
        "_asked",
        "_evicted",
        "_most",
        "_places",
        "_routes",
        "_stamp",
        "_tags",
        "_urls",
        "_urls_purged",
        "_wide",
        "octets",
    )

    def __init__(self, most: int, noted: int = _NOTED, evicted: Callable[[str], object] = lambda route: None) -> None:
        self._most = most
        self._evicted = evicted
        self._places: OrderedDict[bytes, _Place] = OrderedDict()
        self._asked: _Place | None = None  # the last one of them, so that who asks for it again moves nothing
        # By their URL, and then by their query.
        self._urls: dict[bytes, dict[bytes | None, dict[bytes, _Place]]] = {}
        # Of the last purge; of the last one of a route or a tag, and of the last one of everything.
        self._stamp = 1
        self._wide = 0
        self._all = 0
        self._routes = _Noted(noted)
        self._tags = _Noted(noted)
        self._urls_purged = _Noted(noted)
        self.octets = 0

    @property
    def stamp(self) -> int:
        """Return what a look-up would say now of purges."""
        return self._stamp

    def find(self, key: Key, chosen: Chosen, now: float) -> Kept | Missed:
        place = self._places.get(key.primary)
        if place is None:
            return Missed(self._stamp)
        if place.stamp < self._wide and self._has_lost(place):
            return Missed(self._stamp)
        names = place.names
        kept = place.answers.get(chosen(names) if names else ())
        if kept is None:
            return Missed(self._stamp)
        if now >= kept.until:
            self._forget(place, kept)
            return Missed(self._stamp)
        if place is not self._asked:
            self._touch(place)
        return kept

    def foresee(self, key: Key, chosen: Chosen, now: float) -> Kept | None:
        """Return what `find` would, for people: it does not count as asked for, so that nothing else makes way."""
        place = self._places.get(key.primary)
        if place is None or (place.stamp < self._wide and self._has_lost(place)):
            return None
        kept = place.answers.get(chosen(place.names) if place.names else ())
        return None if kept is None or now >= kept.until else kept

    def keep(self, key: Key, names: tuple[bytes, ...], chosen: Chosen, kept: Kept) -> None:
        if kept.stamp < self._stamp and self._purged(key, kept, kept.stamp):
            return
        if kept.octets > self._most:
            return
        place = self._places.get(key.primary)
        if place is not None and place.stamp < self._wide and self._has_lost(place):
            place = None
        if place is None:
            place = self._enter(key, names)
        else:
            self._touch(place)
            if not set(names).issubset(place.names):
                for values in list(place.answers):
                    self._drop(place, values)
                place.names = tuple(sorted({*place.names, *names}))
        values = chosen(place.names) if place.names else ()
        if values in place.answers:
            self._drop(place, values)
        elif len(place.answers) >= MOST_VARIANTS:
            self._evicted(key.route)
            self._drop(place, next(iter(place.answers)))
        kept.stamp = self._stamp
        place.answers[values] = kept
        self._count(place, _octets(values, kept))
        self._make_room()

    def resize(self, most: int) -> None:
        """Hold so many octets from now on."""
        self._most = most
        self._make_room()

    def _make_room(self) -> None:
        while self.octets > self._most:
            oldest = next(iter(self._places.values()))
            for _ in oldest.answers:
                self._evicted(oldest.key.route)
            self._leave(oldest)

    def remove(self, key: Key, chosen: Chosen) -> None:
        place = self._places.get(key.primary)
        if place is not None:
            kept = place.answers.get(chosen(place.names) if place.names else ())
            if kept is not None:
                self._forget(place, kept)

    def purge(self, purge: Purge) -> None:
        self._stamp += 1
        stamp, url, query = self._stamp, purge.url, purge.query
        if url is not None:
            noted = self._urls_purged
            noted.note(_name(url, query), stamp)
            if query is not None:
                noted.note(_name(url), stamp)
            queries = self._urls.get(url, {})
            met = list(queries.values()) if query is None else [queries.get(one, {}) for one in (query, None)]
            for places in met:
                for place in list(places.values()):
                    self._leave(place)
        elif purge.tag is not None:
            self._tags.note(purge.tag, stamp)
            self._wide = stamp
        elif purge.route is not None:
            self._routes.note(purge.route, stamp)
            self._wide = stamp
        else:
            self._all = stamp
            self._places.clear()
            self._asked = None
            self._urls.clear()
            self.octets = 0

    def _purged(self, key: Key, kept: Kept, since: int) -> bool:
        """Whether a purge later than a stamp would have met an answer."""
        if self._all > since or self._routes.last(key.route) > since:
            return True
        if any(self._tags.last(tag) > since for tag in kept.tags):
            return True
        urls = self._urls_purged
        if urls.last(_name(key.url, None)) > since:
            return True
        return urls.last(_name(key.url) if key.query is None else _name(key.url, key.query)) > since

    def _has_lost(self, place: _Place) -> bool:
        """Drop what has been purged of a place; return whether nothing is left."""
        since, place.stamp = place.stamp, self._stamp
        if self._routes.last(place.key.route) > since:
            self._leave(place)
            return True
        for kept in list(place.answers.values()):
            if any(self._tags.last(tag) > since for tag in kept.tags):
                self._forget(place, kept)
        return not place.answers

    def _enter(self, key: Key, names: tuple[bytes, ...]) -> _Place:
        place = self._places[key.primary] = _Place(key, names, self._stamp)
        self._urls.setdefault(key.url, {}).setdefault(key.query, {})[key.primary] = place
        self._asked = place
        self._count(place, 2 * len(key.primary) + _INDEXED)
        return place

    def _touch(self, place: _Place) -> None:
        self._places.move_to_end(place.key.primary)
        self._asked = place

    def _leave(self, place: _Place) -> None:
        key = place.key
        if place is self._asked:
            self._asked = None
        del self._places[key.primary]
        queries = self._urls[key.url]
        alike = queries[key.query]
        del alike[key.primary]
        if not alike:
            del queries[key.query]
            if not queries:
                del self._urls[key.url]
        self.octets -= place.octets

    def _forget(self, place: _Place, kept: Kept) -> None:
        for values, one in place.answers.items():
            if one is kept:
                self._drop(place, values)
                break
        if not place.answers:
            self._leave(place)

    def _drop(self, place: _Place, values: Values) -> None:
        self._count(place, -_octets(values, place.answers.pop(values)))

    def _count(self, place: _Place, octets: int) -> None:
        place.octets += octets
        self.octets += octets

    def __len__(self) -> int:
        return sum([len(place.answers) for place in self._places.values()])


def _name(url: bytes, *query: bytes | None) -> bytes:
    """Return what a purge of a URL is noted by: of all of it, of one query, and (without `query`) of any one."""
    return blake2b(b"%r %b" % (query, url), digest_size=16).digest()


def _octets(values: Values, kept: Kept) -> int:
    return kept.octets + sum([len(value) for value in values if value is not None])
