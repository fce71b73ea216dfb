"""What `gateway simulate` says: tables, figures over time as bars, and events; or one JSON object.

Tests: `tests/commands/simulate/test_command.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import click

from gateway.commands.simulate.scene import Wanted
from gateway.commands.table import show as show_table
from gateway.commands.wording import duration, printable
from gateway.config.problems import Unexpected
from gateway.config.units import format_duration
from gateway.simulation.figures import COLUMNS, Figures, Histogram, Tally
from gateway.simulation.playing import Outcome

SHOWN: Final = 20
"""Events that are shown; JSON has more."""

_BARS: Final = " ▁▂▃▄▅▆▇█"
_PERCENTILES: Final = (50.0, 90.0, 99.0)
_BAD: Final = ("fault.begins", "breaker.open", "backend.ejected", "backend.unhealthy", "upstream.panic", "store.down")


def parse_share(said: str) -> float:
    """Read a share such as `1%`, up to 1.0.

    Raises:
        Unexpected: It is something else.
    """
    try:
        percent = float(said.removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not said.endswith("%") or not 0.0 <= percent <= 100.0:
        raise Unexpected("a share such as 0.5%, from 0% to 100%")
    return percent / 100.0


@dataclass
class Told:
    """What is told of.

    Attributes:
        path: The configuration.
        wanted: What was to be played.
        outcome: What came of it.
        took: Seconds that it took here.
        most_errors: The largest share of failures that is wished, up to 1.0; None for any.
        most_p99: The largest 99th percentile that is wished, in seconds; None for any.
    """

    path: str
    wanted: Wanted
    outcome: Outcome
    took: float
    most_errors: float | None = None
    most_p99: float | None = None

    @property
    def missed(self) -> list[str]:
        """What is not as it was wished, in words."""
        tally, missed = self.outcome.figures.tally, []
        if self.most_errors is not None and tally.error_rate > self.most_errors:
            missed.append(f"{_percent(tally.error_rate)} failed, and {_percent(self.most_errors)} may (--max-errors)")
        p99 = tally.latency.percentile(99.0)
        if self.most_p99 is not None and p99 > self.most_p99:
            missed.append(f"the 99th percentile is {_time(p99)}, and may be {_time(self.most_p99)} (--max-p99)")
        return missed


def show(told: Told) -> None:
    """Print it."""
    figures, scene = told.outcome.figures, told.wanted.scene
    what = f"{format_duration(round(scene.seconds, 3))} of traffic ({told.wanted.load}), seed {scene.seed}"
    click.echo(f"{click.style(printable(told.path), bold=True)}: {printable(what)}, played in {told.took:.1f} s")
    for note in told.wanted.notes:
        click.echo(f"{click.style('note', fg='yellow')}: {printable(note)}")
    click.echo()
    rows = [_row("all", figures.tally, figures.retries)]
    rows += [_row(name or "no route", one, one.retries) for name, one in sorted(figures.routes.items())]
    show_table(["route", "requests", "failed", "limited", "retries", "p50", "p90", "p99", "max"], rows)
    click.echo()
    show_table(["backend", "requests", "share", "at work", "most at once", "failed", "url"], list(_backends(told)))
    for line in [*_kinds(figures), "", *_over_time(figures), *_events(figures)]:
        click.echo(line)
    for words in told.missed:
        click.echo(f"{click.style('missed', fg='red')}: {words}")


def document(told: Told) -> dict[str, Any]:
    """Return the same as one JSON object, without how long it took here: it is the same each time."""
    figures, scene = told.outcome.figures, told.wanted.scene
    return {
        "seconds": scene.seconds,
        "seed": scene.seed,
        "load": told.wanted.load,
        "notes": list(told.wanted.notes),
        "all": {**_figures(figures.tally), "retries": figures.retries},
        "routes": {name: {**_figures(one), "retries": one.retries} for name, one in sorted(figures.routes.items())},
        "backends": {
            name: {
                "url": told.outcome.urls[name],
                "requests": station.asked,
                "failed": station.failed,
                "busy_seconds": round(station.busy, 6),
                "most_at_once": station.most,
            }
            for name, station in told.outcome.stations.items()
        },
        "statuses": {str(status): count for status, count in sorted(figures.statuses.items())},
        "reasons": dict(sorted(figures.reasons.items())),
        "columns": [
            {
                "from": round(place * figures.seconds / COLUMNS, 6),
                **_figures(one),
                "backends": {name: counts[place] for name, counts in figures.backends.items()},
            }
            for place, one in enumerate(figures.columns)
        ],
        "events": [{"at": round(one.at, 6), "event": one.name, "message": one.words} for one in figures.events],
        "events_by_name": dict(sorted(figures.happened.items())),
        "missed": told.missed,
    }


def _figures(tally: Tally) -> dict[str, Any]:
    return {
        "requests": tally.count,
        "failed": tally.errors,
        "error_rate": round(tally.error_rate, 6),
        "limited": tally.limited,
        "latency": _latency(tally.latency),
    }


def _latency(times: Histogram) -> dict[str, float]:
    found = {f"p{percent:g}": times.percentile(percent) for percent in _PERCENTILES}
    return {name: round(value, 6) for name, value in {**found, "max": times.max, "mean": times.mean}.items()}


def _row(name: str, tally: Tally, retries: int) -> list[str]:
    times = [tally.latency.percentile(percent) for percent in _PERCENTILES]
    shares = [_percent(tally.error_rate), _percent(tally.limited / tally.count if tally.count else 0.0)]
    return [printable(name), f"{tally.count:,}", *shares, f"{retries:,}", *map(_time, [*times, tally.latency.max])]


def _backends(told: Told) -> Iterator[list[str]]:
    stations = told.outcome.stations
    total = sum(one.asked for one in dict.fromkeys(stations.values())) or 1
    for name, one in stations.items():
        at_work = one.busy / told.wanted.scene.seconds
        figures = [f"{one.asked:,}", _percent(one.asked / total), f"{at_work:.2f}", f"{one.most:,}", f"{one.failed:,}"]
        yield [printable(name), *figures, printable(told.outcome.urls[name])]


def _kinds(figures: Figures) -> Iterator[str]:
    """Say how requests were answered, and why some were refused."""
    statuses = [f"{status or 'no answer'} {count:,}" for status, count in sorted(figures.statuses.items())]
    yield ""
    yield f"answers  {'   '.join(statuses)}"
    if figures.reasons:
        yield f"reasons  {'   '.join(f'{reason} {count:,}' for reason, count in figures.reasons.most_common(6))}"


def _over_time(figures: Figures) -> Iterator[str]:
    width = figures.seconds / COLUMNS
    yield click.style(f"over time, {format_duration(round(width, 3))} a column", bold=True)
    columns = figures.columns
    rows = [
        ("requests/s", [one.count / width for one in columns], _number, "default"),
        ("failed", [one.error_rate for one in columns], _percent, "red"),
        ("p50", [one.latency.percentile(50.0) for one in columns], _time, "cyan"),
        ("p99", [one.latency.percentile(99.0) for one in columns], _time, "cyan"),
        *(
            (f"{name}/s", [one / width for one in counts], _number, "default")
            for name, counts in figures.backends.items()
        ),
    ]
    wide = max(len(name) for name, *_ in rows)
    for name, values, write, colour in rows:
        bars = click.style(sparkline(values), fg=None if colour == "default" else colour)
        yield f"{printable(name):{wide}}  {bars}  up to {write(max(values))}"


def sparkline(values: Sequence[float]) -> str:
    """Return a bar for each value, from zero up to the largest; what is above zero is never shown as nothing."""
    most = max(values, default=0.0)
    return "".join(_BARS[ceil(value / most * (len(_BARS) - 1)) if most else 0] for value in values)


def _events(figures: Figures) -> Iterator[str]:
    if not figures.events:
        return
    yield ""
    yield click.style("events", bold=True)
    for event in figures.events[:SHOWN]:
        colour = "red" if event.name in _BAD else "green"
        yield f"{_moment(event.at):>9}  {click.style(event.name, fg=colour)}  {printable(event.words)}"
    more = sum(figures.happened.values()) - SHOWN
    if more > 0:
        yield f"           and {more:,} more: --json has {'them' if more + SHOWN <= len(figures.events) else 'some'}"


def _moment(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def _time(seconds: float) -> str:
    return duration(seconds * 1e3)


def _percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
