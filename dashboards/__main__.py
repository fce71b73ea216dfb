"""Write `etc/grafana/*.json`, as `make docs` does; a test compares. With `draw`: see `dashboards.drawing`."""

from __future__ import annotations

import sys
from pathlib import Path

PLACE = Path(__file__).parents[1] / "etc" / "grafana"


def write() -> None:
    """Write the files for Grafana."""
    # Here, since only the tests and `make docs` have Grafana's builders, and drawing needs none.
    from dashboards.grafana import text
    from dashboards.pages import PAGES

    PLACE.mkdir(exist_ok=True)
    for page in PAGES:
        (PLACE / f"{page.name}.json").write_text(text(page))


if __name__ == "__main__":
    if sys.argv[1:2] == ["draw"]:
        from dashboards.drawing import main

        main(sys.argv[2:])
    else:
        write()
