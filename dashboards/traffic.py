"""What clients ask for and what they get: the page to begin with."""

from __future__ import annotations

from dashboards.panel import GATEWAY, ROUTES, STEP, Dashboard, Row, bars, figure, lines, rate

_REQUESTS = f"rate(gateway_requests_total{{{ROUTES}}}[{STEP}])"
_FAILED = f'rate(gateway_requests_total{{{ROUTES},status=~"5.."}}[{STEP}])'
_DURATION = rate("gateway_request_duration_seconds_bucket", "le", ROUTES)
_BY_ROUTE = rate("gateway_request_duration_seconds_bucket", "le, route", ROUTES)

TRAFFIC = Dashboard(
    "traffic",
    "Gateway: traffic",
    "What clients ask for, how long it takes, and what fails.",
    (
        Row(
            "Now",
            (
                figure("Requests per second", f"sum({_REQUESTS})", "reqps"),
                figure(
                    "Error rate",
                    f"(sum({_FAILED}) or vector(0)) / (sum({_REQUESTS}) > 0)",
                    "percentunit",
                    "Share of answers with 5xx.",
                    bad_from=(0.001, 0.01),
                ),
                figure("p95", f"histogram_quantile(0.95, {_DURATION})", "s", bad_from=(0.5, 1)),
                figure(
                    "Rate limit violations",
                    f"sum(increase(gateway_rate_limit_violations_total{{{ROUTES}}}[$__range])) or vector(0)",
                    "short",
                    "Requests refused in the time that is shown.",
                ),
                figure("Open connections", f"sum(gateway_active_connections{{{GATEWAY}}})"),
            ),
        ),
        Row(
            "Requests",
            (
                lines("Requests per second by route", (f"sum by (route) ({_REQUESTS})", "{{route}}"), unit="reqps"),
                lines(
                    "Duration",
                    (f"histogram_quantile(0.5, {_DURATION})", "p50"),
                    (f"histogram_quantile(0.95, {_DURATION})", "p95"),
                    (f"histogram_quantile(0.99, {_DURATION})", "p99"),
                    unit="s",
                    says="From the end of the request head to the last octet of the answer.",
                ),
                bars(
                    "Error rate by endpoint",
                    f"sum by (path) ({_FAILED}) / (sum by (path) ({_REQUESTS}) > 0)",
                    "{{path}}",
                    "percentunit",
                    "Share of answers with 5xx; endpoints without any are left out.",
                    bad_from=(0.001, 0.01),
                ),
                bars(
                    "Top 10 endpoints by traffic",
                    f"topk(10, sum by (route, path) ({_REQUESTS}))",
                    "{{route}} {{path}}",
                    "reqps",
                ),
                lines("Answers by status", (f"sum by (status) ({_REQUESTS})", "{{status}}"), unit="reqps"),
                lines(
                    "Duration p95 by route",
                    (
                        f"histogram_quantile(0.95, {_BY_ROUTE})",
                        "{{route}}",
                    ),
                    unit="s",
                ),
            ),
        ),
        Row(
            "What went wrong, and what helped",
            (
                lines(
                    "Errors by reason",
                    (
                        rate("gateway_errors_total", "source, reason"),
                        "{{source}} {{reason}}",
                    ),
                    unit="reqps",
                    says="Whose fault it was, and the reason as in the answer and the access log.",
                ),
                lines(
                    "Requests over a rate limit",
                    (
                        rate("gateway_rate_limit_violations_total", "route", ROUTES),
                        "{{route}}",
                    ),
                    unit="reqps",
                ),
                lines(
                    "Retries",
                    (
                        rate("gateway_retries_total", "route, outcome", ROUTES),
                        "{{route}} {{outcome}}",
                    ),
                    unit="reqps",
                    says="`budget`: not made, because the retry budget was spent.",
                ),
                lines(
                    "Cache",
                    (
                        rate("gateway_cache_requests_total", "outcome", ROUTES),
                        "{{outcome}}",
                    ),
                    unit="reqps",
                ),
            ),
        ),
        Row(
            "HTTP/2",
            (
                lines(
                    "Requests and connections by HTTP/2",
                    (f"sum(rate(gateway_http2_streams_total{{{GATEWAY}}}[{STEP}]))", "requests"),
                    (f"sum(rate(gateway_http2_connections_total{{{GATEWAY}}}[{STEP}]))", "connections"),
                    unit="ops",
                    says="As many connections as requests: clients, or a proxy, do not use them again.",
                ),
                lines(
                    "Clients that went over a limit of HTTP/2",
                    (
                        rate("gateway_http2_floods_total", "reason"),
                        "{{reason}}",
                    ),
                    unit="ops",
                    says="Their connections were closed: an attack, or a client with a fault.",
                ),
            ),
        ),
    ),
)
