"""Requests of a log, as tests make them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from gateway.config import Settings, from_mapping
from gateway.recorded.request import Recorded

BEGAN = 1796030040.0
"""When the first request came: 2026-11-30T09:14:00Z."""


def request(line: int = 1, after: float = 0.0, target: str = "/a/1", status: int = 200, **more: Any) -> Recorded:
    """Make one that came some seconds after the first."""
    said: dict[str, Any] = {"method": "GET", "host": "x", "client": "192.0.2.7", "seconds": 0.01} | more
    return Recorded(line, BEGAN + after, said.pop("method"), target, status=status, **said)


def settings(routes: Sequence[dict[str, Any]] | None = None, **more: Any) -> Settings:
    """Make a configuration with one route, `a`, or those that are given."""
    route = {"name": "a", "path": "/a/*", "upstream": "a"}
    upstreams = [{"name": name, "backends": [{"url": f"http://{name}:80"}]} for name in ("a", "b")]
    return from_mapping({"upstreams": upstreams, "routes": list(routes or [route])} | more)


def write(path: Path, requests: Sequence[Recorded]) -> Path:
    """Write a log as ours is."""
    lines = [
        orjson.dumps(
            {
                "timestamp": one.ended,
                "method": one.method,
                "path": one.path,
                "query": one.query,
                "status_code": one.status,
                "response_time_ms": (one.seconds or 0.0) * 1e3,
                "client_ip": one.client,
                "host": one.host,
                "route": one.route,
                "upstream_service": one.upstream,
                "user_id": one.user,
                "reason": one.reason,
            }
        )
        for one in requests
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path
