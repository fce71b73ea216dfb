"""`Center`: what the parent does for its workers beside starting them. It never sees a request.

It passes on what they tell each other and keeps what stands (`gateway.processes.news`), keeps refresh tokens
(`gateway.processes.grants`), elects the worker that does what is done once (`gateway.processes.once`), and makes one
set of figures of theirs (`gateway.processes.figures`). What holds for the whole at every request is in the memory that
it makes (`gateway.processes.memory`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from gateway.identity.refresh import MemoryGrants
from gateway.processes.administering import Administering
from gateway.processes.channel import Channel, ChannelError
from gateway.processes.exchanges import EXCHANGES
from gateway.processes.figures import COUNTS, FIGURES, Ledger
from gateway.processes.grants import GRANTS, answerer
from gateway.processes.memory import SharedMemory, new_memory
from gateway.processes.news import NEWS, Standing
from gateway.processes.places import MOST_WORKERS, clear
from gateway.processes.share import ADMIN, ELECTED, LIVE, READY, UPSTREAMS, WELCOME

if TYPE_CHECKING:
    from gateway.processes.rounds import Rounds

SCRAPE: Final = 0.5
"""Seconds that a worker has to say its figures; those of one that is late are up to a second old."""


class TooManyWorkers(Exception):
    """All numbers are in use: many workers of earlier configurations still drain."""


class Center:
    """What the parent does for its workers.

    Args:
        wall_clock: Unix seconds.

    Attributes:
        descriptor: Of the memory that all share; a worker gets a duplicate, and a number.
        restarts: Workers that were started in the place of others; whoever starts them counts.
    """

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self.descriptor = new_memory()
        self.restarts = 0
        self._memory = SharedMemory(self.descriptor)
        self._standing = Standing(wall_clock)
        self._ledger = Ledger()
        self._answer_grants = answerer(MemoryGrants())
        self._workers: dict[int, Channel] = {}
        self._taken: set[int] = set()
        self._wall_clock = wall_clock
        self._rounds: Rounds | None = None
        self._welcomed: set[int] = set()
        self._elected: int | None = None
        self._administration: Administering | None = None

    def administers(self, administering: Administering) -> None:
        """Say who answers what the admin ports of workers are asked about the configuration of all."""
        self._administration = administering

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()

    def number(self) -> int:
        """Return a number for a worker that is to be started; it is free again when `left` was called with it.

        Raises:
            TooManyWorkers: There is none.
        """
        for number in range(MOST_WORKERS):
            if number not in self._taken:
                self._taken.add(number)
                return number
        raise TooManyWorkers(f"there are {MOST_WORKERS} workers already, those that drain included")

    def joined(self, worker: int, channel: Channel) -> None:
        """A worker was started: answer it."""
        self._workers[worker] = channel
        channel.on(WELCOME, lambda _: self._welcome(worker))
        channel.on(NEWS, partial(self._news, worker))
        channel.on(GRANTS, self._answer_grants)
        channel.on(COUNTS, partial(self._ledger.told, worker))
        channel.on(FIGURES, lambda _: ensureDeferred(self._figures()))
        channel.on(UPSTREAMS, lambda _: ensureDeferred(self._upstreams()))
        channel.on(EXCHANGES, lambda name: ensureDeferred(self._exchanges(name)))
        channel.on(LIVE, self._live)
        channel.on(ADMIN, self._administer)

    def drains(self, worker: int) -> None:
        """A worker is about to stop, or gives no sign of life: somebody else does what is done once."""
        if worker == self._elected and self._welcomed > {worker}:
            self._elect(besides=worker)

    def left(self, worker: int) -> None:
        """A worker has ended: its process is gone."""
        self._taken.discard(worker)
        self._welcomed.discard(worker)
        if self._workers.pop(worker, None) is None:
            return
        clear(self._memory, worker)
        self._news(worker, [READY, str(worker), [worker, None], None])
        self._ledger.gone(worker)
        if worker == self._elected:
            self._elect()

    def _welcome(self, worker: int) -> dict[str, Any]:
        self._welcomed.add(worker)
        if self._elected is None:
            self._elected = worker
        return {"news": self._standing.all(), "elected": worker == self._elected}

    def _elect(self, besides: int | None = None) -> None:
        before = self._elected
        # Not one that is starting: it may never serve, and asks who it is when it does.
        others = [worker for worker in self._workers if worker != besides and worker in self._welcomed]
        self._elected = others[0] if others else None
        if before in self._workers:
            self._workers[before].tell(ELECTED, False)
        if self._elected is not None:
            self._workers[self._elected].tell(ELECTED, True)

    def _news(self, worker: int, news: list[Any]) -> None:
        kind, key, body, until = news
        self._standing.add(kind, key, body, until)
        for other, channel in self._workers.items():
            if other != worker:
                channel.tell(NEWS, news)

    async def _ask_all(self, kind: str, body: Any = None) -> dict[int, Any]:
        """Ask all workers; who is gone by then, or late, is left out."""
        answers: dict[int, Any] = {}
        waits: list[Deferred[Any]] = []
        for worker, channel in self._workers.items():
            asked = channel.ask(kind, body, SCRAPE)
            asked.addCallbacks(partial(answers.__setitem__, worker), lambda failure: failure.trap(ChannelError))
            waits.append(asked)
        await gatherResults(waits, consumeErrors=True)
        return {worker: said for worker, said in answers.items() if worker in self._workers}

    async def _upstreams(self) -> list[Any]:
        return list((await self._ask_all(UPSTREAMS)).values())

    async def _exchanges(self, name: str | None) -> list[Any]:
        return list((await self._ask_all(EXCHANGES, name)).values())

    def _live(self, after: int) -> Deferred[dict[str, Any]]:
        if self._rounds is None:
            from gateway.processes.rounds import Rounds  # with the first page that is opened

            self._rounds = Rounds(lambda: ensureDeferred(self._moments()), self._wall_clock)
        return self._rounds(after)

    async def _moments(self) -> list[Any]:
        return list((await self._ask_all(LIVE)).values())

    def _administer(self, said: dict[str, Any]) -> Deferred[dict[str, Any]]:
        if self._administration is None:
            raise LookupError("nobody keeps the configuration")
        return self._administration(said)

    async def _figures(self) -> dict[str, Any]:
        there = await self._ask_all(FIGURES)
        own = {"gateway_workers": len(self._workers), "gateway_worker_restarts_total": self.restarts}
        return self._ledger.whole(there, own)
