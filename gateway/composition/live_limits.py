"""Limits and who is near them, for the live page: looked at when somebody does.

# Note [Who is near]
Of a million keys those are looked at that were asked for last: who is near a limit is asking. Keys that name callers
are shown shortened, addresses as they are, as in the access log. What several processes count in common lies in memory
by digests, and what Redis counts in Redis: of these it is not known here who the callers are.

Tests: `tests/admin/test_live_limits.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Any, Final, NamedTuple

from gateway.composition.assembly import Gateway
from gateway.composition.builders.counts import Identities, Made
from gateway.config import Settings
from gateway.limiting.limit import Limit, unused
from gateway.limiting.store import MemoryLimits, rule_of

LOOKED_AT: Final = 2000
"""Keys that are looked at."""

SHOWN: Final = 50
"""Of these, those nearest to their limits."""

LISTED: Final = 100
"""Limits that are listed."""

IDENTITY: Final = 8
"""Octets of a limit's identity, before the key."""

SHORT: Final = 4
"""Characters that are shown of what names a caller."""

KINDS: Final = {"r": "route", "h": "field", "u": "user", "k": "API key", "c": "claim", "a": "address"}

_PLACES: Final = ("gateway_admission_limit", "gateway_admission_in_flight", "gateway_admission_waiting")


class Known(NamedTuple):
    """A limit by its identity.

    Attributes:
        where: Where it stands in the configuration.
        tier: Of which tier; empty for the limit itself.
        limit: The limit.
    """

    where: str
    tier: str
    limit: Limit


class LiveLimits:
    """Shows the limits in force.

    Args:
        gateway: Whose they are.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: tuple[Settings, dict[bytes, Known]] | None = None

    def view(self) -> dict[str, Any]:
        """Return the limits, who is near them, and places for exchanges in flight."""
        known = self._limits()
        listed = [
            {
                "where": one.where + (f", tier {one.tier}" if one.tier else ""),
                "by": one.limit.label,
                "requests": one.limit.requests,
                "window": one.limit.window,
                "burst": None if one.limit.sliding else one.limit.burst,
            }
            for one in list(known.values())[:LISTED]
        ]
        near, words = self._near(known)
        return {"total": len(known), "limits": listed, "near": near, "words": words, "places": self._places()}

    def _limits(self) -> dict[bytes, Known]:
        settings = self._gateway.root.tree.settings
        if self._known is None or self._known[0] is not settings:
            self._known = settings, {one.limit.identity: one for one in _all(settings)}
        return self._known[1]

    def _near(self, known: dict[bytes, Known]) -> tuple[list[dict[str, Any]], str]:
        foundation = self._gateway.foundation
        if not known:
            return [], ""
        if foundation.whole is not None:
            return [], "Counts of several processes lie in memory by digests: it is not known whose they are."
        stores = [foundation.carried.asked(("limits", what)) for what in ("memory", "local")]
        stores = [store for store in stores if isinstance(store, MemoryLimits)]
        words = "" if stores else "Redis counts: it is not known here whose counts those are."
        now = foundation.now()
        rows = []
        for store in stores:
            for key, state in store.recent(LOOKED_AT):
                one = known.get(key[:IDENTITY])
                if one is not None:
                    rows.append(_row(one, key[IDENTITY:], state, now))
        rows.sort(key=lambda row: -row["used"] / row["of"])
        return [row for row in rows if row["used"] > 0][:SHOWN], words

    def _places(self) -> list[dict[str, Any]]:
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        for spec, samples in self._gateway.foundation.metrics.samples():
            if spec.name in _PLACES:
                for labels, figure in samples:
                    row = found.setdefault(labels, {"scope": labels[0], "name": labels[1]})
                    row[spec.name.removeprefix("gateway_admission_")] = figure
        return list(found.values())


def _all(settings: Settings) -> Iterator[Known]:
    for kind, words in (("all", "rate_limits"), ("own", "rate_limits, for paths of the gateway")):
        identities = Identities(kind)
        for number, one in enumerate(settings.rate_limits):
            yield from _with_tiers(
                f"{words}[{number}]" + (f" {one.path}" if one.path else ""), identities.limit(one.path or "", one)
            )
    for route in settings.routes:
        identities = Identities("route")
        for own in route.rate_limit:
            yield from _with_tiers(f"route {route.name}", identities.limit(route.name, own))


def _with_tiers(where: str, made: Made) -> Iterator[Known]:
    where += " (dry run)" if made.settings.dry_run else ""
    yield Known(where, "", made.limit)
    for name, limit in made.tiers:
        if limit is not None:
            yield Known(where, name, limit)


def _row(one: Known, key: bytes, state: Any, now: float) -> dict[str, Any]:
    rule = rule_of(one.limit)
    most = unused(one.limit).remaining
    wait = rule.wait(state, now)
    left = 0 if wait > 0 else rule.remaining(state, now)
    return {
        "where": one.where + (f", tier {one.tier}" if one.tier else ""),
        "by": one.limit.label,
        "key": shortened(key),
        "used": max(0, most - left),
        "of": most,
        "again": round(max(0.0, wait), 1),
    }


def shortened(key: bytes) -> str:
    """Return a key for people: an address, or the beginning of what names a caller (`gateway.limiting.keys`)."""
    kind, rest = key[:1].decode("latin-1"), key[1:]
    if kind == "4":
        return rest.decode("ascii", "replace")
    if kind == "6" and len(rest) == 8:
        return f"{IPv6Address(rest + bytes(8))}/64"
    if kind in KINDS:
        text = rest.decode("utf-8", "replace")
        return f"{KINDS[kind]} {text if len(text) <= SHORT or kind == 'r' else text[:SHORT] + '…'}"
    return "several, or a long one"
