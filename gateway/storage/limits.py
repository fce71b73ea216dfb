"""Counts that instances share, in Redis: all limits of a request in one script, one round trip.

Layer 3. `limits.lua` decides, by Redis' own clock. Here a request's keys are put
into a command that was encoded when the snapshot was built, and its answer is
read. When there is no answer, `fallback` decides, as `on_store_failure` says.

# Note [Keys]
`gw:{limits}:` and a hash of what is counted and for whom: no client can make a
key long, or Redis show who called. The braces are a hash tag: in a Redis
Cluster all counts are on one node, as one script over the limits of a request
asks for.

# Note [Refusals]
A refusal says how long it will last at least. For that time, but a second at
most, the same caller is refused without another question: a caller who floods
the gateway costs Redis one question a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.awaited import Awaited, Hearer
from gateway.limiting.limit import Decide, Limit, Taker, Verdict
from gateway.limiting.sliding_window import parts_of
from gateway.storage.errors import CommandRefused, StoreUnavailable
from gateway.storage.replies import Meaning
from gateway.storage.resp import Argument, Script, pack

PREFIX: Final = b"gw:{limits}:"

SCRIPT: Final = Script(files("gateway.storage").joinpath("limits.lua").read_bytes())
GIVE_BACK: Final = Script(files("gateway.storage").joinpath("limits_back.lua").read_bytes())

REMEMBERED: Final = 1.0
"""Seconds for which a refusal is remembered at most."""
REFUSALS: Final = 10_000
"""Refusals that are remembered."""


class Commands(Protocol):
    """What is asked of `gateway.storage.redis.RedisStore`."""

    @property
    def available(self) -> bool: ...
    def send(self, command: bytes, /) -> Deferred[Any]: ...
    def ask(self, command: bytes, waiting: Any, /) -> None: ...


class Asking:
    """The script for certain limits: their keys in, its answer out.

    Args:
        redis: The store.
        limits: In the order of the keys.
    """

    __slots__ = ("_by_digest", "_by_source", "_hashes", "_redis", "limits")

    def __init__(self, redis: Commands, limits: Sequence[Limit]) -> None:
        self.limits = tuple(limits)
        self._redis = redis
        self._hashes = [blake2b(limit.identity, digest_size=16) for limit in limits]
        self._by_digest = _template(b"EVALSHA", SCRIPT.digest, limits)
        self._by_source = _template(b"EVAL", SCRIPT.source, limits)

    @property
    def available(self) -> bool:
        """Whether it makes sense to ask."""
        return self._redis.available

    def names(self, keys: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the names of the counts: Note [Keys]."""
        if len(keys) == 1:  # as most have
            hashed = self._hashes[0].copy()
            hashed.update(keys[0])
            return (hashed.hexdigest().encode(),)
        names = []
        for start, key in zip(self._hashes, keys, strict=True):
            hashed = start.copy()
            hashed.update(key)
            names.append(hashed.hexdigest().encode())
        return tuple(names)

    def ask(self, names: tuple[bytes, ...], wants: tuple[int, ...], waiting: Hearer) -> None:
        """Take so many requests of each limit, or of none; `waiting` is told what the script answers.

        Where the server does not know the script, it is told that failure: `ask_by_source` is next.
        """
        self._redis.ask(self._by_digest % (names + wants), waiting)

    def ask_by_source(self, names: tuple[bytes, ...], wants: tuple[int, ...], waiting: Hearer) -> None:
        """Ask with the script itself."""
        self._redis.ask(self._by_source % (names + wants), waiting)

    def give_back(self, names: tuple[bytes, ...], answer: list[int]) -> None:
        """Give back what an answer took, of each limit one; nobody waits for it, and where Redis is away it stays."""
        if not self._redis.available:
            return
        number = len(names)
        at, wholes = answer[5 + number], answer[6 + number :]
        args: list[Argument] = []
        for limit, whole in zip(self.limits, wholes, strict=True):
            args += (*_figures(limit), b"%d:%d" % (at, whole))
        keys = tuple([PREFIX + name for name in names])
        by_digest, by_source = GIVE_BACK.call(keys, tuple(args))

        def tell_source(failure: Failure) -> Any:
            return self._redis.send(by_source) if forgotten(failure) else failure

        self._redis.send(by_digest).addErrback(tell_source).addErrback(lambda why: why.trap(StoreUnavailable))

    def verdict(self, answer: list[int], taker: Taker | None = None, receipt: Any = None) -> Verdict:
        """Read an answer."""
        allowed, speaker, remaining, wait, reset = answer[:5]
        return Verdict(bool(allowed), self.limits[speaker - 1], remaining, wait / 1e6, 0.0, reset, taker, receipt)


class Question(Awaited):
    """The verdict on one request, while Redis is asked for it (D-262).

    Told what the script answers, it tells the verdict; told that there is no answer, what `fallback` decides.

    Args:
        shared: Who asks.
        keys: Of the request.
        names: What they are called in Redis.
        now: Monotonic seconds.
    """

    __slots__ = ("_by_source", "_keys", "_names", "_now", "_shared")

    def __init__(self, shared: Shared, keys: Sequence[bytes], names: tuple[bytes, ...], now: float) -> None:
        super().__init__()
        self._shared = shared
        self._keys = keys
        self._names = names
        self._now = now
        self._by_source = False

    def callback(self, value: Any) -> None:
        """Take what the script answered."""
        if self.told:
            return  # cancelled: the client is gone
        try:
            verdict = self._shared.read(value, self._names, self._now)
        except Exception:  # noqa: BLE001 - the answer is none of the script's: who waits hears of it, not who reads
            super().errback(Failure())
            return
        super().callback(verdict)

    def errback(self, failure: Failure) -> None:
        """Tell the script to a server that does not know it, and decide without one that does not answer."""
        if self.told:
            return
        if not self._by_source and forgotten(failure):
            self._by_source = True
            self._shared.ask_by_source(self._names, self)
            return
        if not isinstance(failure.value, StoreUnavailable):
            super().errback(failure)
            return
        try:
            verdict = self._shared.fallback(self._keys, self._now)
        except Exception:  # noqa: BLE001 - LimitUnavailable: raised in the chain of the request, which answers with it
            super().errback(Failure())
            return
        super().callback(verdict)


class Shared:
    """Decides with the script, a question for each request.

    Args:
        asking: The script.
        fallback: Decides while there is no answer.
    """

    __slots__ = ("_asking", "_ones", "_refusals", "fallback")

    def __init__(self, asking: Asking, fallback: Decide) -> None:
        self._asking = asking
        self.fallback = fallback
        self._ones = (1,) * len(asking.limits)
        self._refusals: dict[tuple[bytes, ...], tuple[float, float, Verdict]] = {}

    def decide(self, keys: Sequence[bytes], now: float) -> Verdict | Question:
        """See `gateway.limiting.limit.Decide`."""
        asking = self._asking
        names = asking.names(keys)
        if self._refusals and (refused := self._refused(names, now)) is not None:
            return refused
        if not asking.available:
            return self.fallback(keys, now)  # type: ignore[return-value]  # it decides in memory, or raises
        question = Question(self, keys, names, now)
        asking.ask(names, self._ones, question)
        return question

    def ask_by_source(self, names: tuple[bytes, ...], question: Question) -> None:
        """Ask a server that does not know the script (any more)."""
        self._asking.ask_by_source(names, self._ones, question)

    def read(self, answer: list[int], names: tuple[bytes, ...], now: float) -> Verdict:
        """Read what the script answered, and remember a refusal."""
        verdict = self._asking.verdict(answer, self, answer)
        if not verdict.allowed:
            if len(self._refusals) >= REFUSALS:
                self._refusals.clear()
            again = now + verdict.retry_after
            self._refusals[names] = (min(again, now + REMEMBERED), again, verdict)
        return verdict

    def give_back(self, keys: Sequence[bytes], receipt: Any, now: float) -> None:
        """See `gateway.limiting.limit.Taker`."""
        names = self._asking.names(keys)
        self._refusals.pop(names, None)  # the refusal that is remembered is out of date: a request was given back
        self._asking.give_back(names, receipt)

    def _refused(self, names: tuple[bytes, ...], now: float) -> Verdict | None:
        """See Note [Refusals]."""
        found = self._refusals.get(names)
        if found is None:
            return None
        until, again, verdict = found
        if now >= until:
            del self._refusals[names]
            return None
        return Verdict(False, verdict.limit, 0, again - now, 0.0, verdict.reset)


def forgotten(failure: Failure) -> bool:
    """Whether a server says that it does not know the script (any more)."""
    error = failure.value
    return isinstance(error, CommandRefused) and error.meaning is Meaning.FORGOTTEN


def _template(command: bytes, script: bytes, limits: Sequence[Limit]) -> bytes:
    """Encode a call with places for names and numbers, which are all of one length."""
    name = b"$%d\r\n%b" % (len(PREFIX) + 32, PREFIX) + b"%b\r\n"
    fixed = [_arguments(limit) for limit in limits]
    head = b"*%d\r\n" % (3 + 6 * len(limits)) + b"".join(_bulk(part) for part in (command, script))
    encoded = (head + _bulk(b"%d" % len(limits))).replace(b"%", b"%%")
    return encoded + name * len(limits) + b"".join(part + b"$6\r\n%06d\r\n" for part in fixed)


def _bulk(octets: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(octets), octets)


def _arguments(limit: Limit) -> bytes:
    return pack(*_figures(limit)).partition(b"\r\n")[2]


def _figures(limit: Limit) -> tuple[Argument, ...]:
    if limit.sliding:
        return ("s", limit.requests, *parts_of(limit))
    return ("t", limit.requests, repr(limit.window * 1e6 / limit.requests), limit.counted_burst)
