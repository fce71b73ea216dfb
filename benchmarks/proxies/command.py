"""Any other proxy, given on the command line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from benchmarks.processes import Command
from benchmarks.workload import Task


class CommandLine:
    """A proxy started by a command of the user's, for experiments.

    The command may hold `{port}`, `{backend}`, `{admin}`, `{directory}`,
    `{python}`, and `{key}` and `{chain}` where it can do TLS.
    """

    needs: Sequence[str] = ()

    def __init__(self, text: str) -> None:
        """Take `NAME=COMMAND` apart.

        Raises:
            ValueError: It is not of that form.
        """
        name, equals, template = text.partition("=")
        if not (name and equals and template):
            raise ValueError(f"expected NAME=COMMAND, found {text!r}")
        self.name = name
        self.does = f"`{template}`"
        self._template = template

    def can(self, task: Task) -> bool:
        """TLS only if the command names the key; one route only."""
        return task.routes == 1 and (task.certificate is None or "{key}" in self._template)

    def prepare(self, task: Task) -> Command:
        """Fill the command's fields in; it runs in the task's directory."""
        filled = self._template.format(
            port=task.port,
            backend=task.backend_port,
            admin=task.admin_port,
            directory=task.directory,
            python=sys.executable,
            key=task.certificate.key if task.certificate else "",
            chain=task.certificate.chain if task.certificate else "",
        )
        return Command(shlex.split(filled), cwd=task.directory)
