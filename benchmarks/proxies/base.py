"""What the harness needs to know of a proxy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from benchmarks.processes import Command
from benchmarks.workload import Task


class Proxy(Protocol):
    """A proxy that can be given a task.

    Attributes:
        name: As in the table and on the command line.
        does: What it does for a request, for the notes under the table.
        needs: Programs without which it is left out.
    """

    name: str
    does: str
    needs: Sequence[str]

    def can(self, task: Task) -> bool:
        """Whether it can do this task at all."""

    def prepare(self, task: Task) -> Command:
        """Write its configuration into the task's directory and say how to start it."""
