"""Clusters of Envoy as upstreams.

Of `gateway.importing.envoy`. A cluster becomes an upstream for each `Host` that routes ask it with.

Tests: `tests/importing/envoy/test_kind.py::test_clusters`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.importing.draft import Data, Draft, Made
from gateway.importing.parts import Part
from gateway.importing.values import seconds

_STRATEGIES: Final[dict[str, str | None]] = {
    "ROUND_ROBIN": None,
    "LEAST_REQUEST": "least_connections",
    "RANDOM": "random",
    "RING_HASH": "consistent_hash",
    "MAGLEV": "consistent_hash",
}
_HTTP2: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


@dataclass
class Clusters:
    """The clusters of a file, each made into an upstream when a route names it.

    Attributes:
        parts: By name.
    """

    draft: Draft
    parts: dict[str, Part]
    _made: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def upstream(self, name: str, host: str = "client", hash_on: str = "") -> str | None:
        """Return the name of the upstream for a cluster; None where there is no such cluster.

        Args:
            name: The cluster.
            host: As `host_header` of an upstream has it.
            hash_on: What the route says about the choice of a backend; empty for nothing.
        """
        part = self.parts.get(name)
        if part is None:
            return None
        shape = (name, host, hash_on)
        if shape not in self._made:
            data = {"name": self.draft.name(name, "upstreams"), **self._keys(part, hash_on)}
            if host != "client":
                data["host_header"] = host
            self.draft.upstreams.append(Made(data, part.place))
            self._made[shape] = data["name"]
        return self._made[shape]

    def list_unused(self) -> None:
        """List the clusters that no route goes to."""
        used = {name for name, _, _ in self._made}
        for name, part in self.parts.items():
            if name not in used:
                self.draft.leave(part, "no route goes to it")

    def _keys(self, part: Part, hash_on: str) -> Data:
        found: Data = {}
        policy = part.text("lb_policy") or "ROUND_ROBIN"
        if policy not in _STRATEGIES:
            said = part.get("lb_policy") or part
            self.draft.leave(said, f"lb_policy {policy} has no counterpart: backends take turns", "see `strategy`")
        elif (strategy := _STRATEGIES[policy]) is not None:
            found["strategy"] = strategy
            if strategy == "consistent_hash" and hash_on:
                found["hash_on"] = hash_on
        self.draft.pass_over(part, "dns_lookup_family", "respect_dns_ttl", "dns_refresh_rate", "alt_stat_name")
        kind = part.text("type") or "STATIC"
        if kind not in ("STATIC", "STRICT_DNS", "LOGICAL_DNS"):
            said = part.get("type") or part
            self.draft.leave(said, f"members of type {kind} are found by somebody else", "see `discovery`")
        self.draft.pass_over(part.get("load_assignment") or part, "cluster_name")
        tls, http2 = self._tls(part), self._speaks_http2(part)
        scheme = "https" if tls is not None else "h2c" if http2 else "http"
        found["backends"] = [self._backend(one, priority, scheme) for one, priority in _endpoints(part)]
        if http2 and tls is not None:
            found["protocol"] = "http2"
        if tls:
            found["tls"] = tls
        found |= self._health(part)
        found |= self._thresholds(part)
        if (connect := duration(part, "connect_timeout")) is not None:
            known = self.draft.section("timeouts").setdefault("connect", connect)
            if known != connect:
                why = f"`timeouts.connect` holds for the whole gateway: {known}"
                self.draft.leave(part.get("connect_timeout") or part, why)
        return found

    def _backend(self, one: Part, priority: int, scheme: str) -> Data:
        self.draft.pass_over(one, "health_status", "metadata")
        address = one.get("endpoint", "address")
        url = ""
        if address is not None and (pipe := address.text("pipe", "path")) is not None:
            url = f"unix:{pipe}"
        elif address is not None:
            host, port = address.text("socket_address", "address"), address.whole("socket_address", "port_value")
            self.draft.pass_over(address.get("socket_address") or address, "protocol")
            url = f"{scheme}://{f'[{host}]' if ':' in (host or '') else host}:{port}"
        found: Data = {"url": url}
        if (weight := one.whole("load_balancing_weight")) is not None:
            found["weight"] = weight
        if priority:
            found["backup"] = True
        return found

    def _tls(self, part: Part) -> Data | None:
        context = part.get("transport_socket", "typed_config")
        if context is None:
            return None
        self.draft.pass_over(part.get("transport_socket") or part, "name")
        context.text("@type")
        found: Data = {}
        if (name := context.text("sni")) is not None:
            found["server_name"] = name
        common = context.get("common_tls_context")
        authority = None if common is None else common.text("validation_context", "trusted_ca", "filename")
        if authority is not None:
            found["ca"] = authority
        else:
            why = "Envoy takes any certificate from this cluster; here it is verified"
            self.draft.leave(context.get("common_tls_context") or context, why, "see `tls.ca`")
        for pair in [] if common is None else common.each("tls_certificates"):
            if (chain := pair.text("certificate_chain", "filename")) and (key := pair.text("private_key", "filename")):
                found |= {"client_cert": chain, "client_key": key}
        return found

    def _speaks_http2(self, part: Part) -> bool:
        options = part.get("typed_extension_protocol_options", _HTTP2)
        if part.get("http2_protocol_options") is not None:
            self.draft.pass_over(part, "http2_protocol_options")
            return True
        if options is None:
            return False
        options.text("@type")
        explicit = options.get("explicit_http_config")
        self.draft.pass_over(options, "explicit_http_config")
        return explicit is not None and "http2_protocol_options" in explicit.names()

    def _health(self, part: Part) -> Data:
        found: Data = {}
        for number, check in enumerate(part.each("health_checks")):
            if number:
                self.draft.leave(check, "an upstream has one check")
            else:
                found["health_check"] = self._check(check)
        if (outlier := part.get("outlier_detection")) is not None:
            ejection: Data = {"failures": outlier.whole("consecutive_5xx") or 5}
            ejection["eject"] = duration(outlier, "base_ejection_time") or "30s"
            percent = outlier.number("max_ejection_percent")
            ejection["max_ejected_percent"] = 10 if percent is None else percent
            self.draft.pass_over(outlier, "interval")
            found["passive_health"] = ejection
        return found

    def _check(self, check: Part) -> Data:
        keys: Data = {}
        if (http := check.get("http_health_check")) is not None:
            keys["path"] = http.text("path") or "/"
            if (host := http.text("host")) is not None:
                keys["headers"] = {"Host": host}
            ranges = [(one.whole("start"), one.whole("end")) for one in http.each("expected_statuses")]
            # The end of a range of Envoy's is not in it.
            statuses = [f"{start}-{end - 1}" for start, end in ranges if start is not None and end is not None]
            keys["expected_status"] = statuses or [200]
        elif (grpc := check.get("grpc_health_check")) is not None:
            keys["type"] = "grpc"
            if (service := grpc.text("service_name")) is not None:
                keys["service"] = service
            self.draft.pass_over(check, "grpc_health_check")
        else:
            keys["type"] = "tcp"
            self.draft.pass_over(check, "tcp_health_check")
        for key in ("interval", "timeout"):
            if (time := duration(check, key)) is not None:
                keys[key] = time
        for key in ("unhealthy_threshold", "healthy_threshold"):
            if (count := check.whole(key)) is not None:
                keys[key] = count
        return keys

    def _thresholds(self, part: Part) -> Data:
        pool: Data = {}
        found: Data = {}
        for one in part.each("circuit_breakers", "thresholds"):
            if (one.text("priority") or "DEFAULT") != "DEFAULT":
                self.draft.leave(one, "exchanges of all priorities share one bound")
                continue
            for key, ours in (("max_connections", "max_connections"), ("max_pending_requests", "max_pending")):
                if (count := one.whole(key)) is not None:
                    pool[ours] = count
            if (count := one.whole("max_requests")) is not None:
                found["in_flight"] = count
            if (most := one.get("max_retries")) is not None:
                self.draft.leave(most, "attempts are bounded for a route", "see `retry.budget`")
        return {**found, "pool": pool} if pool else found


def _endpoints(part: Part) -> Iterator[tuple[Part, int]]:
    """Yield the members of a cluster, each with its priority."""
    for locality in part.each("load_assignment", "endpoints"):
        priority = locality.whole("priority") or 0
        for one in locality.each("lb_endpoints"):
            yield one, priority


def duration(part: Part, key: str) -> str | None:
    """Return a time of Envoy, which is a number of seconds with `s` behind it, as ours; None where there is none."""
    written = part.text(key)
    if written is None or not written.endswith("s"):
        return None
    try:
        return seconds(float(written[:-1]))
    except ValueError:
        return None
