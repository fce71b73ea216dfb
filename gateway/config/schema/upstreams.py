"""Upstreams: named groups of interchangeable backends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from hyperlink import URL
from pydantic import Field, model_validator

from gateway.config.schema.admission import AdaptiveConcurrency, Queue
from gateway.config.schema.base import Section, expected
from gateway.config.schema.discovery import Discovery
from gateway.config.schema.resilience import CircuitBreaker, HealthCheck, PassiveHealth
from gateway.config.schema.shared import Shared
from gateway.config.schema.sticky import Sticky
from gateway.config.schema.types import (
    CLAIM_NAME,
    BackendURL,
    Count,
    Duration,
    File,
    Flag,
    HostHeader,
    Name,
    Positive,
    Ratio,
    ServerName,
    Timeout,
    form,
    integer,
)
from gateway.http.hosts import bare_host

_PORTS = {"http": 80, "https": 443, "h2c": 80}

Version = Literal["auto", "http1", "http2"]

Strategy = Literal[
    "round_robin",
    "weighted_round_robin",
    "least_connections",
    "least_latency",
    "ip_hash",
    "consistent_hash",
    "random",
]


class Backend(Section):
    """One origin server."""

    url: BackendURL = Field(
        description="http://, https:// or h2c:// (HTTP/2 by prior knowledge), host and port; or unix: and the path of "
        "a socket. A path (of a socket after a colon) is the base that requests go below. "
        "Names are resolved again as they expire."
    )
    weight: Annotated[int, integer(0, 1_000_000)] = Field(
        default=1, description="Share of the traffic, for every strategy but `ip_hash`; 0 for none."
    )
    backup: Flag = Field(
        default=False, description="Whether it is asked only when no other may be tried, or all others were."
    )

    @property
    def scheme(self) -> str:
        return self.url.partition(":")[0]

    @property
    def socket(self) -> str | None:
        """The path of its UNIX socket; None for one with a host."""
        return self.url[5:].partition(":/")[0] if self.scheme == "unix" else None

    @property
    def host(self) -> str:
        """Name or address, an IPv6 address without its brackets; the path of its socket where it has none."""
        return self.socket or URL.from_text(self.url).host

    @property
    def port(self) -> int:
        """The port, that of the scheme where none is written; 0 where it has none."""
        return 0 if self.socket else URL.from_text(self.url).port or _PORTS[self.scheme]

    @property
    def authority(self) -> bytes:
        """Host and port as `Host` has them: without the port of the scheme. At a socket it is `localhost`."""
        return b"localhost" if self.socket else URL.from_text(self.url).authority().encode()

    @property
    def base(self) -> str:
        """The path that everything is asked for below, without a slash at its end; empty for none."""
        if self.socket:
            _, slash, path = self.url[5:].partition(":/")
            return slash[1:] + path
        _, slash, path = self.url.partition("://")[2].partition("/")
        return slash + path


class Pool(Section):
    """Connections to one backend."""

    max_idle: Count = Field(
        default=100,
        description="Connections to one backend that are kept open while unused, for `idle_timeout`; more of them are "
        "kept for 5 seconds, so that bursts are not dialled for each time. 0: none is kept.",
    )
    max_connections: Positive = Field(
        default=1024,
        description="Connections to one backend that are open at most; one that waits for its client does not count.",
    )
    idle_timeout: Timeout = Field(default=60.0, description="An idle connection is closed after this.")
    max_age: Duration = Field(
        default=0.0,
        description="A connection is not used again from then on, or up to a tenth earlier, so that they do not all go "
        "at once; what is under way is completed. 0: no bound.",
    )
    max_pending: Count = Field(default=1000, description="Exchanges that may wait for a connection; past it 503.")
    queue_timeout: Timeout = Field(default=5.0, description="Longest wait for a connection; past it 503.")
    max_streams: Annotated[int, integer(1, 1000)] = Field(
        default=100,
        description="Exchanges at once on one HTTP/2 connection, at most as many as the backend takes; past it another "
        "connection is opened.",
    )


class BackendTLS(Section):
    """How https:// backends are met."""

    ca: File | None = Field(default=None, description="PEM file of authorities to trust; absent: the system's.")
    server_name: ServerName | None = Field(
        default=None,
        description="Name to ask for (SNI) and to verify; absent: `host_header` where that is a name, else the URL's.",
    )
    client_cert: File | None = Field(default=None, description="PEM file with the certificate (chain) to show.")
    client_key: File | None = Field(default=None, description="PEM file with its key; absent: it is in `client_cert`.")
    verify: Flag = Field(default=True, description="Whether the backend's certificate is verified. False is for tests.")


class OwnKeys(Section):
    """What each upstream says for itself."""

    name: Name = Field(description="What routes call it; a label in metrics.")
    backends: tuple[Backend, ...] = Field(
        default=(),
        description="The backends; with none, every exchange gets 503. It must be there where `discovery` is not.",
    )
    discovery: Discovery | None = Field(
        default=None, description="Where further backends are found while the gateway runs. Absent: nowhere."
    )


class SharedUpstream(Shared):
    """Keys of `upstreams[]` but for those of `OwnKeys`, for every upstream that does not say otherwise."""

    own_keys: ClassVar[tuple[str, ...]] = tuple(OwnKeys.model_fields)
    listed_at: ClassVar[str] = "upstreams[]"
    # Off is not absent: then the breaker at top level is not for it either.
    nullable: ClassVar[frozenset[str]] = frozenset({"circuit_breaker"})
    other_names: ClassVar[Mapping[str, str]] = {"key": "hash_on"}

    strategy: Strategy = Field(default="round_robin", description="How a backend is picked.")
    hash_on: Annotated[
        str,
        form(
            rf"ip|path|(header|cookie):[!#$%&'*+.^_`|~0-9A-Za-z-]+|claim:{CLAIM_NAME}",
            "`ip`, `path`, `header:NAME`, `cookie:NAME` or `claim:NAME`",
        ),
    ] = Field(
        default="ip",
        description="What `consistent_hash` goes by: `ip`, `header:NAME`, `cookie:NAME`, `claim:NAME` or `path`.",
    )
    sticky: Sticky | None = Field(
        default=None, description="A cookie that keeps a client at its backend. Absent: none; `{}`: with its defaults."
    )
    health_check: HealthCheck | None = Field(default=None, description="Active checks. Absent: none.")
    passive_health: PassiveHealth | None = Field(default=None, description="Ejection by real failures. Absent: off.")
    slow_start: Duration = Field(default=0.0, description="A recovered backend's share grows to full over this time.")
    panic_threshold: Ratio = Field(
        default=0.5,
        description="Share of the backends that must be left; with fewer, those ejected by `passive_health` are used.",
    )
    circuit_breaker: CircuitBreaker | None = Field(
        default=None, description="Absent: as at top level, else off; `{}`: on with its defaults."
    )
    in_flight: Count = Field(
        default=0, description="Exchanges at once, of all routes together, 0 for no limit; past it 503."
    )
    adaptive_concurrency: AdaptiveConcurrency | None = Field(
        default=None, description="A limit on exchanges at once that follows the time they take. Absent: off."
    )
    queue: Queue | None = Field(
        default=None,
        description="Before `in_flight` and `adaptive_concurrency`. Absent: nobody waits; `{}`: on with its defaults.",
    )
    pool: Pool = Field(default=Pool.unwritten(), description="Connections, for each backend.")
    host_header: HostHeader = Field(
        default="client",
        description="What a backend sees as Host: the `client`'s, its own (`backend`: host and port of its URL), or "
        "this name, with a port where it has one. Health checks send the same.",
    )
    rewrite_responses: Flag = Field(
        default=False,
        description="Whether `Location`, `Content-Location` and the `Domain` and `Path` of cookies that name the "
        "backend are rewritten to what the client asked.",
    )
    proxy_protocol: Literal["v1", "v2"] | None = Field(
        default=None,
        description="The PROXY header that connections to its backends begin with, before TLS, version 1 or 2: a "
        "connection is for the clients of one address then. Absent: none.",
    )
    protocol: Version = Field(
        default="auto",
        description="What is spoken with backends: `http1`, `http2` (on http:// and at sockets by prior knowledge), or "
        "`auto`: on https:// what the handshake agrees on (ALPN), on h2c:// HTTP/2, else HTTP/1.1.",
    )
    tls: BackendTLS = Field(default=BackendTLS.unwritten(), description="For https:// backends.")


class Upstream(SharedUpstream, OwnKeys):
    """A named group of backends."""

    listed_at: ClassVar[str] = ""

    @model_validator(mode="after")
    def _has_backends(self) -> Upstream:
        if self.discovery is None and "backends" not in self.model_fields_set:
            raise expected("`backends` or `discovery` (`backends: []` for an upstream without any)", "neither")
        return self

    @model_validator(mode="after")
    def _checks_have_ports(self) -> Upstream:
        if self.health_check is not None and self.health_check.port is not None:
            for backend in self.backends:
                if backend.socket is not None:
                    raise expected("a `health_check` without `port` for a backend at a socket", f'"{backend.url}"')
        return self

    @model_validator(mode="after")
    def _speaks_what_the_url_says(self) -> Upstream:
        for backend in self.backends:
            words = self.refuses(backend)
            if words:
                raise expected(words, f'"{backend.url}"')
        if self.discovery is not None and not self.discovery.urls_of_their_own:
            words = self.refuses(Backend(url=f"{self.discovery.scheme}://discovered"))
            if words:
                raise expected(words, f"`scheme: {self.discovery.scheme}` of `discovery`")
        return self

    def refuses(self, backend: Backend) -> str:
        """Say what would be needed in place of this backend; empty where it can be asked."""
        if self.protocol == "http1" and backend.scheme == "h2c":
            return "`protocol: http2` or `auto` for a backend at h2c://"
        checked = self.health_check is not None and self.health_check.type == "http"
        if checked and self.known_to_speak_http2(backend):
            return (
                "a `health_check` of type `grpc`, `tcp` or `script` for a backend that speaks HTTP/2 in the clear, "
                "since `http` asks by HTTP/1.1"
            )
        return ""

    @property
    def schemes(self) -> frozenset[str]:
        """The schemes that its backends have, or may be found with."""
        found = {backend.scheme for backend in self.backends}
        if self.discovery is not None:
            found |= {"http", "https", "h2c"} if self.discovery.urls_of_their_own else {self.discovery.scheme}
        return frozenset(found)

    @property
    def may_take_calls(self) -> bool:
        """Whether HTTP/2 may be spoken with one of its backends, those included that are yet to be found."""
        schemes, chosen = self.schemes, self.protocol
        in_the_clear = bool(schemes - {"https"}) if chosen == "http2" else "h2c" in schemes
        return in_the_clear or ("https" in schemes and chosen != "http1")

    @property
    def below_a_base(self) -> bool:
        """Whether a backend has a base path, or may be found with one."""
        found = self.discovery is not None and self.discovery.urls_of_their_own
        return found or any(backend.base for backend in self.backends)

    @property
    def of_members(self) -> Upstream:
        """Return what holds for members that are found: a certificate has the name whose addresses they are."""
        found = self.discovery
        named = self.tls.server_name is not None or self.host_header not in ("client", "backend")
        if found is None or found.type != "dns" or found.name is None or named:
            return self
        return self.model_copy(
            update={"tls": self.tls.model_copy(update={"server_name": found.name.removesuffix(".")})}
        )

    def known_to_speak_http2(self, backend: Backend) -> bool:
        """Whether HTTP/2 is spoken with a backend by prior knowledge."""
        return backend.scheme == "h2c" or (self.protocol == "http2" and backend.scheme != "https")

    def may_speak_http2(self, backend: Backend) -> bool:
        """Whether HTTP/2 may be spoken with a backend: by prior knowledge, or if the handshake agrees on it."""
        return self.known_to_speak_http2(backend) or (backend.scheme == "https" and self.protocol != "http1")

    def host_sent(self, backend: Backend) -> bytes | None:
        """Return what a backend sees as Host; None for what the client has sent."""
        if self.host_header == "client":
            return None
        return backend.authority if self.host_header == "backend" else self.host_header.encode()

    @property
    def tls_of_backends(self) -> BackendTLS:
        """How https:// backends are met: where `host_header` is a name, that name is asked for and verified too."""
        if self.tls.server_name is not None or self.host_header in ("client", "backend"):
            return self.tls
        name = bare_host(self.host_header.encode()).decode().strip("[]")
        return self.tls.model_copy(update={"server_name": name})
