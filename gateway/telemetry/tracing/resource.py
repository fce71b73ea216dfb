"""Who makes the spans: attributes of the resource, and what OpenTelemetry's environment variables say.

What the configuration says comes first; a variable holds where it says nothing. Which ones are honoured is the list
`HONOURED`, in the guide too.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from twisted.logger import Logger

HONOURED: Final = (
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
)

_SAMPLERS: Final = {
    "always_on": 1.0,
    "parentbased_always_on": 1.0,
    "always_off": 0.0,
    "parentbased_always_off": 0.0,
}
_WITH_RATIO: Final = frozenset({"traceidratio", "parentbased_traceidratio"})

_log = Logger()


class Environment(NamedTuple):
    """What the variables say; None, and empty, for nothing.

    Attributes:
        disabled: Nothing is to be exported.
        service: The name of the service.
        attributes: Of the resource.
        ratio: Share of the traces that are sampled.
        endpoint: Where OTLP is taken, whole.
        zipkin: Where Zipkin takes spans, whole.
        fields: Sent with each request of OTLP.
        compress: Whether bodies are compressed.
        timeout: Seconds for a request.
    """

    disabled: bool = False
    service: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    ratio: float | None = None
    endpoint: str | None = None
    zipkin: str | None = None
    fields: tuple[tuple[bytes, bytes], ...] = ()
    compress: bool | None = None
    timeout: float | None = None


def read(environ: Mapping[str, str]) -> Environment:
    """Read the variables; what makes no sense is said in the log, and is otherwise as if it were not there."""
    attributes = _pairs("OTEL_RESOURCE_ATTRIBUTES", environ)
    endpoint = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or None
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if endpoint is None and base:
        endpoint = traces_url(base)
    compression = _of_traces("COMPRESSION", environ)
    timeout = _of_traces("TIMEOUT", environ)
    fields = _pairs("OTEL_EXPORTER_OTLP_HEADERS", environ) | _pairs("OTEL_EXPORTER_OTLP_TRACES_HEADERS", environ)
    return Environment(
        disabled=environ.get("OTEL_SDK_DISABLED", "").lower() == "true",
        service=environ.get("OTEL_SERVICE_NAME") or attributes.get("service.name"),
        attributes=tuple(attributes.items()),
        ratio=_ratio(environ),
        endpoint=_url("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        zipkin=_url("OTEL_EXPORTER_ZIPKIN_ENDPOINT", environ.get("OTEL_EXPORTER_ZIPKIN_ENDPOINT")),
        fields=tuple((key.encode("latin-1", "replace"), value.encode("utf-8")) for key, value in fields.items()),
        compress=None if not compression else compression == "gzip",
        timeout=_milliseconds(timeout),
    )


def traces_url(base: str) -> str:
    """Return where spans go, from the base URL of who takes OTLP."""
    return base.rstrip("/") + "/v1/traces"


def resource(
    name: str, version: str, instance: str, attributes: Iterable[tuple[str, str]]
) -> list[tuple[str, str | int]]:
    """List what every span is of.

    Args:
        name: Of the service.
        version: Of the gateway.
        instance: An id that no other process has.
        attributes: What the environment adds, or says otherwise.
    """
    known: dict[str, str | int] = {
        "service.version": version,
        "service.instance.id": instance,
        "host.name": socket.gethostname(),
        "process.pid": os.getpid(),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": ".".join(map(str, sys.version_info[:3])),
        "telemetry.sdk.name": "twisted-api-gateway",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": version,
    }
    known.update(attributes)
    return [("service.name", name), *((key, value) for key, value in known.items() if key != "service.name")]


def _of_traces(name: str, environ: Mapping[str, str]) -> str:
    """Return a variable for traces or, where there is none, for everything that is sent by OTLP."""
    return environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or environ.get(f"OTEL_EXPORTER_OTLP_{name}") or ""


def _pairs(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Read `key=value,key=value`, percent-encoded; a pair that is none takes nothing from the others."""
    found = {}
    for number, pair in enumerate(environ.get(name, "").split(","), 1):
        key, equals, value = pair.partition("=")
        if key.strip() and equals:
            found[unquote(key.strip())] = unquote(value.strip())
        elif pair.strip():
            _nonsense(name, "KEY=VALUE", f"Part {number} of the")
    return found


def _ratio(environ: Mapping[str, str]) -> float | None:
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if sampler in _WITH_RATIO:
        said = environ.get("OTEL_TRACES_SAMPLER_ARG", "1")
        try:
            ratio = float(said)
        except ValueError:
            ratio = -1.0
        if 0 <= ratio <= 1:
            return ratio
        _nonsense("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1")
        return None
    if sampler and sampler not in _SAMPLERS:
        _nonsense("OTEL_TRACES_SAMPLER", "one of " + ", ".join([*_SAMPLERS, *sorted(_WITH_RATIO)]))
    return _SAMPLERS.get(sampler)


def _url(name: str, said: str | None) -> str | None:
    if not said:
        return None
    if not said.startswith(("http://", "https://")) or not said.isascii() or " " in said:
        _nonsense(name, "a URL that begins with http:// or https://")
        return None
    return said


def _milliseconds(said: str) -> float | None:
    if not said:
        return None
    if not said.isdecimal() or not int(said):
        _nonsense("OTEL_EXPORTER_OTLP_TIMEOUT", "a number of milliseconds")
        return None
    return int(said) / 1000


def _nonsense(name: str, expected: str, part: str = "The") -> None:
    # Not its value: it may be a credential.
    _log.warn(
        "{part} environment variable {name} is not used: {expected} was expected",
        name=name,
        expected=expected,
        part=part,
    )
