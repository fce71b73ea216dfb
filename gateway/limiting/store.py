"""Counts in the memory of one process, for a bounded number of keys."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from gateway.limiting.limit import Decide, Limit, Rule, Taker, Verdict, foreseen
from gateway.limiting.sliding_window import SlidingWindow
from gateway.limiting.tiers import tightest
from gateway.limiting.token_bucket import TokenBucket

MOST: Final = 1_000_000
"""Keys that are remembered; the one that was asked for longest ago goes first."""


def rule_of(limit: Limit) -> Rule:
    """Return the rule of a limit."""
    return SlidingWindow(limit) if limit.sliding else TokenBucket(limit)


class MemoryLimits:
    """Counts by key, the least recently used forgotten past `most`.

    A state of a token bucket is one number: with its key and its place, 200 octets.

    Args:
        most: Keys that are remembered.
    """

    __slots__ = ("_most", "_states")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._states: OrderedDict[bytes, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._states)

    def bind(self, limits: Sequence[Limit]) -> Decide:
        """Prepare to decide under these limits; see `gateway.limiting.limit.Decide`. It never gives an awaitable."""
        if len(limits) == 1:
            return _One(self, limits[0]).decide
        return _Several(self, limits).decide

    def state(self, key: bytes) -> Any:
        """Return what is remembered of a key, None for nothing."""
        return self._states.get(key)

    def foresee(self, limit: Limit, key: bytes, now: float) -> Verdict:
        """Return what a request would meet under a limit, for people: nothing is taken, and no key is remembered."""
        return foreseen(limit, rule_of(limit), self._states.get(limit.identity + key), now)

    def recent(self, most: int) -> list[tuple[bytes, Any]]:
        """Return the keys that were asked for last, the last one first, with what is remembered of each; for people."""
        return list(islice(reversed(self._states.items()), most))

    def take(self, limit: Limit, rule: Rule, key: bytes, now: float, taker: Taker) -> Verdict:
        """Take a request that may pass."""
        states = self._states
        before = states.get(key)
        state = states[key] = rule.take(before, now)
        if before is None:
            self._make_room(now)
        else:
            states.move_to_end(key)
        full = _end(state)
        return Verdict(True, limit, rule.remaining(state, now), 0.0, full - now, 0, taker, (now, full))

    def give_back(self, rule: Rule, key: bytes, receipt: tuple[float, float], now: float) -> None:
        """Undo that."""
        taken, full = receipt
        state = rule.give_back(self._states.get(key), taken, full, now)
        if state is not None:
            self._states[key] = state
        else:
            self._states.pop(key, None)

    def _make_room(self, now: float) -> None:
        """Forget keys that nothing has to be remembered of, or that are too many; those asked for longest ago first.

        At most two for each key that comes, so that no request pays for the cleaning up of many.
        """
        states = self._states
        for _ in range(2):
            key = next(iter(states))
            if len(states) <= self._most and _end(states[key]) > now:
                return
            del states[key]


class _One:
    """Decides under the one limit that most routes have."""

    __slots__ = ("_identity", "_limit", "_rule", "_store")

    def __init__(self, store: MemoryLimits, limit: Limit) -> None:
        self._store = store
        self._limit = limit
        self._rule = rule_of(limit)
        self._identity = limit.identity

    def decide(self, keys: Sequence[bytes], now: float) -> Verdict:
        """See `gateway.limiting.limit.Decide`."""
        key = self._identity + keys[0]
        rule = self._rule
        state = self._store.state(key)
        wait = rule.wait(state, now)
        if wait > 0:
            return Verdict(False, self._limit, 0, wait, _end(state) - now)
        return self._store.take(self._limit, rule, key, now, self)

    def give_back(self, keys: Sequence[bytes], receipt: Any, now: float) -> None:
        """See `gateway.limiting.limit.Taker`."""
        self._store.give_back(self._rule, self._identity + keys[0], receipt, now)


class _Several:
    """Decides under several: a request is taken from each, or from none."""

    __slots__ = ("_rules", "_store")

    def __init__(self, store: MemoryLimits, limits: Sequence[Limit]) -> None:
        self._store = store
        self._rules = tuple((limit, rule_of(limit), limit.identity) for limit in limits)

    def decide(self, keys: Sequence[bytes], now: float) -> Verdict:
        """See `gateway.limiting.limit.Decide`."""
        store = self._store
        full = [identity + key for (_, _, identity), key in zip(self._rules, keys, strict=True)]
        refusals = []
        for (limit, rule, _), key in zip(self._rules, full, strict=True):
            state = store.state(key)
            wait = rule.wait(state, now)
            if wait > 0:
                refusals.append(Verdict(False, limit, 0, wait, _end(state) - now))
        if refusals:
            return tightest(refusals)
        verdicts = [
            store.take(limit, rule, key, now, self) for (limit, rule, _), key in zip(self._rules, full, strict=True)
        ]
        receipts = [verdict.receipt for verdict in verdicts]
        verdict = tightest(verdicts)
        verdict.receipt = receipts
        return verdict

    def give_back(self, keys: Sequence[bytes], receipt: Any, now: float) -> None:
        """See `gateway.limiting.limit.Taker`."""
        for (_, rule, identity), key, one in zip(self._rules, keys, receipt, strict=True):
            self._store.give_back(rule, identity + key, one, now)


def _end(state: Any) -> float:
    end: float = state if state.__class__ is float else state[0]
    return end
