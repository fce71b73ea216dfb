"""The name by which an application embeds the gateway, as README has it.

What it names is `gateway.composition.lifecycle`; this one is a promise to those who wrote the import down.
"""

from gateway.composition.lifecycle import GatewayService

__all__ = ["GatewayService"]
