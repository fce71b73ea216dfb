"""A whole gateway in memory, for tests of the gateway and of plugins.

`Harness` is the real site, chain, forwarder and pool over connections in
memory and a clock that moves when the test says so. Nothing imports it.
"""

from gateway.testing.backend import FakeBackend
from gateway.testing.client import FakeClient, Received
from gateway.testing.harness import Harness
from gateway.testing.network import MemoryNetwork

__all__ = ["FakeBackend", "FakeClient", "Harness", "MemoryNetwork", "Received"]
