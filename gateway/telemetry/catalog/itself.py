"""The gateway itself: configurations, logs, spans, stores, plugins, processes."""

from __future__ import annotations

from gateway.telemetry.spec import Spec

ITSELF = (
    Spec(
        "gateway_plugin_errors_total",
        "counter",
        ("plugin", "hook"),
        "Times that a plugin failed: it raised, took longer than its `timeout`, or left what no hook may. `hook` is "
        "on_request, on_response, on_finish or stop.",
        query='sum by (plugin, hook) (increase(gateway_plugin_errors_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_plugin_blocked_total",
        "counter",
        ("plugin", "hook"),
        "Times that a plugin held the reactor for longer than 0.1 s at once, so that every other exchange waited.",
        query='sum by (plugin, hook) (increase(gateway_plugin_blocked_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_spans_exported_total",
        "counter",
        (),
        "Spans of traces that their receiver has taken (`tracing`).",
        query='sum by (instance) (rate(gateway_spans_exported_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_spans_dropped_total",
        "counter",
        (),
        "Spans that were lost: the queue was full (`tracing.queue`), their receiver refused them, or the gateway ended "
        "before it could be reached. The log says which.",
        query='sum by (instance) (increase(gateway_spans_dropped_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_span_queue_bytes",
        "gauge",
        (),
        "What spans take up that are not delivered yet, those under way included.",
        query='max by (instance) (gateway_span_queue_bytes{job="gateway"})',
    ),
    Spec(
        "gateway_config_reloads_total",
        "counter",
        ("result",),
        "Configurations tried after the one at the start: success or failure.",
        whole="max",
        query='sum by (instance, result) (increase(gateway_config_reloads_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_config_last_reload_successful",
        "gauge",
        (),
        "1 where the configuration tried last is in force, 0 where it was refused and an older one is.",
        whole="min",
        query='min by (instance) (gateway_config_last_reload_successful{job="gateway"})',
    ),
    Spec(
        "gateway_config_last_reload_timestamp_seconds",
        "gauge",
        (),
        "Unix time at which the configuration in force was taken up.",
        whole="max",
        query='time() - gateway_config_last_reload_timestamp_seconds{job="gateway"}',
    ),
    Spec(
        "gateway_access_log_dropped_total",
        "counter",
        (),
        "Access log records lost because the log could not be written, or not fast enough.",
        query='sum by (instance) (increase(gateway_access_log_dropped_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_log_records_sent_total",
        "counter",
        ("sink",),
        "Records of the logs that a receiver has taken (`log_shipping`). `sink` is its `format`.",
        query='sum by (instance, sink) (rate(gateway_log_records_sent_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_log_records_dropped_total",
        "counter",
        ("sink",),
        "Records that were to be sent and are lost: the queue was full, the receiver refused them, or the gateway "
        "ended before they were delivered.",
        query='sum by (instance, sink) (increase(gateway_log_records_dropped_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_log_queue_bytes",
        "gauge",
        ("sink",),
        "What records take up that are not delivered yet, those under way included.",
        query='max by (instance, sink) (gateway_log_queue_bytes{job="gateway"})',
    ),
    Spec(
        "gateway_statsd_dropped_total",
        "counter",
        (),
        "Datagrams to StatsD (`metrics.statsd`) that the system did not take: nobody listens at the socket, its name "
        "is not known, or there is no room.",
        query='sum by (instance) (rate(gateway_statsd_dropped_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_event_loop_lag_seconds",
        "gauge",
        (),
        "The latest that a timer was in the last 15 to 30 s: how long other work kept the reactor.",
        whole="max",
        query='max by (instance) (gateway_event_loop_lag_seconds{job="gateway"})',
    ),
    Spec(
        "gateway_store_up",
        "gauge",
        ("store",),
        "1 while the store answers, 0 while it does not and is done without.",
        whole="min",
        query='min by (store) (gateway_store_up{job="gateway"})',
    ),
    Spec(
        "gateway_store_failures_total",
        "counter",
        ("store", "reason"),
        "Commands without an answer. `reason` is down (not sent, since the store does not answer), timeout, lost (the "
        "connection) or refused (the answer is an error).",
        query='sum by (store, reason) (rate(gateway_store_failures_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_store_duration_seconds",
        "histogram",
        ("store",),
        "From sending what one turn of the reactor asks of the store to the last answer to it.",
        query=(
            "histogram_quantile(0.95, sum by (le, store) (rate"
            '(gateway_store_duration_seconds_bucket{job="gateway"}[5m])))'
        ),
    ),
    Spec(
        "gateway_build_info",
        "gauge",
        ("version", "python", "twisted"),
        "Always 1; the versions are in the labels.",
        whole="max",
        query='count by (version) (gateway_build_info{job="gateway"})',
    ),
    Spec(
        "gateway_workers",
        "gauge",
        (),
        "With `processes: n`: workers that run now.",
        query='sum by (instance) (gateway_workers{job="gateway"})',
    ),
    Spec(
        "gateway_worker_restarts_total",
        "counter",
        (),
        "With `processes: n`: workers that the parent has started in the place of others that had ended.",
        whole="max",
        query='sum by (instance) (increase(gateway_worker_restarts_total{job="gateway"}[1h]))',
    ),
)
