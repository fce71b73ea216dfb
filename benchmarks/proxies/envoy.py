"""Envoy, whose CPU per request is the bar for ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.peers import find
from benchmarks.processes import Command
from benchmarks.workload import ROUTE_PREFIX, Task

TYPE = "type.googleapis.com/envoy.extensions."

_LOG_FIELDS = {
    "ts": "%START_TIME%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "status_code": "%RESPONSE_CODE%",
    "response_time_ms": "%DURATION%",
    "client_ip": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "user_agent": "%REQ(USER-AGENT)%",
    "upstream_service": "%UPSTREAM_CLUSTER%",
    "upstream_response_time_ms": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
}


class Envoy:
    """Envoy with one worker thread.

    Attributes:
        workers: How many it has, where it is another number.
    """

    name = "envoy"
    workers = 1
    needs: Sequence[str] = ("envoy",)
    does = "--concurrency 1; JSON access log to a file (buffered), statistics, request id, X-Forwarded-*"

    def can(self, task: Task) -> bool:
        """Not the many-routes task, which compares the gateway with itself."""
        return task.routes == 1

    def configuration(self, task: Task) -> dict[str, Any]:
        """What it is run with."""
        return _configuration(task)

    def prepare(self, task: Task) -> Command:
        """Write `envoy.json`."""
        path = task.directory / "envoy.json"
        path.write_text(json.dumps(self.configuration(task), indent=1))
        workers = ["--concurrency", str(self.workers)]
        return Command([find("envoy") or "envoy", "-c", str(path), *workers, "--disable-hot-restart", "-l", "error"])


def _configuration(task: Task) -> dict[str, Any]:
    chain: dict[str, Any] = {
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": _manager(task)}]
    }
    if task.certificate:
        files = {
            "certificate_chain": {"filename": str(task.certificate.chain)},
            "private_key": {"filename": str(task.certificate.key)},
        }
        chain["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": TYPE + "transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "tls_certificates": [files],
                    **({"alpn_protocols": ["h2", "http/1.1"]} if task.http2 else {}),
                },
            },
        }
    cluster: dict[str, Any] = {
        "name": "users",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": "users",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(task.backend_port)}}]}],
        },
    }
    if task.http2_backend:
        name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        options: dict[str, Any] = {"explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {
            name: {"@type": TYPE + "upstreams.http.v3.HttpProtocolOptions", **options}
        }
    listener = {"name": "clients", "address": _address(task.port), "filter_chains": [chain]}
    return {
        "admin": {"address": _address(task.admin_port)},
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def _manager(task: Task) -> dict[str, Any]:
    return {
        "@type": TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "clients",
        "use_remote_address": True,
        "generate_request_id": True,
        "always_set_request_id_in_response": True,
        "access_log": [
            {
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    "@type": TYPE + "access_loggers.file.v3.FileAccessLog",
                    "path": str(task.access_log),
                    "log_format": {"json_format": _LOG_FIELDS},
                },
            }
        ],
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": TYPE + "filters.http.router.v3.Router"}}
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "any",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": ROUTE_PREFIX}, "route": {"cluster": "users"}}],
                }
            ]
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
