"""How much is let in: rate limits, places, load that is shed, and rules in dry run."""

from __future__ import annotations

from gateway.telemetry.spec import Spec

LIMITS = (
    Spec(
        "gateway_rate_limit_violations_total",
        "counter",
        ("route",),
        "Requests refused because they were over a rate limit.",
        alias="gateway_rate_limit_exceeded_total",
        query='sum by (route) (rate(gateway_rate_limit_violations_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_admission_limit",
        "gauge",
        ("scope", "name"),
        "Exchanges that may be in flight. `scope` is gateway, route or upstream, `name` that of the route or upstream. "
        "The gateway is listed where it has a queue.",
        whole="max",
        query='gateway_admission_in_flight{job="gateway"} / gateway_admission_limit{job="gateway"}',
    ),
    Spec(
        "gateway_admission_in_flight",
        "gauge",
        ("scope", "name"),
        "Exchanges that are in flight now.",
        query='sum by (scope, name) (gateway_admission_in_flight{job="gateway"})',
    ),
    Spec(
        "gateway_admission_waiting",
        "gauge",
        ("scope", "name"),
        "Exchanges that wait for a place now.",
        query='max by (scope, name) (gateway_admission_waiting{job="gateway"})',
    ),
    Spec(
        "gateway_admission_queued_total",
        "counter",
        ("scope", "name"),
        "Exchanges that had to wait for a place.",
        query='sum by (scope, name) (rate(gateway_admission_queued_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_admission_refused_total",
        "counter",
        ("scope", "name", "cause"),
        "Exchanges that got no place. `cause` is full (no room to wait), displaced (by one of a higher priority) or "
        "timeout (of the queue).",
        query='sum by (scope, name, cause) (rate(gateway_admission_refused_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_adaptive_limit",
        "gauge",
        ("upstream",),
        "Exchanges in flight that the upstream is found to bear (`adaptive_concurrency`).",
        whole="max",
        query='min by (upstream) (gateway_adaptive_limit{job="gateway"})',
    ),
    Spec(
        "gateway_shed_level",
        "gauge",
        (),
        "How many priorities are turned away, from the lowest, for want of time or memory: 0 to 3.",
        whole="max",
        query='max by (instance) (gateway_shed_level{job="gateway"})',
    ),
    Spec(
        "gateway_shed_total",
        "counter",
        ("priority", "cause"),
        "Requests turned away for that. `cause` is loop_lag or memory.",
        query='sum by (priority, cause) (rate(gateway_shed_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_rate_limit_decisions_total",
        "counter",
        ("route", "outcome"),
        "Questions put to rate limits: one for all limits of a route by address, one for all by who is calling. "
        "`outcome` is allowed or limited.",
        query=(
            'sum by (route) (rate(gateway_rate_limit_decisions_total{job="gateway",outcome="limited"}[5m])) '
            '/ sum by (route) (rate(gateway_rate_limit_decisions_total{job="gateway"}[5m]))'
        ),
    ),
    Spec(
        "gateway_rate_limit_queued_total",
        "counter",
        ("route",),
        "Requests over a rate limit that waited for their turn (`rate_limit_queue`).",
        query='sum by (route) (rate(gateway_rate_limit_queued_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_rate_limit_fallbacks_total",
        "counter",
        ("mode",),
        "Questions that were decided without Redis, as `on_store_failure` says: local, open or closed.",
        query='sum by (mode) (rate(gateway_rate_limit_fallbacks_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_rate_limit_dry_run_total",
        "counter",
        ("route", "reason"),
        "Exchanges that rate limits in dry run (`dry_run`) would have refused, by the reason that the answer would "
        "have had. `gateway_rate_limit_decisions_total` counts none of them.",
        query='sum by (route, reason) (increase(gateway_rate_limit_dry_run_total{job="gateway"}[1d]))',
    ),
    Spec(
        "gateway_auth_dry_run_total",
        "counter",
        ("route", "reason"),
        "Exchanges that authentication in dry run (`auth.dry_run`) would have refused. `gateway_auth_total` counts "
        "what was found out about credentials, in dry run too.",
        query='sum by (route, reason) (increase(gateway_auth_dry_run_total{job="gateway"}[1d]))',
    ),
    Spec(
        "gateway_ip_dry_run_total",
        "counter",
        ("route", "reason"),
        "Exchanges that address rules in dry run (`ip_dry_run`) would have refused, those for all routes too; "
        "`route` is empty where no route takes the request.",
        query='sum by (route, reason) (increase(gateway_ip_dry_run_total{job="gateway"}[1d]))',
    ),
    Spec(
        "gateway_cors_dry_run_total",
        "counter",
        ("route", "reason"),
        "Requests of pages that CORS in dry run (`cors.dry_run`) would have refused, or kept from reading the answer.",
        query='sum by (route, reason) (increase(gateway_cors_dry_run_total{job="gateway"}[1d]))',
    ),
    Spec(
        "gateway_circuit_breaker_dry_run_total",
        "counter",
        ("upstream",),
        "Exchanges that circuit breakers in dry run (`circuit_breaker.dry_run`) would have kept from the upstream, or "
        "from the backend that was picked.",
        query='sum by (upstream) (increase(gateway_circuit_breaker_dry_run_total{job="gateway"}[1d]))',
    ),
)
