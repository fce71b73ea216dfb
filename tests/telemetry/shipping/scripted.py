"""A receiver that answers as it is told, on a virtual clock."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from gateway.headers import Headers
from gateway.telemetry.shipping.contract import Parcel, Receipt, Verdict, judge_status
from gateway.telemetry.shipping.shipper import Shipper


class Down(Exception):
    """Nobody answers."""


def receipt(status: int = 200, body: bytes = b"", **fields: str) -> Receipt:
    """An answer; `Retry_After` is the field `Retry-After`."""
    return Receipt(
        status, Headers((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()), body
    )


class ScriptedSink:
    """Takes batches as lines (a `Sink`)."""

    name = "scripted"
    what = "lines"
    where = "http://receiver/lines"

    def __init__(self) -> None:
        self.verdict: Verdict | None = None

    def pack(self, items: Sequence[bytes]) -> Parcel:
        return Parcel(b"http://receiver/lines", [(b"Content-Type", b"text/plain")], b"\n".join(items))

    def judge(self, items: Sequence[bytes], answer: Receipt) -> Verdict:
        return judge_status(items, answer) if self.verdict is None else self.verdict


class Bench:
    """A shipper and its receiver: it answers what `answers` has, in order, then `always`; None for silence."""

    def __init__(
        self,
        *,
        limit: int = 100_000,
        batch: int = 3,
        interval: float = 1.0,
        chance: float = 1.0,
        oldest: bool = False,
        sink: ScriptedSink | None = None,
        patience: float = 0.0,
    ) -> None:
        self.clock = Clock()
        self.answers: list[Receipt | Exception | None] = []
        self.always: Receipt | Exception | None = receipt()
        self.posted: list[list[bytes]] = []
        self.at: list[float] = []
        self.open: Deferred[Receipt] | None = None
        self.cancelled = 0
        self.stopped = 0
        self.lost = 0
        self.delivered = 0
        self.shipper = Shipper(
            sink or ScriptedSink(),
            self.post,
            self.clock,
            lambda: 1_700_000_000 + self.clock.seconds(),
            lambda: chance,
            limit=limit,
            batch=batch,
            interval=interval,
            oldest=oldest,
            patience=lambda: patience,
            stop_posting=self._stop,
            lost=self._lose,
            delivered=self._deliver,
        )

    def post(self, parcel: Parcel) -> Deferred[Receipt]:
        """Answer, fail, or say nothing."""
        self.posted.append(parcel.body.split(b"\n"))
        self.at.append(self.clock.seconds())
        answer = self.answers.pop(0) if self.answers else self.always
        if answer is None:
            self.open = Deferred(self._cancel)
            return self.open
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)

    def put(self, *names: str) -> None:
        """Queue items."""
        for name in names:
            self.shipper.put(name.encode())

    def _cancel(self, _: Deferred[Receipt]) -> None:
        self.cancelled += 1

    def _stop(self) -> None:
        self.stopped += 1

    def _lose(self, count: int) -> None:
        self.lost += count

    def _deliver(self, count: int) -> None:
        self.delivered += count
