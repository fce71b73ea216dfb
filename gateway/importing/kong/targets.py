"""Kong's services and upstreams as upstreams of ours.

A service of Kong's says how it is spoken to and below which path, an upstream of Kong's has the addresses: one of ours
has both, so that two services with the same upstream become two.

Tests: `tests/importing/kong/test_targets.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from gateway.config.patterns import backend_url
from gateway.config.problems import Unexpected
from gateway.importing.draft import Data, Draft, Made
from gateway.importing.parts import Part
from gateway.importing.resty_checks import check
from gateway.importing.values import milliseconds, seconds

SCHEMES: Final = {"http": "http", "https": "https", "grpc": "h2c", "grpcs": "https"}
STRATEGIES: Final = {"round-robin": "round_robin", "least-connections": "least_connections", "latency": "least_latency"}
PORTS: Final = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}
TARGET_PORT: Final = 8000
MOST_ATTEMPTS: Final = 10
WITHIN: Final = "connections are opened within one time for all, `timeouts.connect`"


@dataclass
class Service:
    """A service of Kong's, read.

    Attributes:
        base: The path that its requests go below, without a slash at its end.
        on_routes: What it says that stands at routes here.
    """

    part: Part
    name: str
    scheme: str
    host: str
    port: int
    base: str
    grpc: bool
    on_routes: Data = field(default_factory=dict)
    made: dict[bool, str] = field(default_factory=dict)


class Targets:
    """Makes upstreams of services as routes ask for them.

    Args:
        upstreams: Those of the source.
        draft: What they are put into.
    """

    def __init__(self, upstreams: list[Part], draft: Draft) -> None:
        self._draft = draft
        self._upstreams = {name: part for part in upstreams if (name := part.text("name"))}
        self._connect: float | None = None

    def service(self, part: Part) -> Service | None:
        """Read a service; None, and it is listed, where nothing of ours can ask it."""
        draft = self._draft
        protocol, host, port, path = _address(part)
        if protocol not in SCHEMES or host is None:
            draft.leave(part, f"the gateway does not speak {protocol} with backends" if host else "it has no host")
            return None
        name = draft.name(part.text("name") or host, "services")
        service = Service(part, name, SCHEMES[protocol], host, port, path.rstrip("/"), protocol.startswith("grpc"))
        try:
            backend_url(f"http://{host}:{port}{service.base}")
        except Unexpected as error:
            draft.leave(part, f"expected {error.expected}, found {host}:{port}{path}")
            return None
        service.on_routes["timeout"] = milliseconds(part, "read_timeout", 60_000)
        retries = part.whole("retries")
        attempts = 5 if retries is None else min(retries, MOST_ATTEMPTS)
        if attempts:
            service.on_routes["retry"] = {"attempts": attempts, "on": ["connect", "refused", "reset"]}
        draft.only(part, "write_timeout", (60_000, part.number("read_timeout")), "there is no time for writing alone")
        self._connects_within(part)
        return service

    def upstream(self, service: Service, *, preserve_host: bool) -> str:
        """Return the name of the upstream of ours for a service, made where it is not there.

        Args:
            service: The service.
            preserve_host: Whether backends see the `Host` that clients send.
        """
        name = service.made.get(preserve_host)
        if name is None:
            name = service.made[preserve_host] = self._draft.name(service.name, "upstreams")
            self._draft.upstreams.append(self._made(name, service, preserve_host=preserve_host))
        return name

    def host_of(self, service: Service) -> str | None:
        """Return what backends see as `Host` where a route does not preserve the client's; None: each its own.

        Kong sends the service's host, with its port where that is not the scheme's, or what its upstream says.
        """
        upstream = self._upstreams.get(service.host)
        if upstream is not None:
            return upstream.text("host_header")
        return service.host if service.port in (80, 443) else f"{service.host}:{service.port}"

    def _made(self, name: str, service: Service, *, preserve_host: bool) -> Made:
        data: Data = {"name": name}
        upstream = self._upstreams.get(service.host)
        if upstream is not None:
            self._balance(upstream, data)
            data["backends"] = self._backends(upstream, service)
            if (checks := upstream.get("healthchecks")) is not None:
                self._draft.only(checks, "threshold", 0, "it is a share of weights", "use `panic_threshold`")
                check(checks, data, self._draft)
        else:
            data["backends"] = [{"url": _url(service.scheme, service.host, service.port, service.base)}]
        if not preserve_host:
            named = None if upstream is None else upstream.text("host_header")
            data["host_header"] = named or "backend"
        elif upstream is not None:
            upstream.text("host_header")
        if service.grpc and service.scheme == "https":
            data["protocol"] = "http2"
        self._tls(service, data)
        tags = ", ".join([*service.part.texts("tags"), *([] if upstream is None else upstream.texts("tags"))])
        return Made(data, service.part.place, f"tags: {tags}" if tags else "")

    def _tls(self, service: Service, data: Data) -> None:
        verify = service.part.flag("tls_verify")
        if service.scheme != "https":
            return
        if verify is False:
            data["tls"] = {"verify": False}
        elif verify is None:
            self._draft.remark(
                "Certificates of https backends are verified here; in Kong only with `tls_verify: true`."
            )

    def _backends(self, upstream: Part, service: Service) -> list[Data]:
        found: list[Data] = []
        weights = set()
        for target in upstream.each("targets"):
            self._draft.pass_over(target, "id", "created_at", "updated_at", "tags")
            address = target.text("target") or ""
            host, port = _split(address, TARGET_PORT)
            weight = target.whole("weight")
            weight = 100 if weight is None else weight
            weights.add(weight)
            found.append({"url": _url(service.scheme, host, port, service.base), "weight": weight})
        if len(weights) == 1:  # the same for each is none
            found = [{"url": one["url"]} for one in found]
        return found

    def _balance(self, upstream: Part, data: Data) -> None:
        draft = self._draft
        draft.pass_over(upstream, "id", "created_at", "updated_at", "slots")
        algorithm = upstream.text("algorithm") or "round-robin"
        hash_on = upstream.text("hash_on") or "none"
        if algorithm in STRATEGIES and hash_on == "none":
            if algorithm != "round-robin":
                data["strategy"] = STRATEGIES[algorithm]
            return
        by = {"ip": "ip", "path": "path", "consumer": "claim:sub"}.get(hash_on)
        if hash_on in ("header", "cookie"):
            by = f"{hash_on}:{upstream.text(f'hash_on_{hash_on}') or ''}"
            draft.only(upstream, "hash_on_cookie_path", "/", "cookies that are hashed are not set here")
        if by is None or by.endswith(":"):
            where = upstream.get("hash_on") or upstream.get("algorithm") or upstream
            draft.leave(where, f"the gateway does not hash {hash_on}", "choose another `hash_on`")
            return
        draft.only(upstream, "hash_fallback", "none", "what cannot be hashed goes where the next turn is")
        data |= {"strategy": "consistent_hash", "hash_on": by}

    def _connects_within(self, part: Part) -> None:
        connect = part.number("connect_timeout")
        where = part.get("connect_timeout")
        if connect is None or where is None:
            return
        if self._connect is None:
            self._connect = connect
            self._draft.section("timeouts")["connect"] = seconds(connect / 1000)
        elif self._connect != connect:
            self._draft.leave(where, WITHIN, f"that of the first service was taken, {self._connect / 1000:g}s")


def _address(part: Part) -> tuple[str, str | None, int, str]:
    """Return protocol, host, port and path of a service, which may be written as one URL."""
    url = part.text("url")
    if url is not None:
        try:
            found = urlsplit(url)
            port = found.port or PORTS.get(found.scheme, 80)
        except ValueError:
            return "", None, 0, ""
        return found.scheme, found.hostname, port, found.path
    protocol = part.text("protocol") or "http"
    port = part.whole("port") or 80
    return protocol, part.text("host"), port, part.text("path") or ""


def _split(address: str, port: int) -> tuple[str, int]:
    host, colon, written = address.rpartition(":")
    if not colon or not written.isdecimal():
        return address, port
    return host, int(written)


def _url(scheme: str, host: str, port: int, base: str) -> str:
    bare = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{bare}:{port}{base}"
