"""`pytest -p tests.differential.plugin --transcript FILE`: a section of a transcript for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.compiled import KIND
from tests.differential.transcript import Transcript

_file = pytest.StashKey[Transcript]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Ask where the transcript goes."""
    parser.addoption("--transcript", type=Path, required=True, metavar="FILE")
    parser.addoption("--kind", required=True, choices=["compiled", "interpreted"], help="what must run")


def pytest_configure(config: pytest.Config) -> None:
    """Begin."""
    if config.getoption("--kind") != KIND:
        raise pytest.UsageError(f"the gateway is {KIND}")
    file = config.getoption("--transcript").open("wb")
    config.add_cleanup(file.close)
    config.stash[_file] = transcript = Transcript(file)
    transcript.watch()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin the test's section."""
    item.config.stash[_file].section(ascii(item.nodeid))
