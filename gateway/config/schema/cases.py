"""Tests that a configuration carries: one request each, what is given, and what is expected.

Run by `gateway test`. A gateway that serves does not read them.

Tests: `tests/config/schema/test_cases.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from gateway.config import patterns, units
from gateway.config.nodes import meant
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section, expected, or_one
from gateway.config.schema.types import (
    Condition,
    Count,
    Duration,
    Flag,
    HeaderName,
    HeaderValue,
    Method,
    Moment,
    Name,
    Parsed,
    SomeText,
    integer,
)
from gateway.http.hosts import normal_host

TIME = units.parse_moment("2026-01-01T00:00:00Z")
"""Unix seconds when a test begins that does not say when: the same on every day, so that none fails by the calendar."""

CLIENT = "192.0.2.1"
"""Where a client is that does not say where: an address of RFC 5737, for documentation."""

MOST = 100_000
"""Most exchanges of one test."""


def _url(value: object) -> str:
    written = patterns.some_text(value)
    rest = written.partition("://")[2]
    if not written.startswith(("http://", "https://")) or not rest.partition("/")[0]:
        raise Unexpected("a URL such as https://api.example.com/users/7")
    if not written.isascii() or not written.isprintable() or " " in written or "#" in written:
        raise Unexpected("a URL without a fragment, with characters other than ASCII escaped")
    try:
        parts = urlsplit(written)
        normal_host(parts.netloc.rpartition("@")[2].encode())
        _ = parts.port  # judged when it is asked for
    except ValueError:
        raise Unexpected(
            "a URL with the name or the address of a host, and a port up to 65535 where it has one"
        ) from None
    return written


def _content(value: object) -> Any:
    """Take a text, or JSON whose texts are conditions."""
    if isinstance(value, Mapping):
        return {str(key): _content(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_content, value))
    return patterns.condition(value) if isinstance(value, str) else value


def _payload(value: object) -> Any:
    """Take a text, or what is sent as JSON."""
    if isinstance(value, Mapping):
        return {str(key): _payload(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_payload, value))
    return value


def _listed(value: Any) -> Any:
    """Write JSON back: what is kept as a tuple was a list."""
    if isinstance(value, Mapping):
        return {key: _listed(one) for key, one in value.items()}
    return [_listed(one) for one in value] if isinstance(value, tuple) else value


def _given_status(value: object) -> int:
    meaning = meant(value)
    if isinstance(meaning, int) and not isinstance(meaning, bool) and (meaning == 101 or 200 <= meaning <= 599):
        return int(meaning)
    raise Unexpected("101, or an integer from 200 to 599")


def _address(value: object) -> str:
    network = patterns.network(value)
    if network.num_addresses != 1:
        raise Unexpected("an address such as 192.0.2.9")
    return str(network.network_address)


URL = Annotated[str, Parsed(_url, {"type": "string", "pattern": "^https?://[^/]"}, "URL")]
Address = Annotated[str, Parsed(_address, {"type": "string"}, "address")]
Content = Annotated[Any, Parsed(_content, {}, "text, `~regex`, `*`, or JSON", _listed)]
Payload = Annotated[Any, Parsed(_payload, {}, "text, or what is sent as JSON", _listed)]
GivenStatus = Annotated[
    int,
    Parsed(
        _given_status,
        {"type": "integer", "anyOf": [{"const": 101}, {"minimum": 200, "maximum": 599}]},
        "101, or an integer from 200 to 599",
    ),
]


def _one_or_many(schema: dict[str, Any]) -> None:
    or_one(schema["additionalProperties"])


def _or_none(schema: dict[str, Any]) -> None:
    """Let a field be null: it must not be there."""
    inner = schema["additionalProperties"]
    schema["additionalProperties"] = {"anyOf": [inner, {"type": "null"}]}


def _or_url(schema: dict[str, Any]) -> None:
    """Tell editors that a request may be written as its URL."""
    schema["anyOf"] = [{"$ref": schema.pop("$ref")}, {"type": "string", "pattern": "^https?://[^/]"}]


class Meant(Section):
    """A section of which a key that is written says something, whatever its value: others are not written back."""

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # One that says nothing at all is that of the reference, which shows what every key says by itself.
        written = self.model_fields_set
        null = {key: None for key in self.nullable & written if getattr(self, key) is None}
        return {key: value for key, value in write(self).items() if not written or key in written} | null


class CaseRequest(Section):
    """What a client sends."""

    # A test may show a token that opens something elsewhere too.
    secret_keys = frozenset({"headers"})

    method: Method = Field(default="GET", description="The method.")
    url: URL = Field(
        description="The URL. `https://` is a connection with TLS, whatever the listeners are: a proxy may end it. A "
        "host that no route names is as good as any for routes without one."
    )
    headers: dict[HeaderName, HeaderValue] = Field(default={}, description="Fields.")
    body: Payload | None = Field(default=None, description="Content: a text, or what is sent as JSON. Absent: none.")
    client: Address = Field(default=CLIENT, description="The client's address.")
    listener: Name | None = Field(
        default=None,
        description="The listener that it comes in by, by name. Absent: that with the URL's port, else "
        "the first of the URL's scheme, else the first.",
    )


class GivenAnswer(Meant):
    """What a backend does with one request."""

    status: GivenStatus = Field(
        default=200,
        description="Status of the answer. 101 changes the protocol as the request asks (a WebSocket): the fields that "
        "say so are added.",
    )
    headers: dict[HeaderName, HeaderValue] = Field(default={}, description="Its fields.")
    body: Payload = Field(default="", description="Its content: a text, or what is sent as JSON.")
    delay: Duration = Field(default=0.0, description="How long it takes, by the clock of the test.")
    refuse: Flag = Field(default=False, description="Whether the connection is refused instead.")
    reset: Flag = Field(default=False, description="Whether the connection is broken off instead, after `delay`.")

    @model_validator(mode="after")
    def _does_one_thing(self) -> GivenAnswer:
        answers = self.model_fields_set & {"status", "headers", "body"}
        if self.refuse + self.reset + bool(answers) > 1:
            raise expected("one of an answer, `refuse` and `reset`", "several")
        return self


class Given(Section):
    """What is so while a test runs."""

    backends: dict[SomeText, tuple[GivenAnswer, ...]] = Field(
        default={},
        description="What backends do, by the name of their upstream: one answer, or a list of them that is given in "
        "order, the last again and again. An upstream that is not given answers 200 with nothing.",
        json_schema_extra=_one_or_many,
    )
    claims: dict[str, Any] | None = Field(
        default=None,
        description="Who calls: claims of a credential that is issued for the test and shown as the route wants it "
        "(a token, or an API key). All that the route asks of it is asked. Absent: only what `request` shows.",
    )
    time: Moment = Field(default=TIME, description="When it begins.")
    repeat: Annotated[int, integer(1, MOST)] = Field(default=1, description="How often the request is made.")
    interval: Duration = Field(default=0.0, description="Time that passes between two of them.")

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        backends = data.get("backends")
        if isinstance(backends, dict):
            data["backends"] = {name: [one] if isinstance(one, dict) else one for name, one in backends.items()}
        return data


class ExpectedRequest(Meant):
    """What the backend got."""

    method: Condition | None = Field(default=None, description="Its method.")
    path: Condition | None = Field(default=None, description="Its path, without the query.")
    query: Condition | None = Field(default=None, description="Its query, without `?`; the empty text for none.")
    headers: dict[HeaderName, Condition | None] = Field(
        default={}, description="Fields; null: must not be there.", json_schema_extra=_or_none
    )
    body: Content | None = Field(default=None, description="Its content.")


class Expected(Meant):
    """What is compared: each key that is written. Values are exact, `~REGEX` (RE2, found anywhere) or `*` (there)."""

    nullable: ClassVar[frozenset[str]] = frozenset({"reason", "route", "upstream", "sent"})

    status: Condition | None = Field(default=None, description="The status that the client gets.")
    reason: Condition | None = Field(default=None, description="Of the gateway's own answer; null: it is none.")
    route: Condition | None = Field(default=None, description="The name of the route; null: none took it.")
    upstream: Condition | None = Field(default=None, description="The upstream that was asked last; null: none was.")
    attempts: Count | None = Field(default=None, description="How many attempts were made.")
    headers: dict[HeaderName, Condition | None] = Field(
        default={}, description="Fields of the answer; null: must not be there.", json_schema_extra=_or_none
    )
    body: Content | None = Field(
        default=None, description="Its content: a text, or JSON of which the members that are written are compared."
    )
    sent: ExpectedRequest | None = Field(
        default=None, description="What the upstream got (of several attempts the last); null: nothing."
    )


class Case(Section):
    """One test."""

    name: Name | None = Field(default=None, description="What reports call it. Absent: its method and URL.")
    request: CaseRequest = Field(description="The request; or its URL alone.", json_schema_extra=_or_url)
    given: Given = Field(default=Given.unwritten(), description="What is so meanwhile.")
    expect: Expected | None = Field(default=None, description="What is expected of the last exchange.")
    expect_all: tuple[Expected, ...] = Field(
        default=(), description="What is expected of each exchange, in order, in place of `expect`."
    )

    @property
    def title(self) -> str:
        """What reports call it."""
        return self.name or f"{self.request.method} {self.request.url}"

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take `request: URL`."""
        return {**data, "request": {"url": data["request"]}} if isinstance(data.get("request"), str) else data

    @model_validator(mode="after")
    def _expects_something(self) -> Case:
        if (self.expect is None) == (not self.expect_all):
            raise expected("one of `expect` and `expect_all`", "neither" if self.expect is None else "both")
        if self.expect_all and "repeat" not in self.given.model_fields_set:
            given = self.given.model_copy(update={"repeat": len(self.expect_all)})
            object.__setattr__(self, "given", given)
        if self.expect_all and len(self.expect_all) != self.given.repeat:
            raise expected(f"{self.given.repeat} members in `expect_all`, as `repeat` says", str(len(self.expect_all)))
        return self
