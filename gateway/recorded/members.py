"""How the logs of each gateway call what a `Recorded` has: tables from a name in the log to a fact of ours.

Facts are: `begin` and `end` (moments), `method`, `target` (path, perhaps with its query), `query`, `request` (the whole
request line), `scheme`, `tls`, `host`, `client`, `status`, `seconds`, `milliseconds`, `nanoseconds`, `user`, `route`,
`upstream`, `backend`, `upstream seconds`, `upstream milliseconds`, `reason`, and `field NAME` for a field of the
request.

Tests: `tests/recorded/test_forms.py::test_a_template_of_the_configuration_is_tried`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.config.records import ECS, HEADER_FIELD, RECORD_FIELDS

FIELD: Final = "field "
"""What the fact of a header field begins with."""

OURS: Final[Mapping[str, str]] = {
    "timestamp": "end",
    "clf_time": "end",
    "method": "method",
    "path": "target",
    "query": "query",
    "request_line": "request",
    "scheme": "scheme",
    "host": "host",
    "domain": "host",
    "client_ip": "client",
    "ip": "client",
    "status_code": "status",
    "status": "status",
    "response_time_ms": "milliseconds",
    "duration_ms": "milliseconds",
    "duration_ns": "nanoseconds",
    "user_id": "user",
    "user_agent": "field User-Agent",
    "route": "route",
    "upstream_service": "upstream",
    "backend": "backend",
    "upstream_response_time_ms": "upstream milliseconds",
    "reason": "reason",
}
"""By the names of our fields (`gateway.config.records`)."""


def fact(field: str) -> str | None:
    """Return the fact that a field of ours tells; None for one that a request has no use for."""
    if field.startswith(HEADER_FIELD):
        return FIELD + field.removeprefix(HEADER_FIELD)
    return OURS.get(field)


def told(schema: Mapping[str, str]) -> dict[str, str]:
    """Return what the members of a schema of the access log tell: names in the record, each with its fact."""
    return {name: found for name, field in schema.items() if (found := fact(field)) is not None}


# What ECS has no field for is below `gateway` there. Names of OpenTelemetry's semantic conventions
# (https://opentelemetry.io/docs/specs/semconv/http/) are what a schema of somebody's own is likely to have.
GATEWAY: Final[Mapping[str, str]] = {
    **told({field: field for field in RECORD_FIELDS}),
    **told({f"gateway.{field}": field for field in RECORD_FIELDS}),
    **told(ECS),
    "server.address": "host",
    "network.peer.address": "client",
    "http.route": "route",
    "enduser.id": "user",
}

NGINX: Final[Mapping[str, str]] = {
    # Variables of nginx, by which people mostly call the members too.
    "time_iso8601": "end",
    "time_local": "end",
    "msec": "end",
    "time": "end",
    "timestamp": "end",
    "@timestamp": "end",
    "date": "end",
    "request": "request",
    "request_method": "method",
    "method": "method",
    "request_uri": "target",
    "uri": "target",
    "path": "target",
    "url": "target",
    "args": "query",
    "query_string": "query",
    "query": "query",
    "scheme": "scheme",
    "https": "tls",
    "http_host": "host",
    "host": "host",
    "server_name": "host",
    "vhost": "host",
    "domain": "host",
    "remote_addr": "client",
    "remote_ip": "client",
    "client": "client",
    "client_ip": "client",
    "remote_user": "user",
    "user": "user",
    "status": "status",
    "response_status": "status",
    "request_time": "seconds",
    "response_time": "seconds",
    "upstream_response_time": "upstream seconds",
    "upstream_addr": "backend",
    "upstream": "backend",
    "http_user_agent": "field User-Agent",
    "user_agent": "field User-Agent",
    "agent": "field User-Agent",
    "http_referer": "field Referer",
    "http_referrer": "field Referer",
    "referer": "field Referer",
    "referrer": "field Referer",
}

ENVOY: Final[Mapping[str, str]] = {
    # Command operators of Envoy
    # (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage).
    "START_TIME": "begin",
    "REQ(:METHOD)": "method",
    "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)": "target",
    "REQ(:PATH)": "target",
    "REQ(:AUTHORITY)": "host",
    "REQ(:SCHEME)": "scheme",
    "REQ(USER-AGENT)": "field User-Agent",
    "REQ(REFERER)": "field Referer",
    "RESPONSE_CODE": "status",
    "DURATION": "milliseconds",
    "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)": "upstream milliseconds",
    "UPSTREAM_HOST": "backend",
    "UPSTREAM_CLUSTER": "upstream",
    "UPSTREAM_CLUSTER_RAW": "upstream",
    "ROUTE_NAME": "route",
    "DOWNSTREAM_REMOTE_ADDRESS": "client",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": "client",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": "client",
    # What Envoy Gateway and Istio call them, and most who copied from there.
    "start_time": "begin",
    "method": "method",
    ":method": "method",
    "path": "target",
    ":path": "target",
    "x-envoy-origin-path": "target",
    "x-envoy-original-path": "target",
    "authority": "host",
    ":authority": "host",
    "scheme": "scheme",
    ":scheme": "scheme",
    "user_agent": "field User-Agent",
    "user-agent": "field User-Agent",
    "referer": "field Referer",
    "response_code": "status",
    "duration": "milliseconds",
    "upstream_service_time": "upstream milliseconds",
    "x-envoy-upstream-service-time": "upstream milliseconds",
    "upstream_host": "backend",
    "upstream_cluster": "upstream",
    "route_name": "route",
    "downstream_remote_address": "client",
    "downstream_direct_remote_address": "client",
}

JSON_FORMS: Final[Mapping[str, Mapping[str, str]]] = {"gateway": GATEWAY, "envoy": ENVOY, "nginx": NGINX}
"""Whose logs have objects of JSON, and how their members are called."""

COMMON: Final = '%{client_ip} - %{user_id} [%{clf_time}] "%{request_line}" %{status} %{bytes_sent}'
TEXT_FORMS: Final[Mapping[str, str]] = {
    "combined": COMMON + ' "%{request.headers.Referer}" "%{request.headers.User-Agent}"',
    "common": COMMON,
    "envoy-text": '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
    "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"',
}
"""Lines of text that have a name."""
