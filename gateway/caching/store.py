"""The contract of a store: where answers are kept, found by what was asked for, and purged.

A base class, since it is called for every request. `tests/contracts/test_cache_store.py` has what each implementation
keeps.

# Note [An answer and its key]
An answer is found in two steps. Its `Key` is what the request asks for, known before anything is looked up. Behind one
key may be several answers, which were chosen by request fields that they name in `Vary` (RFC 9111 section 4.1): the
store keeps the names that the answers behind a key have named, all in one sorted tuple, and finds the answer by the
`Values` that a request has for them. An answer that names a field which no other one has named before makes the tuple
longer: those that were kept before are not found any more. A backend decides by that tuple; no client can.

# Note [Purges do not miss what is under way]
An answer may be on its way from a backend while it is purged. It must not be kept afterwards: it may be older than the
purge. So whoever looks up gets a stamp (of the store; later ones are larger), with what was found or in a `Missed`, and
hands it in with the answer that it wants kept. A store does not keep an answer whose stamp is older than a purge that
would have met it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from mypy_extensions import mypyc_attr

from gateway.caching.kept import Kept, Values
from gateway.caching.key import Key

Chosen = Callable[[tuple[bytes, ...]], Values]
"""Tells what a request has in the fields of some lower-case names."""

MOST_VARIANTS: Final = 32
"""Answers behind one key; the oldest makes way."""


class Missed:
    """Nothing was found.

    Attributes:
        stamp: See Note [Purges do not miss what is under way].
    """

    __slots__ = ("stamp",)

    def __init__(self, stamp: int) -> None:
        self.stamp = stamp


class Purge:
    """What is to be forgotten: a route, a URL or a tag is given; with none of them, everything.

    Attributes:
        route: Answers of a route.
        url: Answers for a URL, as `gateway.caching.key.url_of` writes it.
        query: With `url`: those with this query, and those whose `Key.query` is None; None for those with any.
        tag: Answers that have the tag.
    """

    __slots__ = ("query", "route", "tag", "url")

    def __init__(
        self,
        route: str | None = None,
        url: bytes | None = None,
        query: bytes | None = None,
        tag: bytes | None = None,
    ) -> None:
        self.route = route
        self.url = url
        self.query = query
        self.tag = tag

    def meets(self, key: Key) -> bool:
        """Whether it may meet an answer with a key, whatever tags that has."""
        if self.url is not None:
            return key.url == self.url and (self.query is None or key.query is None or key.query == self.query)
        return self.route is None or key.route == self.route


@mypyc_attr(allow_interpreted_subclasses=True)
class CacheStore:
    """Keeps answers.

    Nothing that a method returns or awaits fails: a store that cannot be asked has missed, keeps nothing, and counts
    that itself.
    """

    __slots__ = ()

    def find(self, key: Key, chosen: Chosen, now: float) -> Kept | Missed | Awaitable[Kept | Missed]:
        """Return the answer that fits a request; it need not be fresh.

        Args:
            key: What was asked for.
            chosen: Tells the values of request fields; called with the names behind the key, if any.
            now: Seconds of the wall clock: what is not of use any more is not found.
        """
        raise NotImplementedError

    def keep(self, key: Key, names: tuple[bytes, ...], chosen: Chosen, kept: Kept) -> None:
        """Keep an answer, in place of the one that the same request would have found.

        It is not waited for. See Note [Purges do not miss what is under way].

        Args:
            key: What was asked for.
            names: What the answer varies on: lower-case names, sorted.
            chosen: As in `find`.
            kept: The answer, with the stamp of the look-up that it follows.
        """
        raise NotImplementedError

    def refresh(self, key: Key, names: tuple[bytes, ...], chosen: Chosen, kept: Kept) -> None:
        """Keep an answer that a validator has made fresh again: the content is that of the one before it."""
        self.keep(key, names, chosen, kept)

    def remove(self, key: Key, chosen: Chosen) -> None:
        """Forget the answer that a request would find; it is not waited for."""
        raise NotImplementedError

    def purge(self, purge: Purge) -> Awaitable[None] | None:
        """Forget answers, in every instance that shares the store; None where that is done."""
        raise NotImplementedError
