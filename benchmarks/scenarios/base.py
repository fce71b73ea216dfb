"""What the command needs to know of a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from benchmarks.figures import Outcome
from benchmarks.proxies.base import Proxy
from benchmarks.stand import Stand


class Scenario(Protocol):
    """One kind of work, measured on several proxies in the same run."""

    @property
    def name(self) -> str:
        """As in the report and on the command line."""

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure, in interleaved rounds."""
