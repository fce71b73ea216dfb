"""The gateway, nginx and Envoy with answers compressed by gzip, all at the level that the gateway has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.proxies.envoy import TYPE, Envoy
from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.proxies.nginx import Nginx
from benchmarks.workload import Task
from gateway.http.encodings import GZIP_LEVEL

_DOES = f"with answers compressed by gzip at level {GZIP_LEVEL}"


class Compressing(Gateway):
    """The gateway with `compression`.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
    """

    def __init__(self, name: str, checkout: Path) -> None:
        super().__init__(name, checkout)
        self.does = f"as gateway, {_DOES}"

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add it."""
        return {**configuration(task), "compression": {"algorithms": ["gzip"]}}


class CompressingNginx(Nginx):
    """nginx with its filter for it."""

    name = "nginx+gzip"
    does = f"as nginx, {_DOES}"

    def http(self, task: Task) -> str:
        """Switch it on."""
        return (
            f"gzip on; gzip_comp_level {GZIP_LEVEL}; gzip_types application/json; gzip_proxied any; "
            "gzip_min_length 1024; gzip_vary on;"
        )


class CompressingEnvoy(Envoy):
    """Envoy with its filter for it, and with zlib's usual window and memory."""

    name = "envoy+gzip"
    does = f"as envoy, {_DOES}"

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the filter."""
        plain = super().configuration(task)
        (filter_,) = plain["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
        manager = filter_["typed_config"]
        manager["http_filters"] = [_compressor(), *manager["http_filters"]]
        return plain


def _compressor() -> dict[str, Any]:
    library = {
        "name": "gzip",
        "typed_config": {
            "@type": TYPE + "compression.gzip.compressor.v3.Gzip",
            "compression_level": f"COMPRESSION_LEVEL_{GZIP_LEVEL}",
            "window_bits": 15,
            "memory_level": 8,
            "chunk_size": 16384,
        },
    }
    return {
        "name": "envoy.filters.http.compressor",
        "typed_config": {
            "@type": TYPE + "filters.http.compressor.v3.Compressor",
            "response_direction_config": {"common_config": {"min_content_length": 1024}},
            "compressor_library": library,
        },
    }
