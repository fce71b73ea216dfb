"""Counts in the memory of one process, for a bounded number of keys."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

from gateway.limiting.limit import Decide, Limit, Verdict
from gateway.limiting.sliding_window import SlidingWindow
from gateway.limiting.tiers import tightest
from gateway.limiting.token_bucket import TokenBucket

MOST = 1_000_000
"""Keys that are remembered; the one that was asked for longest ago goes first."""


class Rule(Protocol):
    """How requests are counted.

    A state is whatever the rule makes of it, so long as it is the moment when there is nothing to remember any more, or
    a list that begins with that.
    """

    def wait(self, state: Any, now: float, /) -> float: ...
    def take(self, state: Any, now: float, /) -> Any: ...
    def remaining(self, state: Any, now: float, /) -> int: ...


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
        rules = tuple((limit, rule_of(limit), limit.identity) for limit in limits)
        if len(rules) == 1:
            return self._for_one(*rules[0])

        def decide(keys: Sequence[bytes], now: float) -> Verdict:
            states = self._states
            full = [identity + key for (_, _, identity), key in zip(rules, keys, strict=True)]
            refusals = []
            for (limit, rule, _), key in zip(rules, full, strict=True):
                state = states.get(key)
                wait = rule.wait(state, now)
                if wait > 0:
                    refusals.append(Verdict(False, limit, 0, wait, _end(state) - now))
            if refusals:
                return tightest(refusals)
            return tightest(
                [self._take(limit, rule, key, now) for (limit, rule, _), key in zip(rules, full, strict=True)]
            )

        return decide

    def _for_one(self, limit: Limit, rule: Rule, identity: bytes) -> Decide:
        """The same, straight on, for the one limit that most routes have."""
        states = self._states

        def decide(keys: Sequence[bytes], now: float) -> Verdict:
            key = identity + keys[0]
            state = states.get(key)
            wait = rule.wait(state, now)
            if wait > 0:
                return Verdict(False, limit, 0, wait, _end(state) - now)
            return self._take(limit, rule, key, now)

        return decide

    def _take(self, limit: Limit, rule: Rule, key: bytes, now: float) -> Verdict:
        states = self._states
        before = states.get(key)
        state = states[key] = rule.take(before, now)
        if before is None:
            self._make_room(now)
        else:
            states.move_to_end(key)
        return Verdict(True, limit, rule.remaining(state, now), 0.0, _end(state) - now)

    def _make_room(self, now: float) -> None:
        """Forget what is over or too much, from the end that was asked for longest ago: two for each one that comes."""
        states = self._states
        for _ in range(2):
            key = next(iter(states))
            if len(states) <= self._most and _end(states[key]) > now:
                return
            del states[key]


def _end(state: Any) -> float:
    end: float = state if state.__class__ is float else state[0]
    return end
