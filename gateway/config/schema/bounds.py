"""How long and how much: timeouts and limits of the whole gateway."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.config.patterns import text
from gateway.config.problems import Unexpected
from gateway.config.redis_url import parse_redis_url
from gateway.config.schema.admission import Queue
from gateway.config.schema.base import Section
from gateway.config.schema.types import Count, Duration, Flag, Parsed, Positive, Room, Size, Timeout
from gateway.config.schema.upstreams import BackendTLS


class Timeouts(Section):
    """Times that the gateway gives the parties of an exchange."""

    request: Timeout = Field(default=30.0, description="The whole exchange, as its client sees it; 408 or 504 past it.")
    client_header: Timeout = Field(default=10.0, description="From the first byte to the end of the request head.")
    client_body: Timeout = Field(default=30.0, description="Longest silence while a request body is expected.")
    client_idle: Timeout = Field(default=75.0, description="Keep-alive between two requests.")
    client_max_age: Duration = Field(
        default=0.0,
        description="A client's connection is closed with the first answer from then on, or up to a tenth earlier; "
        "0: no bound.",
    )
    connect: Timeout = Field(default=5.0, description="Until a backend has taken a connection, TLS included.")
    shutdown_delay: Duration = Field(
        default=0.0,
        description="After SIGTERM, until the drain begins: /ready is 503, all is served, answers close connections.",
    )
    shutdown: Duration = Field(default=30.0, description="Longest drain on SIGTERM.")


class Http2Limits(Section):
    """What one connection of HTTP/2 may do; what else can flood it has fixed limits."""

    concurrent_streams: Positive = Field(default=100, description="Requests that a client may have open at once.")
    resets: Positive = Field(
        default=200,
        description="Streams that it may reset, make the gateway reset, or begin in vain (over `concurrent_streams`, "
        "or with a malformed head) within `window`; past it the connection is closed (ENHANCE_YOUR_CALM).",
    )
    window: Timeout = Field(default=30.0, description="See `resets`.")


class Limits(Section):
    """Sizes and numbers past which something is refused."""

    request_header: Room = Field(default=32 * 1024, description="Head of a request; 431 over it.")
    header_fields: Positive = Field(default=200, description="Field lines in one head; 431 over it.")
    request_body: Size = Field(
        default=10 * 1024 * 1024, description="Body of a request; 413 over it. 0 is no limit; a route may set its own."
    )
    request_buffer: Size = Field(
        default=64 * 1024,
        description="A request body of known length up to this is there in full before a backend's connection is "
        "taken; 0: at once. Bodies of unknown length, gRPC, longer ones and what waits for `100 Continue` stream from "
        "the start.",
    )
    response_header: Room = Field(default=64 * 1024, description="Head of a backend's response; 502 over it.")
    connections: Positive = Field(
        default=10_000, description="Client connections held at once; past it new ones wait in the backlog."
    )
    http2: Http2Limits = Field(default=Http2Limits.unwritten(), description="Per connection of HTTP/2.")
    in_flight: Count = Field(default=0, description="Exchanges at once, 0 for no limit; past it 503 with Retry-After.")
    queue: Queue | None = Field(
        default=None, description="Before `in_flight`. Absent: nobody waits; `{}`: on with its defaults."
    )
    loop_lag: Duration = Field(
        default=0.0,
        description="Lateness of the event loop past which exchanges of priority normal get 503; low ones at 75 % of "
        "it, high ones at 150 %. 0: never.",
    )
    memory: Size = Field(
        default=0, description="Resident memory past which they get 503, by priority in the same way. 0: never."
    )


class Forwarded(Section):
    """Which fields tell a backend about the client."""

    x_forwarded: Flag = Field(default=True, description="X-Forwarded-For (appended to), -Proto and -Host.")
    x_real_ip: Flag = Field(default=True, description="X-Real-IP.")
    via: Flag = Field(default=True, description="Via, in both directions.")
    forwarded: Flag = Field(default=False, description="Forwarded, RFC 7239.")
    original_url: Flag = Field(
        default=False,
        description="Whether clients may send X-Original-URL and X-Rewrite-URL, by which some frameworks are told "
        "another path than the one that routes and limits have seen.",
    )


def _redis_url(value: object) -> str:
    written = text(value)
    try:
        parse_redis_url(written)
    except ValueError as error:
        raise Unexpected(str(error)) from None
    return written


RedisURL = Annotated[
    str, Parsed(_redis_url, {"type": "string", "pattern": r"^rediss?(\+sentinel|\+cluster)?://"}, "URL")
]


class Redis(Section):
    """The Redis server; used only by what names it."""

    secret_keys = frozenset({"url"})

    url: RedisURL = Field(
        default="redis://127.0.0.1:6379/0",
        description="redis:// or rediss://, with user, password and database; through sentinels, "
        "redis+sentinel://HOST,HOST/MASTER/0; a cluster by some of its nodes, redis+cluster://HOST,HOST.",
    )
    timeout: Timeout = Field(
        default=0.05, description="Longest wait for an answer; past it the store counts as failed."
    )
    pool: Positive = Field(default=4, description="Connections.")
    tls: BackendTLS | None = Field(default=None, description="How a rediss:// server is met; absent: verified.")
