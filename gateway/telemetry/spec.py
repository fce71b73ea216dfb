"""What is said of one metric in the list of all (`gateway.telemetry.catalog`).

Tests: `tests/telemetry/test_catalog.py`.
"""

from __future__ import annotations

from typing import NamedTuple


class Spec(NamedTuple):
    """One metric.

    Attributes:
        name: What it is called.
        kind: `counter`, `gauge` or `histogram`.
        labels: What its labels are.
        help: What it means.
        alias: Another name that it goes by.
        whole: With `processes: n`, what is made of the figures of all workers: their `sum`, `max` or `min`. Not the sum
            of a counter where every worker counts the same events.
        query: PromQL to use it in, for the page of metrics.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    alias: str = ""
    whole: str = "sum"
    query: str = ""

    @property
    def adds_up(self) -> bool:
        """Whether a server to which every worker tells its own figures makes the right one of them."""
        return self.kind != "gauge" and self.whole == "sum"
