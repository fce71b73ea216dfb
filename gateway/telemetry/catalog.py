"""The one list of metrics: nothing else may be exposed, and `docs/reference/metrics.md` is made from it.

Tests: `tests/composition/test_agents.py::test_its_figures_go_on_over_a_reload`.
"""

from __future__ import annotations

from typing import NamedTuple


class Spec(NamedTuple):
    """One metric.

    Attributes:
        name: What it is called.
        kind: `counter`, `gauge` or `histogram`.
        labels: What its labels are.
        help: What it means.
        alias: Another name that it goes by.
        whole: With `processes: n`, what is made of the figures of all workers: their `sum`, `max` or `min`. Not the sum
            of a counter where every worker counts the same events.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    alias: str = ""
    whole: str = "sum"

    @property
    def adds_up(self) -> bool:
        """Whether a server to which every worker tells its own figures makes the right one of them."""
        return self.kind != "gauge" and self.whole == "sum"


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
        "gateway_proxy_protocol_refused_total",
        "counter",
        ("cause",),
        "Connections to listeners with `proxy_protocol` that were closed before a client was known. `cause` is "
        "untrusted (its peer is not in `trusted_proxies`), invalid (no PROXY header came first, or a malformed one) or "
        "timeout (none within `timeouts.client_header`).",
    ),
    Spec(
        "gateway_http2_connections_total",
        "counter",
        (),
        "Connections on which clients have spoken HTTP/2.",
    ),
    Spec("gateway_http2_streams_total", "counter", (), "Requests that came by them, tunnels of WebSocket included."),
    Spec(
        "gateway_http2_floods_total",
        "counter",
        ("reason",),
        "Connections of HTTP/2 that were closed (GOAWAY, ENHANCE_YOUR_CALM) since their clients went over a limit: "
        "resets (`limits.http2.resets`), settings, pings, window_updates, headers (heads far over `limits`, in too "
        "many parts, or too slow), or glitches (frames that say nothing).",
    ),
    Spec(
        "gateway_grpc_calls_total",
        "counter",
        ("route", "grpc_status"),
        "Calls of gRPC on routes whose backends may be asked by HTTP/2, by outcome: 0 to 16, other for what a backend "
        "made up, none where a call broke off without one.",
    ),
    Spec(
        "gateway_errors_total",
        "counter",
        ("reason", "source"),
        "Exchanges that ended in an error, by the reason in the answer and whose fault it was "
        "(downstream, gateway, upstream).",
    ),
    Spec(
        "gateway_plugin_errors_total",
        "counter",
        ("plugin", "hook"),
        "Times that a plugin failed: it raised, took longer than its `timeout`, or left what no hook may. `hook` is "
        "on_request, on_response, on_finish or stop.",
    ),
    Spec(
        "gateway_plugin_blocked_total",
        "counter",
        ("plugin", "hook"),
        "Times that a plugin held the reactor for longer than 0.1 s at once, so that every other exchange waited.",
    ),
    Spec("gateway_spans_exported_total", "counter", (), "Spans of traces that their receiver has taken (`tracing`)."),
    Spec(
        "gateway_spans_dropped_total",
        "counter",
        (),
        "Spans that were lost: the queue was full (`tracing.queue`), their receiver refused them, or the gateway ended "
        "before it could be reached. The log says which.",
    ),
    Spec(
        "gateway_span_queue_bytes",
        "gauge",
        (),
        "What spans take up that are not delivered yet, those under way included.",
    ),
    Spec(
        "gateway_rate_limit_violations_total",
        "counter",
        ("route",),
        "Requests refused because they were over a rate limit.",
        alias="gateway_rate_limit_exceeded_total",
    ),
    Spec(
        "gateway_auth_total",
        "counter",
        ("method", "outcome"),
        "Requests that had to show who is calling. `method` is jwt, api_key and so on, none where nothing was shown. "
        "`outcome` is verified, cached (verified a moment ago), missing, invalid, revoked (a client's certificate, by "
        "a list) or unavailable; forbidden, for want of a scope or role, is counted beside verified or cached.",
    ),
    Spec(
        "gateway_certificate_end_timestamp_seconds",
        "gauge",
        ("listener", "name"),
        "Until when a certificate that clients are shown is good, Unix seconds. `name` is its first DNS name, else its "
        "subject; of two certificates for one name (RSA and ECDSA), the one that ends first.",
    ),
    Spec(
        "gateway_crl_next_update_timestamp_seconds",
        "gauge",
        ("name",),
        "Until when the list of revoked certificates of an authority is good, Unix seconds; +Inf where it does not "
        "say. After that its certificates are refused.",
        whole="min",
    ),
    Spec(
        "gateway_jwks_fetches_total",
        "counter",
        ("verifier", "result"),
        "Times that the keys of an issuer of tokens were asked for: success or failure. What was fetched before a "
        "failure stays good.",
    ),
    Spec(
        "gateway_jwks_keys",
        "gauge",
        ("verifier",),
        "Keys of the issuer that tokens are verified with now.",
        whole="max",
    ),
    Spec(
        "gateway_jwks_age_seconds",
        "gauge",
        ("verifier",),
        "Since the keys of the issuer were fetched; +Inf for never.",
        whole="max",
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
    Spec(
        "gateway_aggregate_parts_total",
        "counter",
        ("route", "part", "outcome"),
        "Parts of answers (`aggregate`). `outcome` is ok, the class of a status that is not 2xx (3xx to 5xx), "
        "not_json, too_long, cancelled (another part failed, or the client left), or the reason of the error.",
    ),
    Spec(
        "gateway_mirror_requests_total",
        "counter",
        ("route", "upstream", "outcome"),
        "Copies of requests (`mirror`). `outcome` is the class of the answer's status (2xx to 5xx), failed (no answer, "
        "or no room before the upstream), dropped (the upstream did not keep pace with the client), or left (the "
        "exchange was over before all of its content had come).",
    ),
    Spec(
        "gateway_admission_limit",
        "gauge",
        ("scope", "name"),
        "Exchanges that may be in flight. `scope` is gateway, route or upstream, `name` that of the route or upstream. "
        "The gateway is listed where it has a queue.",
        whole="max",
    ),
    Spec("gateway_admission_in_flight", "gauge", ("scope", "name"), "Exchanges that are in flight now."),
    Spec("gateway_admission_waiting", "gauge", ("scope", "name"), "Exchanges that wait for a place now."),
    Spec("gateway_admission_queued_total", "counter", ("scope", "name"), "Exchanges that had to wait for a place."),
    Spec(
        "gateway_admission_refused_total",
        "counter",
        ("scope", "name", "cause"),
        "Exchanges that got no place. `cause` is full (no room to wait), displaced (by one of a higher priority) or "
        "timeout (of the queue).",
    ),
    Spec(
        "gateway_adaptive_limit",
        "gauge",
        ("upstream",),
        "Exchanges in flight that the upstream is found to bear (`adaptive_concurrency`).",
        whole="max",
    ),
    Spec(
        "gateway_shed_level",
        "gauge",
        (),
        "How many priorities are turned away, from the lowest, for want of time or memory: 0 to 3.",
        whole="max",
    ),
    Spec(
        "gateway_shed_total",
        "counter",
        ("priority", "cause"),
        "Requests turned away for that. `cause` is loop_lag or memory.",
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
        "gateway_backend_healthy",
        "gauge",
        ("upstream", "backend"),
        "1 where the backend passes its active checks, or has none; 0 where it fails them.",
        whole="min",
    ),
    Spec(
        "gateway_backend_ejected",
        "gauge",
        ("upstream", "backend"),
        "1 while the backend is out for failures of real traffic (`passive_health`).",
        whole="max",
    ),
    Spec(
        "gateway_backend_share",
        "gauge",
        ("upstream", "backend"),
        "Part of its weight that the backend has: less than 1 while it starts slowly.",
        whole="min",
    ),
    Spec(
        "gateway_backend_health_changes_total",
        "counter",
        ("upstream", "backend", "to"),
        "Times that active checks found the backend to be otherwise: `healthy` or `unhealthy`.",
        whole="max",
    ),
    Spec(
        "gateway_backend_ejections_total",
        "counter",
        ("upstream", "backend"),
        "Times that failures of real traffic have put the backend out.",
    ),
    Spec(
        "gateway_upstream_panic",
        "gauge",
        ("upstream",),
        "1 while ejected backends are in use because too few others are left (`panic_threshold`).",
        whole="max",
    ),
    Spec(
        "gateway_upstream_on_backups",
        "gauge",
        ("upstream",),
        "1 while only backends with `backup: true` may be tried.",
        whole="max",
    ),
    Spec(
        "gateway_discovery_up",
        "gauge",
        ("upstream",),
        "1 while the members are those that discovery was told last, 0 while its source fails, is empty (`keep_empty`) "
        "or has not answered yet: the last known members stay.",
        whole="min",
    ),
    Spec(
        "gateway_discovery_members",
        "gauge",
        ("upstream",),
        "Members that discovery has put into force.",
        whole="max",
    ),
    Spec(
        "gateway_discovery_answer_age_seconds",
        "gauge",
        ("upstream",),
        "Since discovery was told members; +Inf for never. A watch is silent while nothing changes.",
        whole="max",
    ),
    Spec(
        "gateway_discovery_changes_total",
        "counter",
        ("upstream",),
        "Times that discovery has changed the members.",
        whole="max",
    ),
    Spec(
        "gateway_discovery_failures_total",
        "counter",
        ("upstream",),
        "Times that a source of members has failed.",
        whole="max",
    ),
    Spec(
        "gateway_discovery_refused_total",
        "counter",
        ("upstream",),
        "Answers with members that were not taken: no URL, one of another scheme, one with credentials.",
        whole="max",
    ),
    Spec(
        "gateway_circuit_breaker_state",
        "gauge",
        ("scope", "upstream", "backend"),
        "0 closed, 1 open, 2 half-open. `scope` is backend or upstream (the whole of it, open too where the breaker of "
        "every backend is; `backend` is empty then).",
        whole="max",
    ),
    Spec(
        "gateway_circuit_breaker_transitions_total",
        "counter",
        ("scope", "upstream", "backend", "from", "to"),
        "Changes of state of circuit breakers.",
    ),
    Spec(
        "gateway_circuit_breaker_failures",
        "gauge",
        ("scope", "upstream", "backend"),
        "Failures that the breaker has counted within its window (`error_rate.window`); not closed, those that it had "
        "counted when it opened.",
        whole="max",
    ),
    Spec(
        "gateway_circuit_breaker_failed_total",
        "counter",
        ("scope", "upstream", "backend"),
        "Failures that a breaker was told of; unlike `gateway_circuit_breaker_failures` it is not emptied when the "
        "breaker closes.",
    ),
    Spec(
        "gateway_circuit_breaker_rejections_total",
        "counter",
        ("upstream",),
        "Exchanges that an open breaker kept from the upstream, those with a fallback included.",
    ),
    Spec(
        "gateway_last_good_answers_total",
        "counter",
        ("upstream",),
        "Exchanges that an open breaker kept from the upstream and that were answered with its last good answer.",
    ),
    Spec(
        "gateway_last_good_bytes",
        "gauge",
        ("upstream",),
        "What the kept answers of an upstream with `fallback: {cached: true}` take up.",
    ),
    Spec(
        "gateway_cache_requests_total",
        "counter",
        ("route", "outcome"),
        "Requests of routes with `cache`: `hit`, `stale`, `revalidated`, `miss`, `collapsed` (another one's fetch "
        "answered it), `bypass` (nothing of it may be kept).",
    ),
    Spec(
        "gateway_cache_bytes",
        "gauge",
        (),
        "What the answers in the memory of the cache take up.",
    ),
    Spec(
        "gateway_cache_evictions_total",
        "counter",
        ("route",),
        "Answers in the memory of the cache that made way for others: `cache.size` is used up, or one URL has too many "
        "that differ by `Vary`.",
    ),
    Spec(
        "gateway_retries_total",
        "counter",
        ("route", "reason", "outcome"),
        "Attempts made again, by the reason (that of the error, or status_503) and what became of it: ok, failed, or "
        "budget where it was not made because the retry budget was spent.",
    ),
    Spec(
        "gateway_hedges_total",
        "counter",
        ("route", "outcome"),
        "Second attempts beside slow first ones: won where the second answered first, lost where it did not, budget "
        "where it was not made.",
    ),
    Spec("gateway_retry_budget", "gauge", ("route",), "Retries that the route could make now."),
    Spec(
        "gateway_config_reloads_total",
        "counter",
        ("result",),
        "Configurations tried after the one at the start: success or failure.",
        whole="max",
    ),
    Spec(
        "gateway_config_last_reload_successful",
        "gauge",
        (),
        "1 where the configuration tried last is in force, 0 where it was refused and an older one is.",
        whole="min",
    ),
    Spec(
        "gateway_config_last_reload_timestamp_seconds",
        "gauge",
        (),
        "Unix time at which the configuration in force was taken up.",
        whole="max",
    ),
    Spec(
        "gateway_access_log_dropped_total",
        "counter",
        (),
        "Access log records lost because the log could not be written, or not fast enough.",
    ),
    Spec(
        "gateway_log_records_sent_total",
        "counter",
        ("sink",),
        "Records of the logs that a receiver has taken (`log_shipping`). `sink` is its `format`.",
    ),
    Spec(
        "gateway_log_records_dropped_total",
        "counter",
        ("sink",),
        "Records that were to be sent and are lost: the queue was full, the receiver refused them, or the gateway "
        "ended before they were delivered.",
    ),
    Spec(
        "gateway_log_queue_bytes",
        "gauge",
        ("sink",),
        "What records take up that are not delivered yet, those under way included.",
    ),
    Spec(
        "gateway_statsd_dropped_total",
        "counter",
        (),
        "Datagrams to StatsD (`metrics.statsd`) that the system did not take: nobody listens at the socket, its name "
        "is not known, or there is no room.",
    ),
    Spec(
        "gateway_event_loop_lag_seconds",
        "gauge",
        (),
        "The latest that a timer was in the last 15 to 30 s: how long other work kept the reactor.",
        whole="max",
    ),
    Spec(
        "gateway_rate_limit_decisions_total",
        "counter",
        ("route", "outcome"),
        "Questions put to rate limits: one for all limits of a route by address, one for all by who is calling. "
        "`outcome` is allowed or limited.",
    ),
    Spec(
        "gateway_rate_limit_queued_total",
        "counter",
        ("route",),
        "Requests over a rate limit that waited for their turn (`rate_limit_queue`).",
    ),
    Spec(
        "gateway_rate_limit_fallbacks_total",
        "counter",
        ("mode",),
        "Questions that were decided without Redis, as `on_store_failure` says: local, open or closed.",
    ),
    Spec(
        "gateway_rate_limit_dry_run_total",
        "counter",
        ("route", "reason"),
        "Exchanges that rate limits in dry run (`dry_run`) would have refused, by the reason that the answer would "
        "have had. `gateway_rate_limit_decisions_total` counts none of them.",
    ),
    Spec(
        "gateway_auth_dry_run_total",
        "counter",
        ("route", "reason"),
        "Exchanges that authentication in dry run (`auth.dry_run`) would have refused. `gateway_auth_total` counts "
        "what was found out about credentials, in dry run too.",
    ),
    Spec(
        "gateway_ip_dry_run_total",
        "counter",
        ("route", "reason"),
        "Exchanges that address rules in dry run (`ip_dry_run`) would have refused, those for all routes too; "
        "`route` is empty where no route takes the request.",
    ),
    Spec(
        "gateway_cors_dry_run_total",
        "counter",
        ("route", "reason"),
        "Requests of pages that CORS in dry run (`cors.dry_run`) would have refused, or kept from reading the answer.",
    ),
    Spec(
        "gateway_circuit_breaker_dry_run_total",
        "counter",
        ("upstream",),
        "Exchanges that circuit breakers in dry run (`circuit_breaker.dry_run`) would have kept from the upstream, or "
        "from the backend that was picked.",
    ),
    Spec(
        "gateway_store_up",
        "gauge",
        ("store",),
        "1 while the store answers, 0 while it does not and is done without.",
        whole="min",
    ),
    Spec(
        "gateway_store_failures_total",
        "counter",
        ("store", "reason"),
        "Commands without an answer. `reason` is down (not sent, since the store does not answer), timeout, lost (the "
        "connection) or refused (the answer is an error).",
    ),
    Spec(
        "gateway_store_duration_seconds",
        "histogram",
        ("store",),
        "From sending what one turn of the reactor asks of the store to the last answer to it.",
    ),
    Spec(
        "gateway_build_info",
        "gauge",
        ("version", "python", "twisted"),
        "Always 1; the versions are in the labels.",
        whole="max",
    ),
    Spec("gateway_workers", "gauge", (), "With `processes: n`: workers that run now."),
    Spec(
        "gateway_worker_restarts_total",
        "counter",
        (),
        "With `processes: n`: workers that the parent has started in the place of others that had ended.",
        whole="max",
    ),
)


def agents_name(upstream: str) -> str:
    """Return what the agents of an upstream that an application uses are called, in a route's place."""
    return f"gateway://{upstream}"
