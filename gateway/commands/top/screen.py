"""How `gateway top` looks: its figures as a screen of a terminal, or as lines for who reads them elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.commands.wording import duration, printable

Figures = Mapping[str, Any]

_STATES: Final = {"up": "green", "down": "bold red", "open": "bold red", "ejected": "red", "half-open": "yellow"}

_FIXED: Final = 14
"""Lines of the screen beside the rows of its tables."""


def screen(figures: Figures, where: str, lines: int = 1000, trouble: str = "") -> RenderableType:
    """Return all of it.

    Args:
        figures: As `gateway.commands.top.figures` makes them.
        where: The admin port.
        lines: That there is room for; the tables have the busiest, the sickest and the newest.
        trouble: Why the figures are old; empty where they are not.
    """
    room = max(6, lines - _FIXED)
    routes, failures = figures["routes"][: max(2, room // 3)], figures["failures"][: max(2, room // 3)]
    backends = _backends(figures["upstreams"])
    parts: list[RenderableType] = [Text(printable(f"gateway at {where}"), style="bold")]
    if trouble:
        parts.append(Text(printable(trouble), style="bold red"))
    parts += [*_head(figures), Text()]
    shown = max(2, room - len(routes) - len(failures))
    parts += [_route_table(routes), Text(), _backend_table(backends[:shown])]
    if len(backends) > shown:
        parts.append(Text(f"and {len(backends) - shown} more that are up", style="dim"))
    parts += [Text(), _failure_table(failures)]
    return Group(*parts)


def _head(figures: Figures) -> list[Text]:
    rate, failed, latency = figures["requests_per_second"], figures["failed_per_second"], figures["latency_ms"]
    if rate is None:
        return [Text("one more look is needed for the rates …", style="dim"), _process(figures)]
    traffic = Text(f"{_number(rate)} requests/s   ", style="bold")
    share = f" ({100 * failed / rate:.1f} %)" if rate else ""
    traffic.append(f"{_number(failed)} failed/s{share}", style="bold red" if failed else "green")
    for name, value in latency.items():
        traffic.append(f"   {name} {'-' if value is None else duration(value)}", style="default")
    kinds = "   ".join(f"{kind} {_number(value)}/s" for kind, value in sorted(figures["statuses"].items()) if value)
    reasons = "   ".join(f"{one['reason']} {_number(one['per_second'])}/s" for one in figures["reasons"][:4])
    return [traffic, Text(printable("   ".join(filter(None, [kinds, reasons]))) or "no requests"), _process(figures)]


def _process(figures: Figures) -> Text:
    cpu = "" if figures["cpu"] is None else f"{100 * figures['cpu']:.0f} % of a core   "
    return Text(
        f"{figures['connections']} connections   {figures['in_flight']} in flight   {cpu}"
        f"{figures['memory_bytes'] / 1e6:.0f} MB   loop lag {duration(figures['loop_lag_ms'])}"
    )


def _route_table(routes: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("route", "requests/s", "failed/s", "p99")
    for one in routes:
        failed = one["failed_per_second"]
        table.add_row(
            Text(printable(one["route"] or "(no route)")),
            Text(_number(one["requests_per_second"])),
            Text(_number(failed), style="red" if failed else ""),
            Text("-" if one["p99_ms"] is None else duration(one["p99_ms"])),
        )
    return table


def _backends(upstreams: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """List them with their upstreams, those first that somebody has to look at."""
    every = [(upstream, backend) for upstream in upstreams for backend in upstream["backends"]]
    return sorted(every, key=lambda one: (one[1]["state"] == "up", -one[1]["in_flight"]))


def _backend_table(backends: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Table:
    table = _table("upstream", "backend", "state", "in flight", "why")
    for upstream, backend in backends:
        breaker = upstream["breaker"]
        name = Text(printable(upstream["name"]))
        if breaker not in (None, "closed"):
            name.append(f" (breaker {breaker.replace('_', '-')})", style="bold red")
        if upstream["panic"]:
            name.append(" (panic)", style="bold red")
        pending = f" + {backend['pending']} waiting" if backend["pending"] else ""
        table.add_row(
            name,
            Text(printable(backend["url"])),
            Text(backend["state"], style=_STATES.get(backend["state"], "yellow")),
            Text(f"{backend['in_flight']}{pending}"),
            Text(printable(backend["why"] or ("" if breaker in (None, "closed") else upstream["why"]))),
        )
    return table


def _failure_table(failures: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("failed at", "status", "reason", "route", "request", "id: gateway why ID")
    for one in failures:
        table.add_row(
            Text(str(one["time"])[11:19]),
            Text(str(one["status"])),
            Text(printable(one["reason"] or "(by the backend)")),
            Text(printable(one["route"] or "-")),
            Text(printable(f"{one['method']} {one['path']}")[:60]),
            Text(printable(one["id"])),
        )
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold dim")
    for place, name in enumerate(names):
        # The last column has an id, or a reason that may be cut; no row takes two lines.
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=4 if place else 8)
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"
