"""Where the operators' port is when `--proxy` stands for the whole configuration: two of them may run at once.

The default port is another program's where a gateway, or Prometheus, runs already.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.transport.inherited import Inherited

ADMIN = "tcp:0:interface=127.0.0.1"
"""Any port that is free; the log says which."""

DEFAULT = ("127.0.0.1", 9090)


def admin_endpoint(default: tuple[str, int] = DEFAULT, inherited: Inherited | None = None) -> str | None:
    """Return the endpoint of the operators' port; None where the default one can be had.

    Args:
        default: Interface and port.
        inherited: Sockets that this process was started with: its port is one of them, where it takes over.
    """
    if inherited is not None:
        for place, endpoint in ((default, None), ((default[0], 0), ADMIN)):
            if inherited.has(*place):
                return endpoint
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was closed lately is free
        try:
            probe.bind(default)
        except OSError:
            return ADMIN
    return None
