"""What the log says when a gateway has started, in six lines: which code, how many processes, what is served where."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

import twisted
from twisted.logger import Logger

from gateway import __version__
from gateway.compiled import KIND
from gateway.config import Settings, summary

_says = Logger(namespace="gateway")


def greet(
    settings: Settings, addresses: Sequence[str], admin: str | None, came: str, version: str, workers: int
) -> None:
    """Say it.

    Args:
        settings: In force.
        addresses: Of the listeners.
        admin: That of the admin listener.
        came: Where the configuration comes from.
        version: Of the configuration.
        workers: Processes that serve.
    """
    _says.info(
        "Gateway {version} ({kind}), Python {python}, Twisted {twisted}, process {pid}, {workers}",
        version=__version__,
        kind=KIND,
        python=platform.python_version(),
        twisted=twisted.__version__,
        pid=os.getpid(),
        workers="1 worker" if workers == 1 else f"{workers} workers",
    )
    _says.info("Configuration: {came}, version {configuration}", came=came, configuration=version)
    for line in summary.lines(settings, addresses, admin):
        _says.info(line.words, **line.facts)
