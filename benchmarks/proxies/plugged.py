"""The gateway with a plugin on its route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.workload import Task


class Plugged(Gateway):
    """The gateway whose route has a plugin with three hooks that do nothing.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
    """

    def __init__(self, name: str, checkout: Path) -> None:
        super().__init__(name, checkout)
        self.does = "as gateway, with a plugin on the route whose three hooks do nothing"

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the plugin, which lies in `benchmarks/installed`."""
        plain = configuration(task)
        return {
            **plain,
            "plugins": [{"name": "nothing", "class": "nothing_plugin.Nothing"}],
            "routes": [{**one, "plugins": ["nothing"]} for one in plain["routes"]],
        }
