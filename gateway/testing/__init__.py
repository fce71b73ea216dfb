"""What only a test needs of a gateway in memory: backends to command, clients that read answers, facts to assert.

`Harness` puts them around a `gateway.memory.gateway.MemoryGateway`. For our tests and those of plugins; no module of
the package imports it.
"""

from gateway.memory.backend import FakeBackend
from gateway.memory.client import FakeClient, Received
from gateway.memory.network import MemoryNetwork
from gateway.testing.harness import Harness

__all__ = ["FakeBackend", "FakeClient", "Harness", "MemoryNetwork", "Received"]
