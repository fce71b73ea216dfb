"""The drawn dashboards in a browser: with much on them all can be read, in light and dark, and a picture shows all."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dashboards.answers import Series, window
from dashboards.pages import PAGES
from dashboards.panel import Dashboard, Panel
from dashboards.picture import BROWSER, picture
from dashboards.sheet import WIDTH, sheet
from tests.system.browser import needs_browser
from tests.system.devtools import Page, browsing
from tests.system.drawn_page import unreadable

pytestmark = [needs_browser, pytest.mark.timeout(300)]

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
SHOWN = window(1_795_950_000, 1_795_951_800, 15)
LARGE = {"s": 1e7, "bytes": 1e12, "percentunit": 9.99}
"""What is larger than anybody has."""


def much(panel: Panel) -> Sequence[Series]:
    """More series than a panel has room for, with long names, and figures from the smallest to the largest."""
    count = 1 if panel.title in {query.legend for query in panel.queries} else 20
    figures = [LARGE.get(panel.unit, 123_456_789.0) / 7.3**number for number in range(count)]
    if panel.states:
        return [
            Series(
                f"an-upstream-with-a-long-name http://backend-{number}.orders.example.internal:8443",
                tuple((SHOWN.start + second * 15, float(second // 7 % len(panel.states))) for second in range(121)),
            )
            for number in range(count)
        ]
    return [
        Series(
            f"an-upstream-with-a-long-name http://backend-{number}.orders.example.internal:8443 upstream.connect",
            tuple((SHOWN.start + second * 15, figure * (second % 11) / 10) for second in range(121)),
        )
        for number, figure in enumerate(figures)
    ]


def little(panel: Panel) -> Sequence[Series]:
    """One series with one figure that is 0 for each query; the names are those of an ordinary gateway."""
    return [Series(f"orders {number}", ((SHOWN.end - 15, 0.0),)) for number, _ in enumerate(panel.queries)]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser."""
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.mark.parametrize("answers", [much, little, lambda _: []], ids=["much", "little", "nothing"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_all_of_it_can_be_read(tab: Page, tmp_path: Path, page: Dashboard, answers: object) -> None:
    """Nothing over anything, nothing cut off; the page is as high as was computed."""
    assert callable(answers)
    made = sheet(page, answers, SHOWN)
    (tmp_path / "page.html").write_text(made.html)
    tab.become(WIDTH, 200)
    tab.show((tmp_path / "page.html").as_uri())

    assert unreadable(tab) == []
    assert abs(tab.run("document.documentElement.scrollHeight") - made.height) <= 2
    assert tab.run("document.documentElement.scrollWidth") == WIDTH
    assert tab.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_its_colours_can_be_told_from_the_ground(tab: Page, tmp_path: Path, dark: bool) -> None:
    """As axe judges, in what the reader's system asks for."""
    for page in PAGES:
        # The page lets no script run; axe is not the page's.
        html = sheet(page, much, SHOWN).html.replace("<meta http-equiv=", "<meta name=")
        (tmp_path / "page.html").write_text(html)
        tab.become(WIDTH, 900, dark)
        tab.show((tmp_path / "page.html").as_uri())
        tab.run(AXE + "; 1")
        found = tab.run("axe.run().then(found => JSON.stringify(found.violations))")

        assert [(each["id"], each["nodes"][0]["html"]) for each in json.loads(found)] == []


def test_a_picture_shows_the_whole_page(tmp_path: Path) -> None:
    """As wide and high as the page, and not large."""
    assert BROWSER is not None
    made = sheet(PAGES[0], little, SHOWN, "light")
    (tmp_path / "page.html").write_text(made.html)

    picture(BROWSER, tmp_path / "page.html", tmp_path / "page.png", WIDTH, made.height)

    content = (tmp_path / "page.png").read_bytes()
    assert struct.unpack(">II", content[16:24]) == (WIDTH, made.height)
    assert len(content) < 300_000
