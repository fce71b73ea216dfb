"""The one list of metrics: nothing else may be exposed, and `docs/reference/metrics.md` is made from it."""

from __future__ import annotations

from typing import NamedTuple


class Spec(NamedTuple):
    """One metric: what it is called, what its labels are, what it means."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    alias: str = ""


METRICS = (
    Spec(
        "gateway_requests_total",
        "counter",
        ("route", "path", "method", "status"),
        "Requests answered. `path` is the pattern of the route, never the path asked for; both are empty where no "
        "route matched. `status` is the full code, 499 where the client left before it had an answer. Methods that "
        "are not registered count as OTHER.",
    ),
    Spec(
        "gateway_request_duration_seconds",
        "histogram",
        ("route",),
        "From the end of the request head to the last octet of the answer.",
    ),
    Spec("gateway_active_connections", "gauge", (), "Connections of clients that are open now, idle ones included."),
    Spec(
        "gateway_errors_total",
        "counter",
        ("reason", "source"),
        "Exchanges that ended in an error, by the reason in the answer and whose fault it was "
        "(downstream, gateway, upstream).",
    ),
    Spec(
        "gateway_rate_limit_violations_total",
        "counter",
        ("route",),
        "Requests refused because they were over a rate limit.",
        alias="gateway_rate_limit_exceeded_total",
    ),
    Spec(
        "gateway_upstream_duration_seconds",
        "histogram",
        ("upstream",),
        "How long the last attempt of an exchange took, to the end of the answer or to its failure.",
    ),
    Spec(
        "gateway_upstream_attempts_total",
        "counter",
        ("upstream", "backend", "outcome"),
        "Attempts on backends, retries included. `outcome` is ok where a whole answer came, whatever its status, "
        "else the reason of the error.",
    ),
    Spec("gateway_backend_in_flight", "gauge", ("upstream", "backend"), "Exchanges that the backend works on now."),
    Spec("gateway_backend_picks_total", "counter", ("upstream", "backend"), "Times the balancer chose the backend."),
    Spec(
        "gateway_pool_connections",
        "gauge",
        ("upstream", "backend", "state"),
        "Connections to the backend now, by state: idle, busy or connecting.",
    ),
    Spec("gateway_pool_max_connections", "gauge", ("upstream", "backend"), "Connections that the pool may hold."),
    Spec("gateway_pool_pending", "gauge", ("upstream", "backend"), "Exchanges that wait for a connection now."),
    Spec(
        "gateway_config_reloads_total",
        "counter",
        ("result",),
        "Configurations tried after the one at the start: success or failure.",
    ),
    Spec(
        "gateway_config_last_reload_successful",
        "gauge",
        (),
        "1 where the configuration tried last is in force, 0 where it was refused and an older one is.",
    ),
    Spec(
        "gateway_config_last_reload_timestamp_seconds",
        "gauge",
        (),
        "Unix time at which the configuration in force was taken up.",
    ),
    Spec(
        "gateway_access_log_dropped_total",
        "counter",
        (),
        "Access log records lost because the log could not be written, or not fast enough.",
    ),
    Spec(
        "gateway_event_loop_lag_seconds",
        "gauge",
        (),
        "The latest that a timer was in the last 15 to 30 s: how long other work kept the reactor.",
    ),
    Spec("gateway_build_info", "gauge", ("version", "python", "twisted"), "Always 1; the versions are in the labels."),
)
