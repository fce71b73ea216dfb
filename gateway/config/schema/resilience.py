"""What keeps failing backends from hurting: checks, ejection, breakers, retries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from gateway.config.patterns import host_header
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section, expected
from gateway.config.schema.types import (
    Condition,
    Duration,
    Flag,
    HeaderName,
    HeaderValue,
    Name,
    Parsed,
    Percent,
    Positive,
    Ratio,
    RequestPath,
    Size,
    SomeText,
    Status,
    Text,
    Timeout,
    integer,
)
from gateway.http.grpc import RETRIED


class StatusRange(NamedTuple):
    """Status codes from one to another, both included."""

    least: int
    most: int


def _status_range(value: object) -> StatusRange:
    if isinstance(value, int) and not isinstance(value, bool):
        found = StatusRange(value, value)
    elif isinstance(value, str) and (match := re.fullmatch(r"([0-9]{3})(?:-([0-9]{3}))?", value)):
        found = StatusRange(int(match[1]), int(match[2] or match[1]))
    else:
        raise Unexpected("a status such as 204 or a range such as 200-399")
    if not 100 <= found.least <= found.most <= 599:
        raise Unexpected("a status such as 204 or a range such as 200-399")
    return found


def _show_range(found: StatusRange) -> int | str:
    return found.least if found.least == found.most else f"{found.least}-{found.most}"


_FAILURES = ("connect", "refused", "reset", "timeout")
_RETRY_ON = (
    f"{', '.join(f'`{name}`' for name in _FAILURES)}, a status from 400 to 599, "
    f"or an outcome of gRPC ({', '.join(f'`{name}`' for name in RETRIED.values())})"
)


def _retry_on(value: object) -> str | int:
    if isinstance(value, str) and (value in _FAILURES or value in RETRIED.values()):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
        return int(value)
    raise Unexpected(_RETRY_ON)


def _host(value: str) -> str:
    if value.isascii():
        return value
    try:
        return host_header(value)
    except Unexpected:
        raise expected("`Host` to be a host name, with a port where it has one") from None


class HealthCheck(Section):
    """Active checks of each backend."""

    # A check may show credentials, and what it expects may be as secret.
    secret_keys = frozenset({"headers", "command", "expected_headers", "expected_body"})

    type: Literal["http", "tcp", "grpc", "script"] = Field(
        default="http", description="What is tried: a request, a connection, a call of grpc.health.v1, a program."
    )
    path: RequestPath = Field(default="/health", description="What `http` asks for.")
    port: Annotated[int, integer(1, 65_535)] | None = Field(
        default=None, description="Where `http`, `tcp` and `grpc` knock; absent: the backend's port."
    )
    service: Text = Field(default="", description="What `grpc` asks for; empty: the server as a whole.")
    headers: dict[HeaderName, HeaderValue] = Field(default={}, description="Fields that `http` sends, `Host` too.")
    command: tuple[SomeText, ...] = Field(
        default=(), description="The program of `script` and its arguments; 0 is healthy."
    )
    interval: Timeout = Field(default=10.0, description="Between two checks of one backend.")
    timeout: Timeout = Field(default=5.0, description="A check that takes longer has failed.")
    unhealthy_threshold: Positive = Field(default=3, description="Consecutive failures that eject the backend.")
    healthy_threshold: Positive = Field(default=2, description="Consecutive successes that take it back.")
    expected_status: tuple[
        Annotated[StatusRange, Parsed(_status_range, {"type": ["integer", "string"]}, "status or range", _show_range)],
        ...,
    ] = Field(default=(StatusRange(200, 399),), description="Statuses and ranges of them that are healthy.")
    expected_headers: dict[HeaderName, Condition] = Field(
        default={}, description="Fields that the answer must have: equal, `~regex`, or `*` for presence."
    )
    expected_body: Condition = Field(
        default="", description="What must stand in the first 64 KiB of the answer's content: text, or `~regex`."
    )

    @field_validator("headers")
    @classmethod
    def _host_as_in_dns(cls, headers: dict[str, str]) -> dict[str, str]:
        """Write a `Host` as clients do; one that is ASCII may be anything, a check may ask for the odd."""
        return {name: _host(value) if name.lower() == "host" else value for name, value in headers.items()}

    @model_validator(mode="after")
    def _script_has_command(self) -> HealthCheck:
        if self.type == "script" and not self.command:
            raise expected("a `command` for a check of type `script`", "none")
        return self


class PassiveHealth(Section):
    """Ejection of a backend that fails real requests."""

    failures: Positive = Field(default=5, description="Failures within `window` that eject a backend.")
    window: Timeout = Field(default=30.0, description="Over which failures are counted.")
    eject: Timeout = Field(default=30.0, description="How long it is left out.")
    max_ejected_percent: Percent = Field(
        default=50.0,
        description="Most backends of the upstream that may be out at once; all, while a `backup` can take over.",
    )


class ErrorRate(Section):
    """The share of failures that opens a breaker."""

    ratio: Ratio = Field(default=0.5, description="Failures among exchanges.")
    window: Timeout = Field(default=60.0, description="Over which they are counted.")
    min_requests: Positive = Field(default=20, description="With fewer exchanges than this the ratio says nothing.")


class Fallback(Section):
    """What is answered while a breaker is open."""

    status: Status = Field(default=503, description="Status of the answer.")
    body: Text = Field(default="", description="Body of the answer; empty: problem+json.")
    content_type: HeaderValue = Field(default="application/json", description="Its Content-Type.")
    upstream: Name | None = Field(default=None, description="Another upstream, asked in place of this one.")
    cached: Flag = Field(
        default=False,
        description="Answer GET and HEAD with what was the last good answer (a 200 that a shared cache may keep), even "
        "if stale, where there is one; else as the other keys say.",
    )
    max_stale: Duration = Field(
        default=86400.0, description="`cached`: for how long past its freshness, unless the answer says less itself."
    )
    cache_entry: Size = Field(default=2**20, description="`cached`: longest content that is kept.")
    cache_size: Size = Field(default=16 * 2**20, description="`cached`: octets that are kept for each upstream.")


class CircuitBreaker(Section):
    """Stops asking a backend, or an upstream, that keeps failing."""

    other_names: ClassVar[Mapping[str, str]] = {"consecutive_failures": "failure_threshold"}

    failure_threshold: Positive = Field(default=5, description="Consecutive failures of one backend that open it.")
    error_rate: ErrorRate = Field(
        default=ErrorRate.unwritten(), description="Share that opens it: of a backend, and of the whole upstream."
    )
    timeout: Timeout = Field(default=30.0, description="From open to half-open.")
    half_open_requests: Positive = Field(default=1, description="Probes let through while half-open.")
    success_threshold: Positive = Field(default=1, description="Successful probes that close it.")
    close_on: Literal["probe", "health_check", "either"] = Field(
        default="either",
        description="What ends the open state: `probe`, nothing but the timeout; `either`, also a backend's return to "
        "health; `health_check`, that alone, or a successful check once the timeout has passed (without checks, the "
        "timeout).",
    )
    fallback: Fallback = Field(default=Fallback.unwritten(), description="What is answered while it is open.")
    dry_run: Flag = Field(
        default=False,
        description="Open and close it, count, log and tell what it would keep out; nothing is.",
    )

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take `trip: {consecutive_failures, error_rate}`, the grouped way of writing."""
        trip = data.get("trip")
        if not isinstance(trip, dict) or set(trip) - {"consecutive_failures", "error_rate"}:
            return data
        rest = {key: value for key, value in data.items() if key != "trip"}
        if "consecutive_failures" in trip:
            rest.setdefault("failure_threshold", trip["consecutive_failures"])
        if "error_rate" in trip:
            rest.setdefault("error_rate", trip["error_rate"])
        return rest


class Retry(Section):
    """Further attempts after a failed one."""

    attempts: Annotated[int, integer(0, 10)] = Field(default=2, description="Attempts after the first.")
    on: tuple[
        Annotated[
            str | int,
            Parsed(_retry_on, {"type": ["integer", "string"]}, _RETRY_ON),
        ],
        ...,
    ] = Field(
        default=("connect", "refused", "reset", 502, 503, 504),
        description="What is tried again. Of gRPC `unavailable`, `resource-exhausted`, `internal`, `cancelled` and "
        "`deadline-exceeded`, where nothing but the outcome was answered, by a backend or in its "
        "place (`unavailable` where it is not reached or breaks off): naming one says that calls may be made "
        "twice.",
    )
    backoff: Duration = Field(default=0.025, description="Before the second attempt; doubles with each, with jitter.")
    max_backoff: Duration = Field(default=0.25, description="Longest of these waits.")
    budget: Ratio = Field(
        default=0.2, description="Attempts after the first, as a share of all exchanges of the route."
    )
    min_per_second: Annotated[int, integer(0, 10_000)] = Field(
        default=3, description="Attempts after the first that the budget always has, each second."
    )
    per_try_timeout: Timeout | None = Field(
        default=None, description="For the answer to one attempt; past it the next. Absent: what is left of `timeout`."
    )
    idempotency_key: Flag = Field(
        default=False, description="Whether a request with an Idempotency-Key may be sent twice, whatever its method."
    )
    buffer: Size = Field(
        default=64 * 1024, description="Content of a request that is kept to be sent again; a longer one is sent once."
    )


class Hedge(Section):
    """A second attempt beside a first one that takes longer than usual; whoever answers first serves the client."""

    percentile: Annotated[int, integer(50, 100)] = Field(
        default=95, description="Of the times of the last answers: what takes longer is hedged."
    )
    min_delay: Duration = Field(default=0.01, description="Never sooner than this.")
    budget: Ratio = Field(default=0.1, description="Second attempts, as a share of all exchanges of the route.")
