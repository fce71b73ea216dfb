"""The static resources of an Envoy as a draft: listeners with the virtual hosts of their connection managers.

The kind `envoy` of `gateway.importing.kinds`.

Tests: `tests/importing/envoy/test_kind.py::test_addresses`.
"""

from __future__ import annotations

from typing import Final

from gateway.config.problems import ConfigError, Problem
from gateway.importing.closing import MAY_PROTECT, NOT_NEEDED, OPEN_AGAIN
from gateway.importing.draft import Data, Draft, Hint, Made
from gateway.importing.envoy.actions import SILENCE
from gateway.importing.envoy.clusters import Clusters
from gateway.importing.envoy.filters import filters
from gateway.importing.envoy.virtual_hosts import Hosts
from gateway.importing.parts import Part

REMARKS: Final = (
    "A prefix compares characters in Envoy: /orders is for /ordersX, and /orders/ not for /orders; here segments.",
    "Backends get no X-Envoy fields; X-Forwarded-For, -Proto and -Host, X-Real-IP and Via say who calls.",
    "Redirects have no fields of `response_headers_to_add`.",
    "Slashes in a row are one slash where a prefix of a path is replaced.",
    "What a client says of itself counts from `trusted_proxies` only, however many hops Envoy trusts.",
)

_MANAGER: Final = "HttpConnectionManager"
_BY_NAME: Final = frozenset({"server_names", "transport_protocol", "application_protocols", "destination_port"})
"""Conditions of a chain that any caller meets who wants to."""

HINTS: Final = {
    "dynamic_resources": Hint("nothing is asked of a control plane", "see discovery, and the admin API"),
    "layered_runtime": Hint("there is no runtime to override"),
    "admin": Hint("the admin port has paths of its own", "see `admin.endpoint`"),
    "stats_sinks": Hint("metrics are at /metrics of the admin port", "see `metrics.statsd`"),
    "tracing": Hint("see `tracing`"),
    "access_log": Hint("there is one access log", "see `access_log`"),
    "listener_filters": Hint("see `proxy_protocol` of listeners"),
    "typed_per_filter_config": Hint("what filters do otherwise for a route is not read", "write it at the route"),
    "cors": Hint("pages of other origins are let in by `cors`", "write it at the route"),
    "rate_limits": Hint("limits of a service are not asked", "see `rate_limit`"),
    "lua": Hint("programs of Envoy do not run here", "see the guide on plugins"),
    "load_balancing_policy": Hint("see `strategy`"),
    "include_request_attempt_count": Hint("backends are not told which attempt it is"),
    "xff_num_trusted_hops": Hint("see `trusted_proxies`"),
    "require_tls": Hint("write a route with `redirect: {scheme: https}` on the listener without TLS"),
}

_PASSED: Final = (
    *("stat_prefix", "codec_type", "generate_request_id", "http_protocol_options", "http2_protocol_options"),
    *("use_remote_address", "server_name", "normalize_path", "merge_slashes", "path_with_escaped_slashes_action"),
    *("strip_matching_host_port", "server_header_transformation", "common_http_protocol_options", "upgrade_configs"),
    *("stream_idle_timeout", "always_set_request_id_in_response", "preserve_external_request_id"),
)


def fill(source: Part, draft: Draft) -> None:
    """Put what a bootstrap of Envoy's says into a draft.

    Raises:
        ConfigError: There are no static listeners in it.
    """
    listeners = source.each("static_resources", "listeners")
    if not listeners:
        raise ConfigError([Problem(*source.place, "", "expected `static_resources.listeners`, found none")])
    for sentence in REMARKS:
        draft.remark(sentence)
    draft.pass_over(source, "node")
    draft.section("defaults", "route")["timeout"] = SILENCE
    clusters = Clusters(draft, {one.text("name") or "": one for one in source.each("static_resources", "clusters")})
    made: list[Made] = []
    for number, listener in enumerate(listeners, 1):
        name = draft.name(listener.text("name") or f"listener-{number}", "listeners")
        _listener(name, listener, len(listeners) > 1, clusters, draft, made)
    draft.top["listeners"] = made
    clusters.list_unused()


def _listener(name: str, part: Part, several: bool, clusters: Clusters, draft: Draft, made: list[Made]) -> None:
    address = part.get("address", "socket_address")
    host = "" if address is None else address.text("address") or ""
    port = None if address is None else address.whole("port_value")
    if address is not None:
        draft.pass_over(address, "protocol")
    draft.pass_over(part, "traffic_direction", "per_connection_buffer_limit_bytes")
    if port is None:
        draft.leave(part, "it has no port")
        return
    endpoint = f"tcp:{port}"
    for number, chain in enumerate(part.each("filter_chains")):
        if number:
            draft.leave(chain, "a listener has one chain", "see `sni:` endpoints for several certificates")
            continue
        endpoint = _endpoint(chain, host, port, draft)
        draft.pass_over(chain, "name")
        shut = _is_protected(chain, draft)
        for one in chain.each("filters"):
            manager = one.get("typed_config")
            if manager is None or not (manager.text("@type") or "").endswith(_MANAGER):
                continue
            one.text("name")
            draft.pass_over(manager, *_PASSED)
            if (routes := manager.get("route_config")) is None:
                draft.leave(manager, "its routes come from a control plane")
                continue
            found = filters(manager, draft)
            found.closed = found.closed or shut
            Hosts(draft, clusters, found, [name] if several else [], name, bool(endpoint and endpoint[0] == "s")).fill(
                routes
            )
    data: Data = {"name": name, "endpoint": endpoint}
    made.append(Made(data, part.place))


def _is_protected(chain: Part, draft: Draft) -> bool:
    """Whether a chain lets in by what is not carried over: certificates, addresses, or a filter before HTTP."""
    found = False
    socket = chain.get("transport_socket", "typed_config")
    asked = None if socket is None else socket.get("require_client_certificate")
    if asked is not None and asked.data() is not False:
        draft.leave(asked, "the endpoint asks for certificates here: write `clientCA=FILE` into it", OPEN_AGAIN)
        found = True
    chosen = chain.get("filter_chain_match")
    if chosen is not None and not set(chosen.names()) <= _BY_NAME:
        draft.leave(chosen, "listeners are not chosen by that, which may keep callers out", OPEN_AGAIN)
        found = True
    for one in chain.each("filters"):
        kind = one.text("typed_config", "@type") or ""
        if kind.endswith(_MANAGER):
            continue
        draft.leave(one, f"the gateway speaks HTTP only, {MAY_PROTECT}", NOT_NEEDED)
        found = True
    return found


def _endpoint(chain: Part, host: str, port: int, draft: Draft) -> str:
    """Return the endpoint of a listener: with TLS where its chain has certificates in files."""
    interface = "" if host in ("", "0.0.0.0", "::") else ":interface=" + host.replace(":", "\\:")
    kind = "tcp6" if ":" in host else "tcp"
    socket = chain.get("transport_socket")
    if socket is None:
        return f"{kind}:{port}{interface}"
    socket.text("name")
    socket.text("typed_config", "@type")
    for pair in socket.each("typed_config", "common_tls_context", "tls_certificates"):
        certificate, key = pair.text("certificate_chain", "filename"), pair.text("private_key", "filename")
        draft.pass_over(socket.get("typed_config", "common_tls_context") or socket, "alpn_protocols")
        if certificate and key:
            return f"ssl:{port}:privateKey={key}:certKey={certificate}{interface}"
    draft.leave(socket, "certificates are in files here: the listener is without TLS", "write an `ssl:` endpoint")
    return f"{kind}:{port}{interface}"
