"""The settings of a gateway in memory: what leads outside is replaced, all that decides about a request stays.

Stores are those in memory, since no Redis is there. Members that a registry would know are one backend. Backends are
spoken to by HTTP/1.1. There are no active checks, but where somebody asks for them: what a backend does is what was
given, not what it did a while ago, and a script would be a process. Logs, spans and figures go nowhere; the access
log has everything.

Tests: `tests/rehearsal/test_enclosing.py`.
"""

from __future__ import annotations

from gateway.config import Settings
from gateway.config.schema.telemetry import AccessLog
from gateway.config.schema.upstreams import Backend, Upstream


def enclosed(settings: Settings, checks: bool = False) -> Settings:
    """Return settings that open nothing; equal ones where nothing in them did.

    Args:
        settings: As they were written.
        checks: Whether backends are checked still, by HTTP or a connection; by default none is.
    """
    return settings.model_copy(
        update={
            "processes": 1,
            "redis": None,
            "rate_limit_store": "memory",
            "cache_store": "memory",
            "discovery_cache": None,
            "upstreams": tuple(_enclosed(one, number, checks) for number, one in enumerate(settings.upstreams)),
            "access_log": AccessLog(),
            "log_shipping": None,
            "metrics": settings.metrics.model_copy(update={"statsd": None}),
            "tracing": settings.tracing.model_copy(update={"exporter": "none"}),
        }
    )


def _enclosed(upstream: Upstream, number: int, checks: bool) -> Upstream:
    backends = tuple(
        one.model_copy(update={"url": f"http{one.url[3:]}"}) if one.scheme == "h2c" else one
        for one in upstream.backends
    )
    if upstream.discovery is not None:
        backends += (Backend(url=f"http://member-{number + 1}.discovered.invalid"),)
    check = upstream.health_check if checks else None
    if check is not None and check.type not in ("http", "tcp"):
        check = None
    return upstream.model_copy(
        update={"backends": backends, "discovery": None, "health_check": check, "protocol": "http1"}
    )
