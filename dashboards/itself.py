"""The process: whether it is well, what it uses, and which configuration it has."""

from __future__ import annotations

from dashboards.panel import GATEWAY, STEP, Dashboard, Row, bars, figure, increase, lines, rate

_EACH = "{{instance}}"

ITSELF = Dashboard(
    "itself",
    "Gateway: the process",
    "Whether the gateway itself is well, what it uses, and which configuration it has.",
    (
        Row(
            "Now",
            (
                figure("Instances that answer", f"sum(up{{{GATEWAY}}})"),
                figure("Youngest instance", f"min(time() - process_start_time_seconds{{{GATEWAY}}})", "s"),
                figure(
                    "Event loop lag", f"max(gateway_event_loop_lag_seconds{{{GATEWAY}}})", "s", bad_from=(0.1, 0.25)
                ),
                figure("Memory", f"max(process_resident_memory_bytes{{{GATEWAY}}})", "bytes"),
                figure(
                    "Refused configurations",
                    f"count(gateway_config_last_reload_successful{{{GATEWAY}}} == 0) or vector(0)",
                    says="Instances that go on with an older configuration than the one tried last.",
                    bad_from=(1,),
                ),
            ),
        ),
        Row(
            "The process",
            (
                lines("CPU", (f"rate(process_cpu_seconds_total{{{GATEWAY}}}[{STEP}])", _EACH), unit="percentunit"),
                lines("Memory", (f"process_resident_memory_bytes{{{GATEWAY}}}", _EACH), unit="bytes"),
                lines(
                    "Event loop lag",
                    (f"gateway_event_loop_lag_seconds{{{GATEWAY}}}", _EACH),
                    unit="s",
                    says="The latest that a timer was in the last 15 to 30 s: every request may wait that long.",
                ),
                lines(
                    "Connections and open files",
                    (f"gateway_active_connections{{{GATEWAY}}}", "{{instance}} connections"),
                    (f"process_open_fds{{{GATEWAY}}}", "{{instance}} files"),
                ),
                lines(
                    "Garbage collections",
                    (
                        rate("python_gc_collections_total", "generation"),
                        "generation {{generation}}",
                    ),
                    unit="ops",
                ),
                lines(
                    "Memory of caches",
                    (f"gateway_cache_bytes{{{GATEWAY}}}", "{{instance}} answers"),
                    (f"gateway_last_good_bytes{{{GATEWAY}}}", "{{instance}} last good of {{upstream}}"),
                    unit="bytes",
                ),
            ),
        ),
        Row(
            "Configuration",
            (
                lines(
                    "Configurations tried",
                    (increase("gateway_config_reloads_total", "result"), "{{result}}"),
                ),
                bars(
                    "Age of the configuration in force",
                    f"time() - gateway_config_last_reload_timestamp_seconds{{{GATEWAY}}}",
                    _EACH,
                    "s",
                ),
                bars(
                    "Versions",
                    f"count by (version, python, twisted) (gateway_build_info{{{GATEWAY}}})",
                    "{{version}}, Python {{python}}, Twisted {{twisted}}",
                ),
                bars(
                    "Certificates end in",
                    f"gateway_certificate_end_timestamp_seconds{{{GATEWAY}}} - time()",
                    "{{instance}} {{listener}} {{name}}",
                    "s",
                ),
            ),
        ),
        Row(
            "What is sent elsewhere",
            (
                lines(
                    "Spans",
                    (f"rate(gateway_spans_exported_total{{{GATEWAY}}}[{STEP}])", "{{instance}} exported"),
                    (f"rate(gateway_spans_dropped_total{{{GATEWAY}}}[{STEP}])", "{{instance}} lost"),
                    unit="ops",
                ),
                lines(
                    "Records of logs",
                    (rate("gateway_log_records_sent_total", "instance, sink"), "{{instance}} {{sink}} sent"),
                    (rate("gateway_log_records_dropped_total", "instance, sink"), "{{instance}} {{sink}} lost"),
                    unit="ops",
                ),
                lines(
                    "What waits for its receiver",
                    (f"gateway_span_queue_bytes{{{GATEWAY}}}", "{{instance}} spans"),
                    (f"gateway_log_queue_bytes{{{GATEWAY}}}", "{{instance}} {{sink}}"),
                    unit="bytes",
                    says="Grows while a receiver is down or slow; what comes when it is full is lost.",
                ),
            ),
        ),
        Row(
            "Losses",
            (
                lines(
                    "Records of the access log that were lost",
                    (f"rate(gateway_access_log_dropped_total{{{GATEWAY}}}[{STEP}])", _EACH),
                    unit="ops",
                ),
                lines(
                    "Failures of plugins",
                    (
                        rate("gateway_plugin_errors_total", "plugin, hook"),
                        "{{plugin}} {{hook}}",
                    ),
                    unit="ops",
                ),
            ),
        ),
    ),
)
