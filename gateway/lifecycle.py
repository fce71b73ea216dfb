"""The names by which an application embeds the gateway, as README and docs/guides/embedding.md have them.

What they name is in `gateway.composition.lifecycle` and `gateway.serving.agent`; these are a promise to those who
wrote the imports down.
"""

from gateway.composition.lifecycle import GatewayService
from gateway.serving.agent import OtherUpstream, ProxyAgent, UnknownUpstream

__all__ = ["GatewayService", "OtherUpstream", "ProxyAgent", "UnknownUpstream"]
