"""What single settings cost or save: the gateway beside itself, with one of them changed at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Outcome, Table, ratio
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.gateway import Gateway, configuration, gateways
from benchmarks.redis import redis_settings
from benchmarks.scenarios.limits import NEVER
from benchmarks.scenarios.load import Load
from benchmarks.stand import Stand
from benchmarks.workload import ANSWER, ANSWER_PATH, Task

_LIMIT = {"requests": NEVER, "window": "1h", "scope": "ip"}
_GUARDED = {
    "health_check": {"path": ANSWER_PATH, "interval": "1s"},
    "passive_health": {},
    "circuit_breaker": {},
}

KNOBS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "log-off": ("access_log: false", {"log": {"enabled": False}}),
    "log-1%": ("access_log.sample: 0.01", {"log": {"sample": 0.01}}),
    "log-combined": ("access_log.format: combined", {"log": {"format": "combined"}}),
    "idle-8": ("pool.max_idle: 8, with 64 requests at once", {"upstream": {"pool": {"max_idle": 8}}}),
    "busy-8": ("pool.max_connections: 8, with 64 requests at once", {"upstream": {"pool": {"max_connections": 8}}}),
    "guarded": (
        "health_check, passive_health, circuit_breaker and retry",
        {"upstream": _GUARDED, "route": {"retry": {}}},
    ),
    "limit": ("rate_limit, counted in memory", {"route": {"rate_limit": _LIMIT}}),
    "security": ("security_headers: true", {"route": {"security_headers": True}}),
}
"""By what stands behind the gateway's name in tables: the setting in words, and what it changes.

That is of the first upstream (`upstream`), of each route (`route`), of the access log (`log`), or sections of the file
(`top`).
"""


class Turned(Gateway):
    """The gateway with one setting changed.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
        words: The setting, as the configuration has it.
        changed: As in `KNOBS`.
    """

    def __init__(self, name: str, checkout: Path, words: str, changed: Mapping[str, Any]) -> None:
        super().__init__(name, checkout)
        self.does = f"as gateway, with {words}"
        self.words = words
        self._changed = changed

    def configuration(self, task: Task) -> dict[str, Any]:
        """Change it."""
        plain = configuration(task)
        changed = self._changed
        return {
            **plain,
            "upstreams": [{**one, **changed.get("upstream", {})} for one in plain["upstreams"]],
            "routes": [{**one, **changed.get("route", {})} for one in plain["routes"]],
            "access_log": {**plain["access_log"], **changed.get("log", {})},
            **changed.get("top", {}),
        }


@dataclass(frozen=True)
class Knobs:
    """The `plain` load on configurations that differ in one setting; peers are not asked."""

    name: str = "knobs"

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure in interleaved rounds; a second table has each as a ratio to the first gateway."""
        ours = gateways(proxies)
        if not ours:
            return Outcome()
        first = ours[0]
        turned = [Turned(f"{first.name}+{name}", first.checkout, *knob) for name, knob in KNOBS.items()]
        load = Load(self.name, "126-byte answers; one setting changed at a time", ANSWER_PATH, ANSWER)
        with redis_settings(stand) as store:
            if store is not None:
                changed = {"route": {"rate_limit": _LIMIT}, "top": store}
                words = "rate_limit, counted in Redis"
                turned.append(Turned(f"{first.name}+limit-redis", first.checkout, words, changed))
            outcome = load.run(stand, [*ours, *turned])
        outcome.tables.append(ratios(outcome.figures, first.name, [*ours, *turned]))
        return outcome


def ratios(figures: Mapping[str, float], first: str, measured: Sequence[Gateway]) -> Table:
    """Put each gateway of a run beside the first of it."""
    rows = []
    for one in measured:
        key = f"knobs.{one.name}"
        if one.name == first or f"{key}.cpu" not in figures:
            continue
        parts = [ratio(figures[f"{key}.{what}"], figures[f"knobs.{first}.{what}"]) for what in ("cpu", "rate", "p99")]
        rows.append([one.words if isinstance(one, Turned) else one.name, *parts])
    title = f"knobs-ratios: each in the place of {first}, in the same run"
    return Table(title, ["setting", "CPU/request", "requests/s", "p99"], rows)
