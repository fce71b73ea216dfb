"""What clients ask for, and what becomes of it."""

from __future__ import annotations

from gateway.telemetry.spec import Spec

REQUESTS = (
    Spec(
        "gateway_requests_total",
        "counter",
        ("route", "path", "method", "status"),
        "Requests answered. `path` is the pattern of the route, never the path asked for; both are empty where no "
        "route matched. `status` is the full code, 499 where the client left before it had an answer. Methods that "
        "are not registered count as OTHER.",
        query='sum by (route, status) (rate(gateway_requests_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_request_duration_seconds",
        "histogram",
        ("route",),
        "From the end of the request head to the last octet of the answer.",
        query=(
            "histogram_quantile(0.95, sum by (le, route) (rate"
            '(gateway_request_duration_seconds_bucket{job="gateway"}[5m])))'
        ),
    ),
    Spec(
        "gateway_active_connections",
        "gauge",
        (),
        "Connections of clients that are open now, idle ones included.",
        query='sum by (instance) (gateway_active_connections{job="gateway"})',
    ),
    Spec(
        "gateway_proxy_protocol_refused_total",
        "counter",
        ("cause",),
        "Connections to listeners with `proxy_protocol` that were closed before a client was known. `cause` is "
        "untrusted (its peer is not in `trusted_proxies`), invalid (no PROXY header came first, or a malformed one) or "
        "timeout (none within `timeouts.client_header`).",
        query='sum by (instance, cause) (increase(gateway_proxy_protocol_refused_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_http2_connections_total",
        "counter",
        (),
        "Connections on which clients have spoken HTTP/2.",
        query=(
            'sum(rate(gateway_http2_streams_total{job="gateway"}[5m])) / '
            'sum(rate(gateway_http2_connections_total{job="gateway"}[5m]))'
        ),
    ),
    Spec(
        "gateway_http2_streams_total",
        "counter",
        (),
        "Requests that came by them, tunnels of WebSocket included.",
        query='sum by (instance) (rate(gateway_http2_streams_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_http2_floods_total",
        "counter",
        ("reason",),
        "Connections of HTTP/2 that were closed (GOAWAY, ENHANCE_YOUR_CALM) since their clients went over a limit: "
        "resets (`limits.http2.resets`), settings, pings, window_updates, headers (heads far over `limits`, in too "
        "many parts, or too slow), or glitches (frames that say nothing).",
        query='sum by (instance, reason) (increase(gateway_http2_floods_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_grpc_calls_total",
        "counter",
        ("route", "grpc_status"),
        "Calls of gRPC on routes whose backends may be asked by HTTP/2, by outcome: 0 to 16, other for what a backend "
        "made up, none where a call broke off without one.",
        query='sum by (route, grpc_status) (rate(gateway_grpc_calls_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_errors_total",
        "counter",
        ("reason", "source"),
        "Exchanges that ended in an error, by the reason in the answer and whose fault it was "
        "(downstream, gateway, upstream).",
        query='topk(5, sum by (source, reason) (rate(gateway_errors_total{job="gateway"}[5m])))',
    ),
    Spec(
        "gateway_aggregate_parts_total",
        "counter",
        ("route", "part", "outcome"),
        "Parts of answers (`aggregate`). `outcome` is ok, the class of a status that is not 2xx (3xx to 5xx), "
        "not_json, too_long, cancelled (another part failed, or the client left), or the reason of the error.",
        query='sum by (route, part, outcome) (rate(gateway_aggregate_parts_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_mirror_requests_total",
        "counter",
        ("route", "upstream", "outcome"),
        "Copies of requests (`mirror`). `outcome` is the class of the answer's status (2xx to 5xx), failed (no answer, "
        "or no room before the upstream), dropped (the upstream did not keep pace with the client), or left (the "
        "exchange was over before all of its content had come).",
        query='sum by (route, upstream, outcome) (rate(gateway_mirror_requests_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_cache_requests_total",
        "counter",
        ("route", "outcome"),
        "Requests of routes with `cache`: `hit`, `stale`, `revalidated`, `miss`, `collapsed` (another one's fetch "
        "answered it), `bypass` (nothing of it may be kept).",
        query=(
            'sum by (route) (rate(gateway_cache_requests_total{job="gateway",outcome=~"hit|stale|revalidated|'
            'collapsed"}[5m])) / sum by (route) (rate(gateway_cache_requests_total{job="gateway"}[5m]))'
        ),
    ),
    Spec(
        "gateway_cache_bytes",
        "gauge",
        (),
        "What the answers in the memory of the cache take up.",
        query='max by (instance) (gateway_cache_bytes{job="gateway"})',
    ),
    Spec(
        "gateway_cache_evictions_total",
        "counter",
        ("route",),
        "Answers in the memory of the cache that made way for others: `cache.size` is used up, or one URL has too many "
        "that differ by `Vary`.",
        query='sum by (route) (rate(gateway_cache_evictions_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_retries_total",
        "counter",
        ("route", "reason", "outcome"),
        "Attempts made again, by the reason (that of the error, or status_503) and what became of it: ok, failed, or "
        "budget where it was not made because the retry budget was spent.",
        query='sum by (route, reason, outcome) (rate(gateway_retries_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_hedges_total",
        "counter",
        ("route", "outcome"),
        "Second attempts beside slow first ones: won where the second answered first, lost where it did not, budget "
        "where it was not made.",
        query='sum by (route, outcome) (rate(gateway_hedges_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_retry_budget",
        "gauge",
        ("route",),
        "Retries that the route could make now.",
        query='min by (route) (gateway_retry_budget{job="gateway"})',
    ),
)
