"""Write `etc/grafana/*.json`, as `make docs` does; a test compares."""

from __future__ import annotations

from pathlib import Path

from dashboards.grafana import text
from dashboards.pages import PAGES

PLACE = Path(__file__).parents[1] / "etc" / "grafana"

if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    for page in PAGES:
        (PLACE / f"{page.name}.json").write_text(text(page))
