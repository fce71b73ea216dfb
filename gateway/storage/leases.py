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

from twisted.python.failure import Failure

from gateway.awaited import Awaited, Hearer
from gateway.limiting.limit import Decide, Verdict
from gateway.storage.errors import StoreUnavailable
from gateway.storage.limits import REMEMBERED, Asking, forgotten

MOST = 100_000
"""Keys with something in advance."""

Names = tuple[bytes, ...]
Waiting = list[tuple[Awaited, Sequence[bytes], float]]
"""Who waits for an answer: with the keys, and since when."""


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
        self._asked: dict[Names, Waiting] = {}

    def decide(self, keys: Sequence[bytes], now: float) -> Verdict | Awaited:
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
        mine = Awaited()
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
        self._asking.ask(names, wants, _Taking(self, names, wants, now))

    def ask_by_source(self, names: Names, wants: tuple[int, ...], taking: Hearer) -> None:
        """Ask a server that does not know the script (any more)."""
        self._asking.ask_by_source(names, wants, taking)

    def answered(self, answer: list[int], names: Names, now: float) -> None:
        """Let pass, or refuse, who waits for an answer."""
        waiting = self._asked.pop(names)
        try:
            self._serve(waiting, answer, names, now)
        except Exception:  # noqa: BLE001 - the answer is none of the script's: who waits hears of it, not who reads
            failure = Failure()
            for mine, _, _ in waiting:
                mine.errback(failure)  # ignored by who has been told already

    def _serve(self, waiting: Waiting, answer: list[int], names: Names, now: float) -> None:
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

    def unanswered(self, names: Names) -> None:
        """Decide without an answer on everybody who waits for it."""
        for mine, keys, now in self._asked.pop(names):
            try:
                verdict = self._fallback(keys, now)
            except Exception:  # noqa: BLE001 - LimitUnavailable: raised in the chain of each, which answers with it
                mine.errback(Failure())
            else:
                mine.callback(verdict)

    def broken(self, failure: Failure, names: Names) -> None:
        """Fail whoever waits for an answer, which cannot be had by a fault of ours, lest they wait for ever."""
        for mine, _, _ in self._asked.pop(names, ()):
            mine.errback(failure)


class _Taking(Hearer):
    """A question for requests in advance, while Redis has it."""

    __slots__ = ("_by_source", "_leased", "_names", "_now", "_wants")

    def __init__(self, leased: Leased, names: Names, wants: tuple[int, ...], now: float) -> None:
        self._leased = leased
        self._names = names
        self._wants = wants
        self._now = now
        self._by_source = False

    def callback(self, value: Any) -> None:
        self._leased.answered(value, self._names, self._now)

    def errback(self, failure: Failure) -> None:
        if not self._by_source and forgotten(failure):
            self._by_source = True
            self._leased.ask_by_source(self._names, self._wants, self)
            return
        if isinstance(failure.value, StoreUnavailable):
            self._leased.unanswered(self._names)
        else:
            self._leased.broken(failure, self._names)


def _keep(kept: OrderedDict[Any, Any], key: object, value: object) -> None:
    kept[key] = value
    if len(kept) > MOST:
        kept.popitem(last=False)
