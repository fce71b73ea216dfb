"""The gateway and Envoy with traces exported by OTLP, to a sink that takes everything: the backend's nginx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.workload import TRACES_PATH, Task


class Traced(Gateway):
    """The gateway that exports a share of its traces.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
        ratio: The share.
    """

    def __init__(self, name: str, checkout: Path, ratio: float) -> None:
        super().__init__(name, checkout)
        self.does = f"as gateway, with a span for each exchange and each attempt of {ratio:.0%} of the traces, by OTLP"
        self._ratio = ratio

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the collector; not compressed, as Envoy's is not."""
        endpoint = f"http://127.0.0.1:{task.backend_port}"
        tracing = {"exporter": "otlp", "endpoint": endpoint, "sample_ratio": self._ratio, "compression": "none"}
        return {**configuration(task), "tracing": tracing}


class TracedEnvoy(Envoy):
    """Envoy with its OpenTelemetry tracer, which makes a span for each attempt too.

    Args:
        name: In the table.
        ratio: Share of the traces that are exported.
    """

    def __init__(self, name: str, ratio: float) -> None:
        self.name = name
        self.does = f"as envoy, with its OpenTelemetry tracer (spawn_upstream_span, OTLP over HTTP) at {ratio:.0%}"
        self._ratio = ratio

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the tracer, and the cluster of the collector."""
        plain = super().configuration(task)
        resources = plain["static_resources"]
        (cluster,) = resources["clusters"]
        assignment = {**cluster["load_assignment"], "cluster_name": "collector"}
        resources["clusters"].append({**cluster, "name": "collector", "load_assignment": assignment})
        uri = {"uri": f"http://127.0.0.1:{task.backend_port}{TRACES_PATH}", "cluster": "collector", "timeout": "5s"}
        (filter_,) = resources["listeners"][0]["filter_chains"][0]["filters"]
        filter_["typed_config"]["tracing"] = {
            "provider": {
                "name": "envoy.tracers.opentelemetry",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                    "http_service": {"http_uri": uri},
                    "service_name": "envoy",
                },
            },
            "random_sampling": {"value": self._ratio * 100},
            "spawn_upstream_span": True,
        }
        return plain
