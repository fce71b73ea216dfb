"""The gateway with rules for requests and answers before the backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.workload import Task

RULES: dict[str, Any] = {
    "request": {
        "path": {"strip_prefix": "/api"},
        "add_headers": {"X-Gateway": "edge", "X-Client": "${client_ip}"},
    },
    "response": {"add_headers": {"X-Served-By": "edge", "X-Response-Time": "${latency}"}},
}


class Transforming(Gateway):
    """The gateway that strips a prefix and adds two fields each way, of which one has a value of the exchange.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
    """

    def __init__(self, name: str, checkout: Path) -> None:
        super().__init__(name, checkout)
        self.does = "as gateway, with a prefix stripped from the path and two fields added each way"

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the rules."""
        plain = configuration(task)
        return {**plain, "routes": [{**one, "transformations": RULES} for one in plain["routes"]]}
