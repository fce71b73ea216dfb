"""Upstreams: attempts, backends, connections, discovery, breakers."""

from __future__ import annotations

from gateway.telemetry.spec import Spec

UPSTREAMS = (
    Spec(
        "gateway_upstream_duration_seconds",
        "histogram",
        ("upstream",),
        "How long the last attempt of an exchange took, to the end of the answer or to its failure.",
        query=(
            "histogram_quantile(0.95, sum by (le, upstream) (rate"
            '(gateway_upstream_duration_seconds_bucket{job="gateway"}[5m])))'
        ),
    ),
    Spec(
        "gateway_upstream_attempts_total",
        "counter",
        ("upstream", "backend", "outcome"),
        "Attempts on backends, retries included. `outcome` is ok where a whole answer came, whatever its status, "
        "else the reason of the error.",
        query='sum by (upstream, backend, outcome) (rate(gateway_upstream_attempts_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_backend_in_flight",
        "gauge",
        ("upstream", "backend"),
        "Exchanges that the backend works on now.",
        query='topk(5, sum by (upstream, backend) (gateway_backend_in_flight{job="gateway"}))',
    ),
    Spec(
        "gateway_backend_picks_total",
        "counter",
        ("upstream", "backend"),
        "Times the balancer chose the backend.",
        query='sum by (upstream, backend) (rate(gateway_backend_picks_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_pool_connections",
        "gauge",
        ("upstream", "backend", "state"),
        "Connections to the backend now, by state: idle, busy or connecting.",
        query='sum by (upstream, state) (gateway_pool_connections{job="gateway"})',
    ),
    Spec(
        "gateway_pool_max_connections",
        "gauge",
        ("upstream", "backend"),
        "Connections that the pool may hold.",
        query=(
            'sum by (instance, upstream, backend) (gateway_pool_connections{job="gateway"}) / '
            'on (instance, upstream, backend) gateway_pool_max_connections{job="gateway"}'
        ),
    ),
    Spec(
        "gateway_pool_pending",
        "gauge",
        ("upstream", "backend"),
        "Exchanges that wait for a connection now.",
        query='max by (upstream, backend) (gateway_pool_pending{job="gateway"})',
    ),
    Spec(
        "gateway_backend_healthy",
        "gauge",
        ("upstream", "backend"),
        "1 where the backend passes its active checks, or has none; 0 where it fails them.",
        whole="min",
        query=(
            'count by (upstream) (gateway_backend_healthy{job="gateway"} == 1) / '
            'count by (upstream) (gateway_backend_healthy{job="gateway"})'
        ),
    ),
    Spec(
        "gateway_backend_ejected",
        "gauge",
        ("upstream", "backend"),
        "1 while the backend is out for failures of real traffic (`passive_health`).",
        whole="max",
        query='sum by (upstream) (gateway_backend_ejected{job="gateway"})',
    ),
    Spec(
        "gateway_backend_share",
        "gauge",
        ("upstream", "backend"),
        "Part of its weight that the backend has: less than 1 while it starts slowly.",
        whole="min",
        query='min by (upstream, backend) (gateway_backend_share{job="gateway"})',
    ),
    Spec(
        "gateway_backend_health_changes_total",
        "counter",
        ("upstream", "backend", "to"),
        "Times that active checks found the backend to be otherwise: `healthy` or `unhealthy`.",
        whole="max",
        query=('sum by (upstream, backend, to) (increase(gateway_backend_health_changes_total{job="gateway"}[1h]))'),
    ),
    Spec(
        "gateway_backend_ejections_total",
        "counter",
        ("upstream", "backend"),
        "Times that failures of real traffic have put the backend out.",
        query='sum by (upstream, backend) (increase(gateway_backend_ejections_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_upstream_panic",
        "gauge",
        ("upstream",),
        "1 while ejected backends are in use because too few others are left (`panic_threshold`).",
        whole="max",
        query='max by (upstream) (gateway_upstream_panic{job="gateway"})',
    ),
    Spec(
        "gateway_upstream_on_backups",
        "gauge",
        ("upstream",),
        "1 while only backends with `backup: true` may be tried.",
        whole="max",
        query='max by (upstream) (gateway_upstream_on_backups{job="gateway"})',
    ),
    Spec(
        "gateway_discovery_up",
        "gauge",
        ("upstream",),
        "1 while the members are those that discovery was told last, 0 while its source fails, is empty (`keep_empty`) "
        "or has not answered yet: the last known members stay.",
        whole="min",
        query='min by (upstream) (gateway_discovery_up{job="gateway"})',
    ),
    Spec(
        "gateway_discovery_members",
        "gauge",
        ("upstream",),
        "Members that discovery has put into force.",
        whole="max",
        query=(
            'max by (upstream) (gateway_discovery_members{job="gateway"}) - '
            'min by (upstream) (gateway_discovery_members{job="gateway"})'
        ),
    ),
    Spec(
        "gateway_discovery_answer_age_seconds",
        "gauge",
        ("upstream",),
        "Since discovery was told members; +Inf for never. A watch is silent while nothing changes.",
        whole="max",
        query='max by (upstream) (gateway_discovery_answer_age_seconds{job="gateway"})',
    ),
    Spec(
        "gateway_discovery_changes_total",
        "counter",
        ("upstream",),
        "Times that discovery has changed the members.",
        whole="max",
        query='sum by (upstream) (increase(gateway_discovery_changes_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_discovery_failures_total",
        "counter",
        ("upstream",),
        "Times that a source of members has failed.",
        whole="max",
        query='sum by (instance, upstream) (increase(gateway_discovery_failures_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_discovery_refused_total",
        "counter",
        ("upstream",),
        "Answers with members that were not taken: no URL, one of another scheme, one with credentials.",
        whole="max",
        query='sum by (upstream) (increase(gateway_discovery_refused_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_circuit_breaker_state",
        "gauge",
        ("scope", "upstream", "backend"),
        "0 closed, 1 open, 2 half-open. `scope` is backend or upstream (the whole of it, open too where the breaker of "
        "every backend is; `backend` is empty then).",
        whole="max",
        query='max by (scope, upstream, backend) (gateway_circuit_breaker_state{job="gateway"})',
    ),
    Spec(
        "gateway_circuit_breaker_transitions_total",
        "counter",
        ("scope", "upstream", "backend", "from", "to"),
        "Changes of state of circuit breakers.",
        query=(
            'sum by (upstream, backend, to) (increase(gateway_circuit_breaker_transitions_total{job="gateway"}[1h]))'
        ),
    ),
    Spec(
        "gateway_circuit_breaker_failures",
        "gauge",
        ("scope", "upstream", "backend"),
        "Failures that the breaker has counted within its window (`error_rate.window`); not closed, those that it had "
        "counted when it opened.",
        whole="max",
        query='max by (scope, upstream, backend) (gateway_circuit_breaker_failures{job="gateway"})',
    ),
    Spec(
        "gateway_circuit_breaker_failed_total",
        "counter",
        ("scope", "upstream", "backend"),
        "Failures that a breaker was told of; unlike `gateway_circuit_breaker_failures` it is not emptied when the "
        "breaker closes.",
        query='sum by (upstream, backend) (rate(gateway_circuit_breaker_failed_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_circuit_breaker_rejections_total",
        "counter",
        ("upstream",),
        "Exchanges that an open breaker kept from the upstream, those with a fallback included.",
        query='sum by (upstream) (rate(gateway_circuit_breaker_rejections_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_last_good_answers_total",
        "counter",
        ("upstream",),
        "Exchanges that an open breaker kept from the upstream and that were answered with its last good answer.",
        query='sum by (upstream) (rate(gateway_last_good_answers_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_last_good_bytes",
        "gauge",
        ("upstream",),
        "What the kept answers of an upstream with `fallback: {cached: true}` take up.",
        query='sum by (instance, upstream) (gateway_last_good_bytes{job="gateway"})',
    ),
)
