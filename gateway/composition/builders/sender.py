"""Who sends: the resource of OpenTelemetry that spans and log records are of.

It is the same for both, so that a receiver finds the one by the other.

Tests: `tests/flow/test_log_shipping.py::test_log_records_are_of_the_resource_that_spans_are_of`.
"""

from __future__ import annotations

from gateway import __version__
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.telemetry.tracing.resource import Environment, resource

Resource = tuple[tuple[str, str | int], ...]


def sender(settings: Settings, foundation: Foundation, found: Environment) -> Resource:
    """Return the attributes of the resource, the name of the service first.

    Args:
        settings: The configuration; what it says comes before the environment.
        foundation: What it is built on. The process has one id, whatever is configured anew.
        found: What OpenTelemetry's variables say.
    """
    instance = foundation.carried.get(("instance id",), lambda: _instance(foundation.random_bytes(16)))
    said = settings.tracing
    written = "service_name" in said.model_fields_set
    name = found.service if found.service and not written else said.service_name
    return tuple(resource(name, __version__, instance, found.attributes))


def _instance(octets: bytes) -> str:
    digits = octets.hex()
    return "-".join([digits[:8], digits[8:12], "4" + digits[13:16], "8" + digits[17:20], digits[20:]])
