"""Services of Traefik as upstreams: servers, weights, mirrors, checks.

Of `gateway.importing.traefik`.

Tests: `tests/importing/traefik/test_kind.py::test_services`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.importing.draft import Data, Draft, Made
from gateway.importing.parts import Part

_STRATEGIES: Final = {
    "wrr": "weighted_round_robin",
    "p2c": "least_latency",
    "hrw": "ip_hash",
    "leasttime": "least_latency",
}


@dataclass
class Services:
    """The services of a file, each made into an upstream when a router names it.

    Attributes:
        parts: By name.
        transports: `serversTransports`, by name.
        hosts: Of each upstream that backends are asked as themselves by: what they see as `Host`.
    """

    draft: Draft
    parts: dict[str, Part]
    transports: dict[str, Part]
    hosts: dict[str, str] = field(default_factory=dict)
    _made: dict[str, Data] = field(default_factory=dict)

    def route_keys(self, name: str, depth: int = 0) -> Data | None:
        """Return `upstream`, and `mirror` where there is one, for a service; None where there is no such service.

        Args:
            name: The service, with or without `@file`.
            depth: How many services it was named by.
        """
        name = name.removesuffix("@file")
        part = self.parts.get(name)
        if part is None or depth > len(self.parts):
            return None
        if name not in self._made:
            found = self._keys(name, part, depth)
            if found is None:
                return None
            self._made[name] = found
        return dict(self._made[name])

    def list_unused(self) -> None:
        """List the services that no router leads to."""
        for name, part in self.parts.items():
            if name not in self._made:
                self.draft.leave(part, "no router leads to it")

    def _keys(self, name: str, part: Part, depth: int) -> Data | None:
        if (balancer := part.get("loadBalancer")) is not None:
            return {"upstream": self._upstream(name, part, balancer)}
        if (weighted := part.get("weighted")) is not None:
            return self._weighted(weighted, depth)
        if (mirroring := part.get("mirroring")) is not None:
            return self._mirroring(mirroring, depth)
        if (failover := part.get("failover")) is not None:
            found = self.route_keys(failover.text("service") or "", depth + 1)
            if (fallback := failover.get("fallback")) is not None:
                self.draft.leave(
                    fallback,
                    "another service takes over only where a breaker is open",
                    "see `circuit_breaker.fallback.upstream`, or `backup: true` of a backend",
                )
            return found
        return None

    def _weighted(self, part: Part, depth: int) -> Data | None:
        members: list[Any] = []
        for one in part.each("services"):
            keys = self.route_keys(one.text("name") or "", depth + 1)
            weight = one.whole("weight")
            if keys is None or not isinstance(keys["upstream"], str):
                self.draft.leave(one, "it leads to no service with servers of its own: its share goes to the others")
            else:
                members.append({"name": keys["upstream"], "weight": 1 if weight is None else weight})
        if (sticky := part.get("sticky")) is not None:
            self.draft.leave(sticky, "who keeps to a share is found by what a request has", "see `split_on`")
        return {"upstream": members} if members else None

    def _mirroring(self, part: Part, depth: int) -> Data | None:
        found = self.route_keys(part.text("service") or "", depth + 1)
        for number, one in enumerate(part.each("mirrors")):
            mirror = self.route_keys(one.text("name") or "", depth + 1)
            if number or found is None or mirror is None or not isinstance(mirror["upstream"], str):
                self.draft.leave(one, "a route has one mirror, which is one upstream")
                continue
            found["mirror"] = {"upstream": mirror["upstream"], "ratio": (one.number("percent") or 0) / 100}
        self.draft.only(part, "mirrorBody", True, "copies have the content of the request")
        return found

    def _upstream(self, name: str, part: Part, balancer: Part) -> str:
        data: Data = {"name": self.draft.name(name, "upstreams"), "backends": []}
        weighted = False
        for server in balancer.each("servers"):
            backend = self._backend(server)
            weighted = weighted or "weight" in backend
            data["backends"].append(backend)
        strategy = _STRATEGIES.get(balancer.text("strategy") or "wrr")
        if strategy is None:
            self.draft.leave(balancer.get("strategy") or balancer, "a strategy that is not known here")
        elif strategy != "weighted_round_robin" or weighted:
            data["strategy"] = strategy
        if balancer.flag("passHostHeader") is False:
            data["host_header"] = "backend"
            self.hosts[data["name"]] = urlsplit(data["backends"][0]["url"]).netloc if data["backends"] else ""
        if (cookie := balancer.get("sticky", "cookie")) is not None:
            data["sticky"] = self._sticky(cookie)
        if (check := balancer.get("healthCheck")) is not None:
            data["health_check"] = self._check(check)
        self.draft.pass_over(balancer, "responseForwarding")
        if (transport := balancer.text("serversTransport")) is not None:
            self._transport(transport.removesuffix("@file"), balancer, data)
        self.draft.upstreams.append(Made(data, part.place))
        return str(data["name"])

    def _backend(self, server: Part) -> Data:
        written = server.text("url") or ""
        parts = urlsplit(written)
        keeps = server.flag("preservePath") is True
        if parts.path not in ("", "/") and not keeps:
            self.draft.leave(server, "Traefik asks for no path of a server's URL, and so it is left out")
        url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') if keeps else ''}"
        weight = server.whole("weight")
        return {"url": url} if weight is None else {"url": url, "weight": weight}

    def _sticky(self, cookie: Part) -> Data:
        found: Data = {"cookie": cookie.text("name") or "gw_backend", "secure": cookie.flag("secure") is True}
        same = (cookie.text("sameSite") or "").lower()
        if same in ("lax", "strict", "none"):
            found["same_site"] = same
        if (age := cookie.whole("maxAge")) is not None and age > 0:
            found["ttl"] = f"{age}s"
        self.draft.only(cookie, "httpOnly", True, "the cookie is for no script")
        if found.get("same_site") == "none" and not found["secure"]:
            self.draft.leave(cookie, "browsers refuse `sameSite: none` without `secure`: here it is secure")
            found["secure"] = True
        return found

    def _check(self, check: Part) -> Data:
        found: Data = {"path": check.text("path") or "/", "interval": duration(check, "interval", "30s")}
        found["timeout"] = duration(check, "timeout", "5s")
        # One answer ejects a server of Traefik's, and one takes it back.
        found |= {"unhealthy_threshold": 1, "healthy_threshold": 1}
        if (port := check.whole("port")) is not None:
            found["port"] = port
        headers = {key: value.text() or "" for key, value in check.entries("headers")}
        if (name := check.text("hostname")) is not None:
            headers["Host"] = name
        if headers:
            found["headers"] = headers
        if (status := check.whole("status")) is not None:
            found["expected_status"] = [status]
        if (check.text("mode") or "http") == "grpc":
            found = {**found, "type": "grpc"}
            del found["path"]
        self.draft.pass_over(check, "followRedirects", "scheme")
        return found

    def _transport(self, name: str, at: Part, data: Data) -> None:
        part = self.transports.get(name)
        if part is None:
            self.draft.leave(at.get("serversTransport") or at, f"there is no serversTransport {name} in this file")
            return
        tls: Data = {}
        if part.flag("insecureSkipVerify"):
            tls["verify"] = False
        if (server_name := part.text("serverName")) is not None:
            tls["server_name"] = server_name
        authorities = part.texts("rootCAs")
        if authorities:
            tls["ca"] = authorities[0]
        for number, pair in enumerate(part.each("certificates")):
            if number:
                self.draft.leave(pair, "one certificate is shown to the backends of an upstream")
                continue
            tls |= {"client_cert": pair.text("certFile") or "", "client_key": pair.text("keyFile") or ""}
        if tls:
            data["tls"] = tls
        if (idle := part.whole("maxIdleConnsPerHost")) is not None and idle >= 0:
            data["pool"] = {"max_idle": idle}


def duration(part: Part, key: str, otherwise: str) -> str:
    """Return a time of Traefik, which is a number of seconds or a text such as `1m30s`, as ours."""
    written = part.text(key)
    if written is None:
        return otherwise
    if written.isdecimal():
        return f"{written}s"
    from gateway.importing.nginx.values import duration as of_units

    try:
        return of_units(written)
    except ValueError:
        return otherwise
