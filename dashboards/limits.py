"""Who is let in, and how much of it: limits, places, load that is shed, credentials, and the stores behind them."""

from __future__ import annotations

from dashboards.panel import GATEWAY, ROUTES, STEP, Dashboard, Row, bars, figure, lines, now, rate, states

_REFUSED = f'{GATEWAY},outcome!~"verified|cached"'
_LIMITED = f'{ROUTES},outcome="limited"'

LIMITS = Dashboard(
    "limits",
    "Gateway: limits and identity",
    "Who is let in, who is refused, and why.",
    (
        Row(
            "Now",
            (
                figure(
                    "Refused by rate limits",
                    f"(sum(rate(gateway_rate_limit_decisions_total{{{_LIMITED}}}[{STEP}])) or vector(0)) "
                    f"/ (sum(rate(gateway_rate_limit_decisions_total{{{ROUTES}}}[{STEP}])) > 0)",
                    "percentunit",
                ),
                figure(
                    "Refused credentials",
                    f"(sum(rate(gateway_auth_total{{{_REFUSED}}}[{STEP}])) or vector(0)) "
                    f"/ (sum(rate(gateway_auth_total{{{GATEWAY}}}[{STEP}])) > 0)",
                    "percentunit",
                ),
                figure("Stores down", f"count(gateway_store_up{{{GATEWAY}}} == 0) or vector(0)", bad_from=(1,)),
                figure(
                    "Exchanges that wait for a place", f"sum(gateway_admission_waiting{{{GATEWAY}}})", bad_from=(1, 50)
                ),
                figure("Load that is shed", f"max(gateway_shed_level{{{GATEWAY}}})", bad_from=(1, 2)),
            ),
        ),
        Row(
            "Rate limits",
            (
                lines(
                    "Decisions",
                    (rate("gateway_rate_limit_decisions_total", "outcome", ROUTES), "{{outcome}}"),
                    unit="reqps",
                ),
                lines(
                    "Refused by route",
                    (rate("gateway_rate_limit_violations_total", "route", ROUTES), "{{route}}"),
                    unit="reqps",
                ),
                lines(
                    "Waited for their turn",
                    (rate("gateway_rate_limit_queued_total", "route", ROUTES), "{{route}}"),
                    unit="reqps",
                ),
                lines(
                    "Decided without the store",
                    (rate("gateway_rate_limit_fallbacks_total", "mode"), "{{mode}}"),
                    unit="reqps",
                    says="Redis did not answer: as `on_store_failure` says.",
                ),
            ),
        ),
        Row(
            "Places",
            (
                lines(
                    "In flight and limit",
                    (now("gateway_admission_in_flight", "scope, name"), "{{scope}} {{name}}"),
                    (now("gateway_admission_limit", "scope, name"), "{{scope}} {{name}} limit"),
                ),
                lines(
                    "Got no place",
                    (rate("gateway_admission_refused_total", "scope, name, cause"), "{{scope}} {{name}} {{cause}}"),
                    unit="reqps",
                ),
                lines(
                    "Had to wait",
                    (rate("gateway_admission_queued_total", "scope, name"), "{{scope}} {{name}}"),
                    unit="reqps",
                ),
                lines("Shed", (rate("gateway_shed_total", "priority, cause"), "{{priority}} {{cause}}"), unit="reqps"),
            ),
        ),
        Row(
            "Identity",
            (
                lines(
                    "Credentials by outcome",
                    (rate("gateway_auth_total", "method, outcome"), "{{method}} {{outcome}}"),
                    unit="reqps",
                ),
                bars(
                    "Refused, by method",
                    rate("gateway_auth_total", "method, outcome", _REFUSED),
                    "{{method}} {{outcome}}",
                    "reqps",
                ),
                lines("Keys of issuers", (f"min by (verifier) (gateway_jwks_keys{{{GATEWAY}}})", "{{verifier}}")),
                lines(
                    "Fetches of keys",
                    (rate("gateway_jwks_fetches_total", "verifier, result"), "{{verifier}} {{result}}"),
                    unit="reqps",
                ),
            ),
        ),
        Row(
            "Rules in dry run",
            (
                lines(
                    "Would have been refused",
                    (rate("gateway_rate_limit_dry_run_total", "route, reason", ROUTES), "{{route}} {{reason}}"),
                    (rate("gateway_auth_dry_run_total", "route, reason", ROUTES), "{{route}} {{reason}}"),
                    (rate("gateway_ip_dry_run_total", "route, reason", ROUTES), "{{route}} {{reason}}"),
                    unit="reqps",
                ),
            ),
        ),
        Row(
            "Stores",
            (
                states(
                    "Stores",
                    f"gateway_store_up{{{GATEWAY}}}",
                    "{{instance}} {{store}}",
                    {0: ("down", "red"), 1: ("up", "green")},
                ),
                lines(
                    "Duration p95",
                    (
                        f"histogram_quantile(0.95, {rate('gateway_store_duration_seconds_bucket', 'le, store')})",
                        "{{store}}",
                    ),
                    unit="s",
                ),
                lines(
                    "Commands without an answer",
                    (rate("gateway_store_failures_total", "store, reason"), "{{store}} {{reason}}"),
                    unit="ops",
                ),
            ),
        ),
    ),
)
