"""What only a test needs of a gateway in memory: backends to command, clients that read answers, facts to assert.

`Harness` puts them around a `gateway.memory.gateway.MemoryGateway`. For our tests and those of plugins; no module of
the package imports it. Names are loaded when they are first asked for: pytest loads `gateway.testing.fixtures` wherever
this package is installed, and nobody should wait for a gateway who tests something else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.memory.network import MemoryNetwork
    from gateway.testing.backend import FakeBackend
    from gateway.testing.client import FakeClient, Received
    from gateway.testing.harness import Harness

__all__ = ["FakeBackend", "FakeClient", "Harness", "MemoryNetwork", "Received"]

_WHERE = {
    "FakeBackend": "gateway.testing.backend",
    "FakeClient": "gateway.testing.client",
    "Harness": "gateway.testing.harness",
    "MemoryNetwork": "gateway.memory.network",
    "Received": "gateway.testing.client",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_WHERE[name]), name)
    return found
