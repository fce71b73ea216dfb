"""`GET /upstreams` of all workers: what each knows of a backend, made into one.

What is counted is summed. Of what each worker finds out by itself (breakers, ejections) the worst is shown, and in how
many workers it is so; what all know (health) is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

SUMMED: Final = frozenset(
    ["in_flight", "idle", "busy", "connecting", "pending", "outcomes_in_window", "failures_in_window"]
)
WORST: Final = ("closed", "half_open", "open")
REMEMBERED: Final = 5
"""Last errors and changes that are shown."""


def merged(views: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Make one view of those of all workers, in the order of the first."""
    names = [one["name"] for one in views[0]] if views else []
    found = [{one["name"]: one for one in view} for view in views]
    return [_upstream([view[name] for view in found if name in view]) for name in names]


def _upstream(views: list[dict[str, Any]]) -> dict[str, Any]:
    shown = dict(views[0])
    if "circuit_breaker" in shown:
        shown["circuit_breaker"] = _breaker([view["circuit_breaker"] for view in views if "circuit_breaker" in view])
    if "panic" in shown:
        shown["panic"] = any(view.get("panic") for view in views)
    backends = [{backend["url"]: backend for backend in view["backends"]} for view in views]
    shown["backends"] = [
        _backend([known[one["url"]] for known in backends if one["url"] in known]) for one in shown["backends"]
    ]
    return shown


def _backend(views: list[dict[str, Any]]) -> dict[str, Any]:
    shown = _summed(views)
    shown["connections"] = _summed([view["connections"] for view in views])
    if "circuit_breaker" in shown:
        shown["circuit_breaker"] = _breaker([view["circuit_breaker"] for view in views if "circuit_breaker" in view])
    ejections = [view["ejection"] for view in views if "ejection" in view]
    if ejections:
        out = [one for one in ejections if one["ejected"]]
        worst: dict[str, Any] = max(out or ejections, key=lambda one: float(one.get("for_seconds", one["times"])))
        shown["ejection"] = dict(worst)
        if 0 < len(out) < len(views):
            shown["ejection"]["workers"] = len(out)
    for name in ("last_errors", "last_changes"):
        if name in shown:
            every = [one for view in views for one in view.get(name, ())]
            # A failed check is known to all workers: it is shown once.
            distinct = list({repr(one): one for one in every}.values())
            shown[name] = sorted(distinct, key=lambda one: -float(one["seconds_ago"] or 0))[-REMEMBERED:]
    return shown


def _breaker(views: list[dict[str, Any]]) -> dict[str, Any]:
    states = [view["state"] for view in views]
    worst = max(states, key=WORST.index)
    shown = _summed([view for view in views if view["state"] == worst])
    for name in SUMMED & shown.keys():
        shown[name] = sum(view.get(name, 0) for view in views)
    if len(set(states)) > 1:
        shown["workers"] = states.count(worst)
    return shown


def _summed(views: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        name: sum(view.get(name, 0) for view in views) if name in SUMMED else value for name, value in views[0].items()
    }
