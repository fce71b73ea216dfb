"""What is said in vain about logs and traces: modules that there are not, records and spans that nobody takes."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.doubts.common import Doubt
from gateway.config.problems import suggestion
from gateway.config.schema import Settings
from gateway.config.schema.telemetry import Log

PACKAGE = "gateway"

_PATHS = {"loki": "/loki/api/v1/push", "elasticsearch": "/_bulk", "otlp": "/v1/logs"}
"""Where receivers of logs take records."""

_TRACES = "/v1/traces"
"""Where receivers of OTLP take spans, below the base URL."""


def levels(log: Log) -> Iterator[Doubt]:
    """List the names under `log.levels` that look like the gateway's own and are those of no module."""
    for name in log.levels:
        first = name.partition(".")[0]
        if first != PACKAGE and not suggestion(first, [PACKAGE], 0.8):
            continue  # another library's, or a plugin's
        if name not in modules():
            near = suggestion(name, sorted(modules()), 0.8)
            yield ("log", "levels", name), f"no module of the gateway has this name{near}"


def shipping(settings: Settings) -> Iterator[Doubt]:
    """Tell where `log_shipping` has nothing to send, or sends what its receiver does not take."""
    said, log = settings.log_shipping, settings.access_log
    if said is None or "access" not in said.what:
        return
    if not log.enabled:
        yield ("log_shipping", "what"), "there is no access log (`access_log.enabled`), and so nothing of it to send"
    elif log.format != "json" and said.format in ("ndjson", "elasticsearch"):
        yield ("log_shipping", "format"), f"{said.format} takes JSON, and `access_log.format` is something else"


def receivers(settings: Settings) -> Iterator[Doubt]:
    """Tell of addresses at which no receiver of that kind takes anything, and of one that nothing is sent to."""
    logs, tracing = settings.log_shipping, settings.tracing
    if logs is not None:
        path = urlsplit(logs.url).path
        usual = _PATHS.get(logs.format, "")
        if usual and (path in ("", "/") or (logs.format == "elasticsearch" and not path.endswith(usual))):
            yield ("log_shipping", "url"), f"{logs.format} takes records at `{usual}`, and this is the whole URL"
    if tracing.endpoint is None:
        return
    if tracing.exporter in ("none", "console"):
        yield ("tracing", "endpoint"), f"nothing is sent there: `tracing.exporter` is `{tracing.exporter}`"
    elif tracing.exporter == "zipkin" and urlsplit(tracing.endpoint).path in ("", "/"):
        yield ("tracing", "endpoint"), "Zipkin takes spans at `/api/v2/spans`, and this is the whole URL"
    elif tracing.exporter != "zipkin" and tracing.endpoint.rstrip("/").endswith(_TRACES):
        yield ("tracing", "endpoint"), f"this is the base URL: `{_TRACES}` follows, and would be there twice"


@cache
def modules() -> frozenset[str]:
    """Return the names of all modules of the gateway, found without importing them."""
    root = str(Path(__file__).parents[2])
    return frozenset([PACKAGE, *_below(root, PACKAGE)])


def _below(directory: str, package: str) -> Iterator[str]:
    for module in pkgutil.iter_modules([directory]):
        name = f"{package}.{module.name}"
        yield name
        if module.ispkg:
            yield from _below(f"{directory}/{module.name}", name)
