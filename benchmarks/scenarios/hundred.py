"""What was found of a few instances, as a table, and what follows from it for a hundred."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.figures import Table, median, micro, milli
from benchmarks.proxies.instances import BOUND, LEASES, WINDOW, WORKERS

INSTANCES, RATE = 100, 1_000
"""Those for which it is computed, and requests/s of each."""

_CALLERS = 1_000_000


@dataclass
class Found:
    """What was found.

    Attributes:
        workers: Processes of all instances together.
        asked: For each lease, how many requests were made, and how many questions Redis was asked for them.
        script: What a question takes in Redis's script, in seconds; without a lease.
        cpu: What it takes of Redis's processor, in seconds.
        bound: Of the limit that is met: requests, those that passed, and questions.
        seconds: For how long it was asked for.
        allowed: How many could pass in that time.
        key: Octets of Redis for a caller that is counted.
        connections: To Redis, of all instances together.
        watches: Of etcd, by all instances together.
        revoked: How long it took until all workers refused a token, in seconds.
        changed: How long until all workers had a changed configuration, from when it was written to etcd, in seconds.
        failed: Requests without a good answer, where none was to be refused.
    """

    workers: int
    asked: dict[int, tuple[int, int]] = field(default_factory=dict)
    script: float = 0.0
    cpu: float = 0.0
    bound: tuple[int, int, int] = (0, 0, 0)
    seconds: float = 0.0
    allowed: int = 0
    key: float = 0.0
    connections: int = 0
    watches: int = 0
    revoked: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def flood(self) -> float:
        """Questions a second of one process, for the caller who is refused."""
        return self.bound[2] / self.seconds / self.workers if self.seconds else float("nan")

    @property
    def over(self) -> int:
        """How many passed that must not; less than 0 where there was room left."""
        return self.bound[1] - self.allowed

    def each(self, lease: int) -> float:
        """Questions for a request."""
        requests, questions = self.asked[lease]
        return questions / requests if requests else float("nan")

    def raw(self) -> dict[str, Any]:
        """Everything, for tools."""
        return {**vars(self), "over": self.over}


def limits(found: Found) -> Table:
    """Make the table of questions."""
    rows = [
        ["one question each" if lease == 1 else f"`lease: {lease}`", f"{requests:,}", f"{questions:,}"]
        for lease, (requests, questions) in found.asked.items()
    ]
    for row, lease in zip(rows, found.asked, strict=True):
        row.append(f"{found.each(lease):.3f}")
    requests, passed, questions = found.bound
    name = f"`lease: 20`, {BOUND:,} in {WINDOW} s: {passed:,} of at most {found.allowed:,} passed"
    rows.append([name, f"{requests:,}", f"{questions:,}", f"{questions / requests if requests else 0:.3f}"])
    title = f"scaling, questions: {found.workers // WORKERS} instances of {WORKERS} processes, one Redis"
    return Table(title, ["limit", "requests", "questions to Redis", "for a request"], rows)


def rest(found: Found) -> Table:
    """Make the table of all else that was found."""
    rows = [
        ["a question, in Redis's script, µs", micro(found.script)],
        ["a question, of Redis's processor, µs", micro(found.cpu)],
        ["a caller that is counted, octets of Redis", f"{found.key:.0f}"],
        ["connections to Redis, of each process", f"{found.connections / found.workers:g}"],
        ["watches of etcd, of each instance", f"{found.watches * WORKERS / found.workers:g}"],
        ["questions a second of each process, for the caller of the last row above", f"{found.flood:.0f}"],
        [f"a token is refused by all {found.workers} processes after, ms", _range(found.revoked)],
        [f"a change in etcd is in force in all {found.workers} after, ms", _range(found.changed)],
    ]
    return Table("scaling, the rest: what else was measured there", ["", "median (and most)"], rows)


def computed(found: Found) -> list[Table]:
    """Compute the tables for a hundred instances."""
    names = ["one question each" if lease == 1 else f"`lease: {lease}`" for lease in LEASES]
    questions = [INSTANCES * RATE * found.each(lease) for lease in LEASES]
    rows = [
        ["questions a second", *(f"{count:,.0f}" for count in questions)],
        ["of one core of Redis", *(f"{count * found.cpu:.2f}" for count in questions)],
    ]
    what = f"{INSTANCES} instances of {WORKERS} processes, {RATE:,} requests/s each, one Redis"
    processes = INSTANCES * WORKERS
    others = [
        [f"{_CALLERS:,} callers counted at once, MB of Redis", f"{found.key * _CALLERS / 1e6:,.0f}"],
        ["connections to Redis", f"{found.connections / found.workers * processes:,.0f}"],
        ["messages of Redis for a revocation or a purge", f"{processes:,}"],
        ["answers of etcd for a change", f"{found.watches * processes / found.workers:,.0f}"],
        ["questions a second for one who floods all of them, by a limit of one a second or less", f"{processes:,}"],
        [f"the same, by {BOUND:,} in {WINDOW} s, as measured for each process", f"{found.flood * processes:,.0f}"],
    ]
    return [
        Table(f"scaling, a hundred: computed, for {what}", ["", *names], rows),
        Table("scaling, a hundred, the rest: computed for the same", ["", f"of {INSTANCES}"], others),
    ]


def _range(values: list[float]) -> str:
    return f"{milli(median(values))} ({milli(max(values))})" if values else "-"
