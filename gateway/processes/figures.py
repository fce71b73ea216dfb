"""`/metrics` of the whole: what each worker tells its parent, and what the parent makes of it.

# Note [Nothing goes back]
A worker that ends takes nothing with it: it tells what it has counted every second, only what has changed, and once
more at its end; the parent adds that to what workers before it had counted. One that is killed loses what it counted
since it told last. Who scrapes gets figures of this moment: the parent asks all workers then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.telemetry.merging import COUNTED, Families, Others, collected, merge, plain, series
from gateway.telemetry.metrics import Metrics

EVERY: Final = 1.0
"""Seconds between two tellings."""

COUNTS: Final = "counts"
"""The kind of what a worker tells: `{"of": {metric: series}, "others": […]}`, what has changed; whole with `"all"`."""

FIGURES: Final = "figures"
"""The kind of the question about everything: the parent's to a worker, and a worker's to the parent about all."""


class Told:
    """What one worker tells.

    Args:
        metrics: Its own.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._before: dict[str, dict[tuple[str, ...], Any]] = {}

    def all(self) -> dict[str, Any]:
        """Return all figures as they are now."""
        of = {spec.name: plain(samples) for spec, samples in self._metrics.samples()}
        return {"of": {name: rows for name, rows in of.items() if rows}, "others": collected(self._metrics.registry)}

    def changed(self, others: bool = False) -> dict[str, Any] | None:
        """Return what was counted since the last call, None for nothing.

        Args:
            others: With what other collectors have counted, for the end.
        """
        now = {spec.name: series(plain(samples)) for spec, samples in self._metrics.samples() if spec.name in COUNTED}
        before, self._before = self._before, now
        gone = any(not found.keys() <= now[name].keys() for name, found in before.items())
        changes = {
            name: [
                [list(labels), figure]
                for labels, figure in found.items()
                if gone or before.get(name, {}).get(labels) != figure
            ]
            for name, found in now.items()
        }
        changes = {name: rows for name, rows in changes.items() if rows}
        if not changes and not gone and not others:
            return None
        said: dict[str, Any] = {"of": changes, "all": gone}
        if others:
            said["others"] = collected(self._metrics.registry)
        return said


class Ledger:
    """What all workers have told, and what those had counted that are gone: kept by the parent."""

    def __init__(self) -> None:
        self._told: dict[int, Families] = {}
        self._others: dict[int, list[list[Any]]] = {}
        self._past: Families = {}
        self._others_past = Others()

    def told(self, worker: int, said: Mapping[str, Any]) -> None:
        """A worker tells what has changed."""
        kept = self._told.setdefault(worker, {})
        if said.get("all"):
            kept.clear()
        for name, rows in said["of"].items():
            kept.setdefault(name, {}).update(series(rows))
        if "others" in said:
            self._others[worker] = said["others"]

    def answered(self, worker: int, said: Mapping[str, Any]) -> None:
        """A worker has said everything."""
        counted = {name: rows for name, rows in said["of"].items() if name in COUNTED}
        self.told(worker, {"of": counted, "all": True, "others": said["others"]})

    def gone(self, worker: int) -> None:
        """A worker has ended: what it had counted stays counted."""
        merge(self._past, self._told.pop(worker, {}))
        others = Others()
        others.add(self._others.pop(worker, []))
        self._others_past.add(others.counted())

    def whole(self, answers: Mapping[int, Mapping[str, Any]], own: Mapping[str, Any]) -> dict[str, Any]:
        """Return the figures of the whole.

        Args:
            answers: What workers have said just now; of the others what they told last counts.
            own: Figures of the parent, by metric; without labels.
        """
        families: Families = {}
        others = Others()
        merge(families, self._past)
        others.add(self._others_past.plain())
        for worker, said in answers.items():
            self.answered(worker, said)
            merge(families, {name: series(rows) for name, rows in said["of"].items()})
            others.add(said["others"])
        for worker, told in self._told.items():
            if worker not in answers:
                merge(families, told)
        for name, figure in own.items():
            families[name] = {(): figure}
        of = {name: [[list(labels), figure] for labels, figure in found.items()] for name, found in families.items()}
        return {"of": of, "others": others.plain()}
