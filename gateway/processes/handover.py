"""What a process tells the one that it starts: which sockets are handed to it, and what it takes over besides.

It is one variable of the environment, in JSON, written by `gateway.processes.upgrade` and read, once, by
`gateway.processes.arrival`.
"""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from typing import Final

from gateway.transport.inherited import Given

VARIABLE: Final = "GATEWAY_HANDOVER"


@dataclass(frozen=True, slots=True)
class Handover:
    """Everything that the new process gets.

    Attributes:
        sockets: Those that listen.
        status: Descriptor on which it says that it serves.
        pidfile: The file that is to name it, empty for none.
        init: Descriptor on which the first process of a container is told whom it stands for; None where there is none.
        heard: Its standard error is read by the process that starts it, until it serves.
        files: Descriptor of the memory with files that it may not read (`gateway.processes.held_files`); None for none.
    """

    sockets: tuple[Given, ...]
    status: int
    pidfile: str = ""
    init: int | None = None
    heard: bool = False
    files: int | None = None

    def as_text(self) -> str:
        """Write it as the value of `VARIABLE`."""
        return json.dumps(asdict(self))


def received(environ: MutableMapping[str, str]) -> Handover | None:
    """Read what this process was told, and take it out of the environment; None where nobody started it so.

    What it starts itself (scripts of health checks) must not take it for theirs.
    """
    text = environ.pop(VARIABLE, None)
    if text is None:
        return None
    said = json.loads(text)
    said["sockets"] = tuple(Given(*given) for given in said["sockets"])
    return Handover(**said)
