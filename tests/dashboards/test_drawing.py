"""The command that draws, where something is missing; `tests/system/test_guides` gives it with all that it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.answers import NoAnswer, Prometheus
from dashboards.drawing import main
from dashboards.picture import NoPicture, picture


def test_a_prometheus_that_does_not_answer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line; nothing is written. Nobody listens at port 9 of this machine."""
    with pytest.raises(SystemExit, match="1"):
        main(["--prometheus", "http://127.0.0.1:9", "--out", str(tmp_path / "out")])

    assert capsys.readouterr().err.startswith("http://127.0.0.1:9: ")
    assert not (tmp_path / "out").exists()


def test_what_the_browser_says_is_told(tmp_path: Path) -> None:
    """Where it takes no picture; an older picture does not stand in for it."""
    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\necho no display >&2\n")
    browser.chmod(0o755)
    (tmp_path / "page.png").write_bytes(b"older")

    with pytest.raises(NoPicture, match="no display"):
        picture(str(browser), tmp_path / "page.html", tmp_path / "page.png", 10, 10)

    assert not (tmp_path / "page.png").exists()


def test_an_address_that_is_none_is_named() -> None:
    """As one that does not answer."""
    with pytest.raises(NoAnswer, match="127"):
        Prometheus("127.0.0.1:9091").ask("query", query="up")


def test_a_browser_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    """As one that takes no picture."""
    with pytest.raises(NoPicture, match="no-browser"):
        picture(str(tmp_path / "no-browser"), tmp_path / "page.html", tmp_path / "page.png", 10, 10)


@pytest.mark.parametrize("option", ["--minutes", "--interval"])
@pytest.mark.parametrize("given", ["0", "-3", "many", "inf"])
def test_times_are_positive(option: str, given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to draw of no time."""
    with pytest.raises(SystemExit, match="2"):
        main(["--prometheus", "http://127.0.0.1:9", "--out", str(tmp_path), f"{option}={given}"])

    assert f'{option}: expected a number above 0, found "{given}"' in capsys.readouterr().err
