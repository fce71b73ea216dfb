"""Requests that an instance takes from Redis in advance, for keys that are busy.

One question for `lease` requests in place of one for each. They count when they
are taken, and are used within a short time or not at all, by which the counted
window is longer (`gateway.limiting.limit.Limit.leased_for`): so all instances
together never let more through than the limit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.errors import GatewayError
from gateway.limiting.limit import Decide, Verdict
from gateway.storage.errors import StoreUnavailable
from gateway.storage.limits import REMEMBERED, Asking

MOST = 100_000
"""Keys with something in advance."""

Names = tuple[bytes, ...]


class Lease:
    """What is left of one key's requests in advance.

    Attributes:
        left: Requests; negative in a refusal.
        until: Monotonic seconds until it may be used.
        answer: What the script said when it was taken.
    """

    __slots__ = ("answer", "left", "until")

    def __init__(self, left: int, until: float, answer: list[int]) -> None:
        self.left = left
        self.until = until
        self.answer = answer


class Leased:
    """Decides with the script, a question for many requests.

    Args:
        asking: The script.
        fallback: Decides while there is no answer.
    """

    def __init__(self, asking: Asking, fallback: Decide) -> None:
        self._asking = asking
        self._fallback = fallback
        self._leases: OrderedDict[bytes, Lease] = OrderedDict()
        self._refusals: OrderedDict[Names, tuple[float, float, Verdict]] = OrderedDict()
        self._asked: dict[Names, list[tuple[Deferred[Any], Sequence[bytes], float]]] = {}

    def decide(self, keys: Sequence[bytes], now: float) -> Verdict | Deferred[Any]:
        """See `gateway.limiting.limit.Decide`."""
        names = self._asking.names(keys)
        waiting = self._asked.get(names)
        if waiting is None:
            verdict = self._from_memory(names, now)
            if verdict is not None:
                return verdict
            if not self._asking.available:
                return self._fallback(keys, now)  # type: ignore[return-value]  # it decides in memory, or raises
            waiting = self._asked[names] = []
        mine: Deferred[Any] = Deferred()
        waiting.append((mine, keys, now))
        if len(waiting) == 1:
            self._ask(names, now)
        return mine

    def _from_memory(self, names: Names, now: float) -> Verdict | None:
        """Use what was taken in advance of every limit, or remember a refusal."""
        refused = self._refusals.get(names)
        if refused is not None:
            until, again, verdict = refused
            if now < until:
                return Verdict(False, verdict.limit, 0, again - now, 0.0, verdict.reset)
            del self._refusals[names]
        leases = [self._lease(name, now) for name in names]
        if any(lease is None for lease in leases):
            return None
        for lease in leases:
            assert lease is not None
            lease.left -= 1
        last = max((lease for lease in leases if lease is not None), key=lambda lease: lease.until)
        verdict = self._asking.verdict(last.answer)
        verdict.taker, verdict.receipt = self, leases
        verdict.remaining += max(0, leases[last.answer[1] - 1].left)  # type: ignore[union-attr]  # none of them is
        return verdict

    def give_back(self, keys: Sequence[bytes], receipt: Any, now: float) -> None:
        """See `gateway.limiting.limit.Taker`: the request is left in advance again, for the rest of the short time."""
        for lease in receipt:
            lease.left += 1

    def _lease(self, name: bytes, now: float) -> Lease | None:
        lease = self._leases.get(name)
        if lease is None:
            return None
        if lease.left <= 0 or now >= lease.until:
            del self._leases[name]
            return None
        return lease

    def _ask(self, names: Names, now: float) -> None:
        limits = self._asking.limits
        wants = tuple(
            0 if self._lease(name, now) is not None else limit.lease for name, limit in zip(names, limits, strict=True)
        )
        self._asking.ask(names, wants).addCallbacks(
            self._answered, self._failed, callbackArgs=(names, now), errbackArgs=(names,)
        ).addErrback(self._broken, names)

    def _answered(self, answer: list[int], names: Names, now: float) -> None:
        waiting = self._asked.pop(names)
        if not answer[0]:
            verdict = self._asking.verdict(answer)
            again = now + verdict.retry_after
            _keep(self._refusals, names, (min(again, now + REMEMBERED), again, verdict))
            for mine, _, _ in waiting:
                mine.callback(verdict)
            return
        for name, limit, taken in zip(names, self._asking.limits, answer[5 : 5 + len(names)], strict=True):
            if taken:  # Redis took it after `now`, so what is used until then is used in time
                _keep(self._leases, name, Lease(taken, now + limit.leased_for, answer))
        for position, (mine, _, asked) in enumerate(waiting):
            leased = self._from_memory(names, now)
            if leased is None:
                self._asked[names] = waiting[position:]
                self._ask(names, max(now, asked))
                return
            mine.callback(leased)

    def _failed(self, failure: Failure, names: Names) -> None:
        if not failure.check(StoreUnavailable):
            failure.raiseException()
        for mine, keys, now in self._asked.pop(names):
            try:
                verdict = self._fallback(keys, now)
            except GatewayError as error:
                mine.errback(Failure(error))
            else:
                mine.callback(verdict)

    def _broken(self, failure: Failure, names: Names) -> None:
        """Reading the answer failed, by a fault of ours: fail whoever waits for it, lest they wait for ever."""
        for mine, _, _ in self._asked.pop(names, ()):
            mine.errback(failure)


def _keep(kept: OrderedDict[Any, Any], key: object, value: object) -> None:
    kept[key] = value
    if len(kept) > MOST:
        kept.popitem(last=False)
