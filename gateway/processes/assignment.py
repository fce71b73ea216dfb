"""What a parent tells a worker that it starts: one variable of the environment, in JSON, read once.

Written by `gateway.processes.launching`, read by `gateway.processes.arrival`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from gateway.transport.inherited import Given


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything that a worker gets.

    Attributes:
        number: Its own; no other worker has it at the same time.
        channel: Descriptor of its channel to the parent (`gateway.processes.channel`).
        edition: Descriptor of the memory that has its configuration (`gateway.processes.edition`).
        memory: Descriptor of the memory that all workers share.
        sockets: Those that it accepts at.
        shared: The places among them where other workers accept as well.
        files: Descriptor of the memory with files that it may not read (`gateway.processes.held_files`); None for none.
    """

    number: int
    channel: int
    edition: int
    memory: int
    sockets: tuple[Given, ...]
    shared: tuple[tuple[str, int], ...]
    files: int | None = None

    def as_text(self) -> str:
        """Write it as the value of `VARIABLE`."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> Assignment:
        """Read it."""
        said = json.loads(text)
        said["sockets"] = tuple(Given(*given) for given in said["sockets"])
        said["shared"] = tuple((where, port) for where, port in said["shared"])
        return cls(**said)
