"""What pages of the site would have fetched from other hosts is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.outside import main, of_page, of_styles, outside


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<script src="//cdn.example/x.js" async></script>',
        '<link rel="stylesheet" href="https://fonts.example/css?family=X">',
        '<link rel="preconnect" href="https://fonts.example">',
        '<link rel="shortcut icon" href="HTTP://cdn.example/x.ico">',
        '<img alt="" src=" https://badges.example/x.svg">',
        '<img alt="" src="a.png" srcset="a.png 1x, https://cdn.example/b.png 2x">',
        '<iframe src="https://video.example/x"></iframe>',
        '<video poster="https://cdn.example/x.png"></video>',
        '<form action="https://search.example/"></form>',
        '<p style="background: url(https://cdn.example/x.png)">x</p>',
        "<style>@import 'https://fonts.example/x.css';</style>",
        '<svg><image href="https://cdn.example/x.png"/></svg>',
    ],
)
def test_what_a_browser_asks_is_found(page: str) -> None:
    """Whatever the way in which a page has it asked."""
    assert len(of_page(page)) == 1


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://example.org/">elsewhere</a>',
        '<link rel="canonical" href="https://example.org/">',
        '<script src="_static/x.js"></script><img alt="" src="data:image/svg+xml,http://x">',
        '<link rel="stylesheet" href="/_static/x.css"><p>url(https://example.org) as text</p>',
        '<svg xmlns="http://www.w3.org/2000/svg"><use href="#x"/></svg>',
    ],
)
def test_what_a_reader_follows_is_no_matter(page: str) -> None:
    """Nor are names of things, or what lies beside the page."""
    assert of_page(page) == []


def test_style_sheets_are_looked_through() -> None:
    """For fonts most of all."""
    sheet = "@font-face { src: url('https://f.example/x.woff2'), url(x.woff2) } p { background: url( //c.example/y ) }"

    assert of_styles(sheet) == ["https://f.example/x.woff2", "//c.example/y "]


def test_a_site_without_pages_was_not_looked_at(tmp_path: Path) -> None:
    """A wrong directory is not a good site."""
    with pytest.raises(FileNotFoundError):
        list(outside(tmp_path))


def test_the_command_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file and what it asks; and nothing of a good site."""
    (tmp_path / "index.html").write_text("<p>hello</p>")
    assert main(str(tmp_path)) == 0

    (tmp_path / "x.css").write_text("@import 'https://fonts.example/x.css';")
    assert main(str(tmp_path)) == 1
    assert f"{tmp_path}/x.css: a browser would ask https://fonts.example/x.css" in capsys.readouterr().err
