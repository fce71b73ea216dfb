"""Kept answers in Redis, shared by all instances (`cache_store: redis`).

The store of `gateway.caching.store` that asks Redis. It never fails and never waits longer than `redis.timeout`: where
Redis is slow or gone, nothing was found and nothing is kept. It has connections and a breaker of its own
(`gateway.composition.builders`), since a value of a megabyte in front of a question about a limit would hold that up.

# Note [Places]
All keys of one URL (host and path) have one hash tag, so one node of a cluster has them: the answers, and what purges
of the URL leave. An answer that varies on nothing stands at the place of its key. For others the names of the fields
stand there, and each answer at a place of its own, by the values of the fields: it takes a second question to find it.

# Note [Purges of a URL]
A purge of a URL leaves a mark of random octets, which outlives every answer that was kept before it. An answer is kept
with a token that is made of the marks that were there when it was asked for, is not kept where they are others by then,
and is found only as long as they are the same. Nothing is compared but for being the same: clocks that differ do no
harm. Anybody may make a request that changes something, so where nothing is kept of a URL its marks are gone after
`UNDER_WAY` seconds. Purges of many answers are numbered
(`gateway.storage.cached_purges`). A stamp (Note [Purges do not miss what is under way] in `gateway.caching.store`) is
both: the number, and the token in its lower 64 bits; 0 where Redis could not be asked, and then nothing is kept.

# Note [Untold]
A purge that Redis did not answer to is told again with the next look-up that could be made, and every second, since
nobody may ask this instance while others give what was purged; until it is told, nothing that stands in Redis is given
by this instance.

# Note [What is on its way to Redis]
Redis may take nothing for as long as `redis.timeout` lasts, and an answer may have a megabyte. So what is written at
once is bounded: what would be more is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.caching.kept import Kept, Values
from gateway.caching.key import Key
from gateway.caching.store import CacheStore, Chosen, Missed, Purge
from gateway.storage.cached_purges import NUMBER, Purges, by_route, by_tag
from gateway.storage.cached_records import (
    MOST_NAMES,
    asked,
    read_answer,
    read_names,
    write_answer,
    write_names,
)
from gateway.storage.errors import StoreUnavailable
from gateway.storage.resp import Script, pack

if TYPE_CHECKING:
    from gateway.storage.redis import RedisStore

LONGEST: Final = 86400.0
"""Seconds for which an answer is kept in Redis at most, however long it is fresh."""
UNDER_WAY: Final = 300.0
"""Seconds for which an answer may be on its way: one that takes longer may be of before a purge."""
_MOST_UNTOLD: Final = 1000
"""Purges that wait for Redis; where there are more, everything is purged."""
AGAIN: Final = 1.0
"""Seconds after which purges are told again."""
MOST_UNDER_WAY: Final = 16 * 2**20
"""Octets of answers that are on their way to Redis at most: Note [What is on its way to Redis]."""
_MARGIN: Final = 64 * 1024
"""Octets that an answer may have beside its content."""

_FIND, _KEEP, _LEAVE_MARKS = [
    Script(files("gateway.storage").joinpath(f"cached_{name}.lua").read_bytes()) for name in ("find", "keep", "mark")
]
_MARK: Final = 1 << 64

_log = Logger()


class RedisAnswers(CacheStore):
    """Answers in Redis.

    Args:
        redis: Where.
        longest: Most octets of content of one answer.
        timeout: Longest wait for an answer of Redis, in seconds, for all questions about one request.
        reactor: Keeps time.
        now: Monotonic seconds.
        wall_clock: Seconds of the wall clock.
        random_bytes: Makes marks.
    """

    def __init__(
        self,
        redis: RedisStore,
        longest: int,
        timeout: float,
        reactor: Any,
        now: Callable[[], float],
        wall_clock: Callable[[], float],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._redis = redis
        self._longest = longest + _MARGIN
        self._timeout = timeout
        self._reactor = reactor
        self._now = now
        self._wall_clock = wall_clock
        self._random_bytes = random_bytes
        self._purges = Purges(redis)
        self._untold: list[Purge] = []
        self._telling = False
        self._reminder: Any = None
        self._writing = 0

    def find(self, key: Key, chosen: Chosen, now: float) -> Any:
        """See `CacheStore.find`."""
        places = _Places(key)
        redis = self._redis
        if not redis.node(places.answer).available or not redis.node(NUMBER).available:
            return Missed(0)
        if self._untold:
            self._tell_again()
            return Missed(0)
        return self._find(key, places, chosen, now)

    async def _find(self, key: Key, places: _Places, chosen: Chosen, now: float) -> Kept | Missed:
        until = self._now() + self._timeout
        reading = self._read(places.answer, places)
        newest = _or_none(self._purges.newest())
        read, number = await reading, await newest
        if read is None:
            return Missed(0)
        values: Values = ()
        data, token = read
        names = read_names(data)
        if names:
            values = chosen(names)
            read = await self._in_time(self._read(places.variant(values), places), until)
            if read is None:
                return Missed(0)
            data, token = read
        if (number is None or number != b"%d" % self._purges.last) and not await self._in_time(
            ensureDeferred(self._purges.read(self._wall_clock())), until
        ):
            return Missed(0)
        if self._untold:
            return Missed(0)
        stamp = self._purges.last * _MARK + token
        found = read_answer(data, asked(key.primary, values), stamp)
        if found is None or found.token != token or now >= found.kept.until:
            return Missed(stamp)
        if self._purges.met(found.number, [by_route(key.route), *map(by_tag, found.kept.tags)]):
            return Missed(stamp)
        return found.kept

    def keep(self, key: Key, names: tuple[bytes, ...], chosen: Chosen, kept: Kept) -> None:
        """See `CacheStore.keep`."""
        number, token = divmod(kept.stamp, _MARK)
        seconds = min(kept.until - self._wall_clock(), LONGEST)
        octets = len(kept.body)
        if not number or seconds <= 0 or self._writing + octets > MOST_UNDER_WAY:
            return
        if self._redis.node(_Places(key).answer).available:
            self._writing += octets
            keeping = self._keep(key, names, chosen, kept, (number, token), max(1, int(seconds * 1000)))
            self._start(keeping).addBoth(self._went, octets)

    def _went(self, _: object, octets: int) -> None:
        self._writing -= octets

    async def _keep(
        self, key: Key, names: tuple[bytes, ...], chosen: Chosen, kept: Kept, stamp: tuple[int, int], millis: int
    ) -> None:
        places = _Places(key)
        names = tuple(sorted({*names, *await self._names(places)}))
        values = chosen(names) if names else ()
        data = write_answer(kept, *stamp, asked(key.primary, values))
        told = write_names(names)
        if len(data) > self._longest or len(told) > MOST_NAMES:
            return
        where = (places.variant(values),) if names else (places.answer,)
        marks = (places.whole, places.query, places.some)
        await self._redis.script(
            _KEEP, (*where, *marks, *([places.answer] if names else [])), (data, millis, _written(stamp[1]), told)
        )

    def remove(self, key: Key, chosen: Chosen) -> None:
        """See `CacheStore.remove`."""
        self._start(self._remove(key, chosen))

    async def _remove(self, key: Key, chosen: Chosen) -> None:
        places = _Places(key)
        names = await self._names(places)
        await self._redis.command(b"DEL", places.variant(chosen(names)) if names else places.answer)

    def purge(self, purge: Purge) -> Deferred[Any]:
        """See `CacheStore.purge`; gives whether Redis has answered, and so all instances go by it now."""
        return ensureDeferred(self._purge(purge))

    async def _purge(self, purge: Purge) -> bool:
        try:
            await self._tell(purge)
        except (StoreUnavailable, CancelledError) as error:
            if not self._untold:
                words = "Redis was not told of a purge, and nothing kept there is given until it is: {error}"
                _log.warn(words, error=error)
            if len(self._untold) >= _MOST_UNTOLD:
                self._untold = [Purge()]
            self._untold.append(purge)
            self._remind()
            return False
        return True

    async def _tell(self, purge: Purge) -> None:
        if purge.url is None:
            what = b"*"
            if purge.tag is not None:
                what = by_tag(purge.tag)
            elif purge.route is not None:
                what = by_route(purge.route)
            await self._purges.write(what, self._wall_clock())
            return
        marks = _Marks(purge.url)
        left = (marks.whole,) if purge.query is None else (marks.query(purge.query), marks.some_query)
        args = (self._random_bytes(16), int(UNDER_WAY * 1000))
        await self._redis.script(_LEAVE_MARKS, (marks.some, *left), args)

    def _tell_again(self) -> None:
        """See Note [Untold]."""
        if not self._telling:
            self._telling = True
            self._start(self._tell_all())

    def _remind(self) -> None:
        if self._reminder is None and self._redis.running:
            self._reminder = self._reactor.callLater(AGAIN, self._reminded)

    def _reminded(self) -> None:
        self._reminder = None
        if self._untold:
            self._tell_again()
            self._remind()

    async def _tell_all(self) -> None:
        try:
            while self._untold:
                purge = self._untold[0]
                await self._tell(purge)
                if self._untold and self._untold[0] is purge:
                    del self._untold[0]
        finally:
            self._telling = False

    def _read(self, place: bytes, places: _Places) -> Deferred[tuple[bytes, int] | None]:
        """Read what stands at a place, and the token of its URL; None where there is no answer."""
        reading = self._redis.script(_FIND, (place, places.whole, places.query), (self._longest,))
        return _or_none(reading.addCallback(_told))

    async def _names(self, places: _Places) -> tuple[bytes, ...]:
        node = self._redis.node(places.answer)
        begin = await _or_none(node.send(pack(b"GETRANGE", places.answer, 0, MOST_NAMES)))
        return read_names(begin) if isinstance(begin, bytes) else ()

    async def _in_time(self, waiting: Deferred[Any], until: float) -> Any:
        """Wait, but no longer than there is time; None then."""
        left = until - self._now()
        try:
            return await waiting.addTimeout(max(left, 0.0), self._reactor)
        except (TookTooLong, CancelledError):
            return None

    def _start(self, doing: Any) -> Deferred[Any]:
        return ensureDeferred(doing).addErrback(_forget)


class _Marks:
    """The names of what purges of a URL leave.

    Attributes:
        prefix: What all keys of the URL begin with.
        whole: Of a purge of all of it.
        some_query: Of a purge of any query.
        some: Of what says that there are answers for the URL.
    """

    __slots__ = ("prefix", "some", "some_query", "whole")

    def __init__(self, url: bytes) -> None:
        self.prefix = b"gw:cache:{%b}:" % _digest(url)
        self.whole = self.prefix + b"purged"
        self.some_query = self.prefix + b"purged:some"
        self.some = self.prefix + b"kept"

    def query(self, query: bytes) -> bytes:
        """Return that of a purge of one query."""
        return self.prefix + b"purged:" + _digest(query)


class _Places:
    """The names of the keys of Redis that belong to a key of the cache: Note [Places].

    Attributes:
        answer: Of the answer, or of the names of the fields that answers vary on.
        whole: Of what a purge of its URL leaves.
        query: Of what a purge of its query leaves.
        some: Of what says that there are answers for its URL.
    """

    __slots__ = ("answer", "query", "some", "whole")

    def __init__(self, key: Key) -> None:
        marks = _Marks(key.url)
        self.answer = marks.prefix + _digest(key.primary)
        self.whole = marks.whole
        self.query = marks.some_query if key.query is None else marks.query(key.query)
        self.some = marks.some

    def variant(self, values: Values) -> bytes:
        """Return that of the answer for the values of the fields that answers vary on."""
        return self.answer + b":" + asked(b"", values).hex().encode()


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).hexdigest().encode()


def _told(reply: list[Any]) -> tuple[bytes, int]:
    data, token = reply
    return data or b"", int(token, 16)


def _written(token: int) -> bytes:
    """Return a token as the scripts write it."""
    return b"%016x" % token if token else b"0"


def _or_none(waiting: Deferred[Any]) -> Deferred[Any]:
    """Give None where Redis gives no answer."""
    return waiting.addErrback(lambda failure: failure.trap(StoreUnavailable) and None)


def _forget(failure: Failure) -> None:
    """Nobody waits for it: Redis that is gone is told elsewhere, anything else is a fault of ours."""
    if not failure.check(StoreUnavailable):
        _log.failure("Keeping answers in Redis", failure)
