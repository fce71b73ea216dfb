"""Upstreams and their backends: health, breakers, attempts, connections, and who says which backends there are."""

from __future__ import annotations

from dashboards.panel import GATEWAY, STEP, Dashboard, Row, bars, figure, increase, lines, now, rate, states

_ATTEMPTS = f"rate(gateway_upstream_attempts_total{{{GATEWAY}}}[{STEP}])"
_FAILED = f'rate(gateway_upstream_attempts_total{{{GATEWAY},outcome!="ok"}}[{STEP}])'
_DURATION = rate("gateway_upstream_duration_seconds_bucket", "le, upstream")
_WELL = f"gateway_backend_healthy{{{GATEWAY}}} * (1 - gateway_backend_ejected{{{GATEWAY}}})"
_BACKEND = "{{upstream}} {{backend}}"

BACKENDS = Dashboard(
    "backends",
    "Gateway: backends and health",
    "Which backends are well, what is asked of them, and how they answer.",
    (
        Row(
            "Now",
            (
                figure("Backends in use", f"sum({_WELL})"),
                figure("Backends out of use", f"sum(1 - ({_WELL}))", bad_from=(1,)),
                figure(
                    "Breakers not closed",
                    f"count(gateway_circuit_breaker_state{{{GATEWAY}}} > 0) or vector(0)",
                    bad_from=(1,),
                ),
                figure(
                    "Exchanges that wait for a connection", f"sum(gateway_pool_pending{{{GATEWAY}}})", bad_from=(1, 10)
                ),
                figure("Failed attempts", f"(sum({_FAILED}) or vector(0)) / (sum({_ATTEMPTS}) > 0)", "percentunit"),
            ),
        ),
        Row(
            "Health",
            (
                states(
                    "Active checks",
                    f"gateway_backend_healthy{{{GATEWAY}}}",
                    _BACKEND,
                    {0: ("unhealthy", "red"), 1: ("healthy", "green")},
                ),
                states(
                    "Ejected for failures of real requests",
                    f"gateway_backend_ejected{{{GATEWAY}}}",
                    _BACKEND,
                    {0: ("in use", "green"), 1: ("ejected", "red")},
                ),
                states(
                    "Circuit breakers",
                    f"gateway_circuit_breaker_state{{{GATEWAY}}}",
                    "{{scope}} {{upstream}} {{backend}}",
                    {0: ("closed", "green"), 1: ("open", "red"), 2: ("half-open", "orange")},
                ),
                lines(
                    "Changes",
                    (
                        increase("gateway_backend_health_changes_total", "upstream, to"),
                        "{{upstream}}: {{to}}",
                    ),
                    (
                        increase("gateway_backend_ejections_total", "upstream"),
                        "{{upstream}}: ejected",
                    ),
                    (
                        increase("gateway_circuit_breaker_transitions_total", "upstream, to"),
                        "{{upstream}}: breaker {{to}}",
                    ),
                ),
                lines(
                    "Kept from an upstream by its breaker",
                    (
                        rate("gateway_circuit_breaker_rejections_total", "upstream"),
                        "{{upstream}}",
                    ),
                    unit="reqps",
                ),
                lines(
                    "Failures that breakers count",
                    (
                        now("gateway_circuit_breaker_failures", "upstream, scope"),
                        "{{upstream}} {{scope}}",
                    ),
                    says="Within the window of each; a breaker that fills up is about to open.",
                ),
            ),
        ),
        Row(
            "Attempts",
            (
                lines("Attempts by backend", (f"sum by (upstream, backend) ({_ATTEMPTS})", _BACKEND), unit="reqps"),
                lines(
                    "Failed attempts by outcome",
                    (f"sum by (upstream, outcome) ({_FAILED})", "{{upstream}} {{outcome}}"),
                    unit="reqps",
                ),
                lines("Duration p50", (f"histogram_quantile(0.5, {_DURATION})", "{{upstream}}"), unit="s"),
                lines("Duration p99", (f"histogram_quantile(0.99, {_DURATION})", "{{upstream}}"), unit="s"),
                lines("In flight", (now("gateway_backend_in_flight", "upstream, backend"), _BACKEND)),
                lines(
                    "Picks by the balancer",
                    (rate("gateway_backend_picks_total", "upstream, backend"), _BACKEND),
                    unit="reqps",
                ),
            ),
        ),
        Row(
            "Connections",
            (
                lines(
                    "Pools",
                    (
                        now("gateway_pool_connections", "upstream, state"),
                        "{{upstream}} {{state}}",
                    ),
                ),
                bars(
                    "Used of what a pool may hold",
                    f'sum by (upstream) (gateway_pool_connections{{{GATEWAY},state="busy"}}) '
                    f"/ sum by (upstream) (gateway_pool_max_connections{{{GATEWAY}}})",
                    "{{upstream}}",
                    "percentunit",
                    bad_from=(0.7, 0.9),
                ),
                lines(
                    "Waiting for a connection",
                    (now("gateway_pool_pending", "upstream"), "{{upstream}}"),
                ),
                lines(
                    "Retries that a route could make now",
                    (now("gateway_retry_budget", "route"), "{{route}}"),
                ),
            ),
        ),
        Row(
            "Discovery",
            (
                lines("Members found", (now("gateway_discovery_members", "upstream"), "{{upstream}}")),
                states(
                    "What registries say",
                    f"gateway_discovery_up{{{GATEWAY}}}",
                    "{{upstream}}",
                    {0: ("stale", "red"), 1: ("current", "green")},
                ),
                lines(
                    "Changes and failures",
                    (
                        increase("gateway_discovery_changes_total", "upstream"),
                        "{{upstream}} changes",
                    ),
                    (
                        increase("gateway_discovery_failures_total", "upstream"),
                        "{{upstream}} failures",
                    ),
                ),
            ),
        ),
    ),
)
