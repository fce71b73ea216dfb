"""A store of answers in memory, bounded by the octets that it holds; what was not asked for longest makes way.

# Note [Purges of many answers]
There may be tens of thousands of answers of a route or with a tag, and the reactor must not be held while each of them
is looked for. So a purge is noted with its stamp, and an answer that is found is compared with what was purged since it
was compared last; those that nobody asks for any more make way in time. Purges of one URL are frequent, since requests
that change something make them: what they meet is dropped at once, by an index.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from gateway.caching.kept import Kept, Values
from gateway.caching.key import Key
from gateway.caching.store import MOST_VARIANTS, CacheStore, Chosen, Missed, Purge

_NOTED: Final = 4096
"""Purges that are remembered, of URLs, tags and routes each; what was forgotten counts for all that is not there."""


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

    Attributes:
        octets: What it holds.
        evicted: Keys whose answers have made way.
    """

    __slots__ = (
        "_all",
        "_most",
        "_places",
        "_routes",
        "_stamp",
        "_tags",
        "_urls",
        "_urls_purged",
        "_wide",
        "evicted",
        "octets",
    )

    def __init__(self, most: int, noted: int = _NOTED) -> None:
        self._most = most
        self._places: OrderedDict[bytes, _Place] = OrderedDict()
        self._urls: dict[bytes, dict[bytes, _Place]] = {}
        # Of the last purge; of the last one of a route or a tag, and of the last one of everything.
        self._stamp = 1
        self._wide = 0
        self._all = 0
        self._routes = _Noted(noted)
        self._tags = _Noted(noted)
        self._urls_purged = _Noted(noted)
        self.octets = 0
        self.evicted = 0

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
        self._places.move_to_end(key.primary)
        return kept

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
            self._places.move_to_end(key.primary)
            if not set(names).issubset(place.names):
                for values in list(place.answers):
                    self._drop(place, values)
                place.names = tuple(sorted({*place.names, *names}))
        values = chosen(place.names) if place.names else ()
        if values in place.answers:
            self._drop(place, values)
        elif len(place.answers) >= MOST_VARIANTS:
            self._drop(place, next(iter(place.answers)))
        kept.stamp = self._stamp
        place.answers[values] = kept
        self._count(place, _octets(values, kept))
        while self.octets > self._most:
            self.evicted += 1
            self._leave(next(iter(self._places.values())))

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
            noted.note((url, query), stamp)
            if query is not None:
                noted.note((url,), stamp)
            for place in list(self._urls.get(url, {}).values()):
                if purge.meets(place.key):
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
            self._urls.clear()
            self.octets = 0

    def _purged(self, key: Key, kept: Kept, since: int) -> bool:
        """Whether a purge later than a stamp would have met an answer."""
        if self._all > since or self._routes.last(key.route) > since:
            return True
        if any(self._tags.last(tag) > since for tag in kept.tags):
            return True
        urls = self._urls_purged
        if urls.last((key.url, None)) > since:
            return True
        return urls.last((key.url,) if key.query is None else (key.url, key.query)) > since

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
        self._urls.setdefault(key.url, {})[key.primary] = place
        self._count(place, 2 * len(key.primary))
        return place

    def _leave(self, place: _Place) -> None:
        key = place.key
        del self._places[key.primary]
        alike = self._urls[key.url]
        del alike[key.primary]
        if not alike:
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


def _octets(values: Values, kept: Kept) -> int:
    return kept.octets + sum([len(value) for value in values if value is not None])
