"""Rate limits of all workers together: counts in shared memory (`rate_limit_store: memory`).

The rules are those of one process (`gateway.limiting`), and so is what is counted: each decision reads the states under
a lock, and writes them. Nothing is taken in advance, so nothing is left over in one worker while another refuses, and
what a worker took that was killed stays counted (D-463).

Tests: `tests/contracts/test_limit_store.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.limiting.limit import Decide, Limit, Rule, Verdict, foreseen
from gateway.limiting.store import rule_of
from gateway.limiting.tiers import tightest
from gateway.processes.memory import BIG_SLOTS, SLOTS, SharedMemory
from gateway.processes.slots import END_SIZE, WINDOW_SIZE, Slots, read_end, read_window, write_end, write_window

BUCKETS: Final = 1 << 17
"""Of token buckets: a million keys, 24 octets each."""
BIG_BUCKETS: Final = 1 << 13
"""Of sliding windows: 65,536 keys."""


class SharedLimits:
    """Counts by key, for all workers (a `gateway.limiting.limit.LimitStore`).

    Args:
        memory: Where.
    """

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory
        self._ends = Slots(memory, SLOTS, BUCKETS, END_SIZE, read_end, write_end)
        self._windows = Slots(memory, BIG_SLOTS, BIG_BUCKETS, WINDOW_SIZE, read_window, write_window)

    def bind(self, limits: Sequence[Limit]) -> Decide:
        """Prepare to decide under these limits; it never gives an awaitable."""
        counted = [
            _Counted(limit, rule_of(limit), limit.identity, self._windows if limit.sliding else self._ends)
            for limit in limits
        ]
        return _One(self._memory, counted[0]).decide if len(counted) == 1 else _Several(self._memory, counted).decide

    def foresee(self, limit: Limit, key: bytes, now: float) -> Verdict:
        """Return what a request would meet under a limit, for people: nothing is taken."""
        slots = self._windows if limit.sliding else self._ends
        return foreseen(limit, rule_of(limit), slots.state(*slots.place(limit.identity + key)), now)


class _Counted:
    """One limit, and where its states are."""

    __slots__ = ("_identity", "limit", "rule", "slots")

    def __init__(self, limit: Limit, rule: Rule, identity: bytes, slots: Slots) -> None:
        self.limit = limit
        self.rule = rule
        self.slots = slots
        self._identity = identity

    def place(self, key: bytes) -> tuple[bytes, int]:
        return self.slots.place(self._identity + key)

    def decide(self, digest: bytes, bucket: int, now: float, taker: Any) -> Verdict:
        """Take a request, if it may pass: what `refusal` and `take` do, with the slot looked for once."""
        slots, rule = self.slots, self.rule
        at = slots.find(digest, bucket)
        state = slots.read(at)
        wait = rule.wait(state, now)
        if wait > 0:
            return Verdict(False, self.limit, 0, wait, _end(state) - now)
        state = rule.take(state, now)
        slots.put(at, digest, bucket, state, now)
        full = _end(state)
        return Verdict(True, self.limit, rule.remaining(state, now), 0.0, full - now, 0, taker, (now, full))

    def refusal(self, place: tuple[bytes, int], now: float) -> Verdict | None:
        """Return the verdict on a request that may not pass."""
        state = self.slots.state(*place)
        wait = self.rule.wait(state, now)
        return Verdict(False, self.limit, 0, wait, _end(state) - now) if wait > 0 else None

    def take(self, place: tuple[bytes, int], now: float, taker: Any) -> Verdict:
        """Take a request that may pass."""
        digest, bucket = place
        state = self.slots.state(digest, bucket)
        self.rule.wait(state, now)  # a sliding window forgets what is past by it
        state = self.rule.take(state, now)
        self.slots.keep(digest, bucket, state, now)
        full = _end(state)
        return Verdict(True, self.limit, self.rule.remaining(state, now), 0.0, full - now, 0, taker, (now, full))

    def give_back(self, place: tuple[bytes, int], receipt: tuple[float, float], now: float) -> None:
        """Undo that."""
        state = self.slots.state(*place)
        self.slots.keep(*place, self.rule.give_back(state, *receipt, now), now)


class _One:
    """Decides under the one limit that most routes have."""

    __slots__ = ("_counted", "_memory")

    def __init__(self, memory: SharedMemory, counted: _Counted) -> None:
        self._memory = memory
        self._counted = counted

    def decide(self, keys: Sequence[bytes], now: float) -> Verdict:
        """See `gateway.limiting.limit.Decide`; most of it is the lock."""
        counted, memory = self._counted, self._memory
        digest, bucket = counted.place(keys[0])
        memory.lock(bucket)
        try:
            return counted.decide(digest, bucket, now, self)
        finally:
            memory.unlock(bucket)

    def give_back(self, keys: Sequence[bytes], receipt: Any, now: float) -> None:
        """See `gateway.limiting.limit.Taker`."""
        place = self._counted.place(keys[0])
        with self._memory.locked(place[1]):
            self._counted.give_back(place, receipt, now)


class _Several:
    """Decides under several: a request is taken from each, or from none."""

    __slots__ = ("_counted", "_memory")

    def __init__(self, memory: SharedMemory, counted: Sequence[_Counted]) -> None:
        self._memory = memory
        self._counted = tuple(counted)

    def decide(self, keys: Sequence[bytes], now: float) -> Verdict:
        """See `gateway.limiting.limit.Decide`."""
        asked = [(one, one.place(key)) for one, key in zip(self._counted, keys, strict=True)]
        locks = self._lock(place for _, place in asked)
        try:
            refusals = [refusal for one, place in asked if (refusal := one.refusal(place, now)) is not None]
            if refusals:
                return tightest(refusals)
            verdicts = [one.take(place, now, self) for one, place in asked]
        finally:
            self._unlock(locks)
        receipts = [verdict.receipt for verdict in verdicts]
        verdict = tightest(verdicts)
        verdict.receipt = receipts
        return verdict

    def give_back(self, keys: Sequence[bytes], receipt: Any, now: float) -> None:
        """See `gateway.limiting.limit.Taker`."""
        for one, key, taken in zip(self._counted, keys, receipt, strict=True):
            place = one.place(key)
            with self._memory.locked(place[1]):
                one.give_back(place, taken, now)

    def _lock(self, places: Any) -> list[int]:
        # In one order in all workers: otherwise two could wait for each other.
        locks = sorted({bucket for _, bucket in places})
        for at in locks:
            self._memory.lock(at)
        return locks

    def _unlock(self, locks: list[int]) -> None:
        for at in locks:
            self._memory.unlock(at)


def _end(state: Any) -> float:
    end: float = state if state.__class__ is float else state[0]
    return end
