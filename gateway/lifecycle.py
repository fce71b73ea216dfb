"""The names that an application imports to embed the gateway, as README and docs/guides/embedding.md show them.

The code is in `gateway.composition.lifecycle` and `gateway.serving.agent`; the names here stay, so that such imports go
on working.
"""

from gateway.composition.lifecycle import GatewayService
from gateway.serving.agent import OtherUpstream, ProxyAgent, UnknownUpstream

__all__ = ["GatewayService", "OtherUpstream", "ProxyAgent", "UnknownUpstream"]
