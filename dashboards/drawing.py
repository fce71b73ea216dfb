"""`python -m dashboards draw`: the panels of all dashboards as a Prometheus has their data now, as pages and pictures.

For those who want to see what is on them without a Grafana, and for the pictures of the docs.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dashboards.answers import NoAnswer, Prometheus, window
from dashboards.pages import PAGES
from dashboards.picture import BROWSER, NoPicture, picture
from dashboards.sheet import WIDTH, Sheet, sheet


def draw(
    url: str, place: Path, start: float, end: float, interval: float | None = None, theme: str = ""
) -> dict[str, Sheet]:
    """Write a page for each dashboard; returns them by the names of the dashboards.

    Args:
        url: Of the Prometheus.
        place: The directory that they are written to.
        start: Since when, in seconds of Unix time.
        end: Until when.
        interval: Seconds that are taken to be between two scrapes; without it, those that there are.
        theme: See `sheet`.

    Raises:
        NoAnswer: The Prometheus gave none.
    """
    prometheus = Prometheus(url)
    shown = window(start, end, interval or prometheus.scrape())
    place.mkdir(parents=True, exist_ok=True)
    found = {}
    for page in PAGES:
        made = sheet(page, lambda panel: prometheus.series(panel, shown), shown, theme)
        (place / f"{page.name}.html").write_text(made.html)
        found[page.name] = made
    return found


def take(browser: str, place: Path, sheets: dict[str, Sheet]) -> None:
    """Take a picture of each page, beside it.

    Raises:
        NoPicture: See `picture`.
    """
    for name, made in sheets.items():
        picture(browser, place / f"{name}.html", place / f"{name}.png", WIDTH, made.height)


def _positive(given: str) -> float:
    with suppress(ValueError):
        if 0 < (found := float(given)) < math.inf:
            return found
    raise argparse.ArgumentTypeError(f'expected a number above 0, found "{given}"')


def main(arguments: Sequence[str], browser: str | None = BROWSER) -> None:
    """Run the command; without a browser there are no pictures."""
    parser = argparse.ArgumentParser("python -m dashboards draw", description="Draw the dashboards without Grafana.")
    parser.add_argument("--prometheus", required=True, metavar="URL", help="the Prometheus that scrapes the gateways")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the pages and pictures go")
    parser.add_argument(
        "--minutes", type=_positive, default=30.0, help="how much time they show, up to now (default: 30)"
    )
    parser.add_argument(
        "--interval",
        type=_positive,
        help="seconds from point to point at least (Grafana: scrape interval; default: that)",
    )
    parser.add_argument("--theme", choices=("light", "dark"), default="", help="default: the reader's")
    given = parser.parse_args(arguments)
    end = time.time()
    try:
        sheets = draw(given.prometheus, given.out, end - 60 * given.minutes, end, given.interval, given.theme)
        if browser is not None:
            take(browser, given.out, sheets)
    except (NoAnswer, NoPicture) as error:
        parser.exit(1, f"{error}\n")
    for name, made in sheets.items():
        empty = f"; no data: {', '.join(made.empty)}" if made.empty else ""
        print(f"{given.out / name}.html{empty}")  # noqa: T201 - a command line prints
    if browser is None:
        print("no pictures: there is no Chromium on PATH")  # noqa: T201 - a command line prints
