"""Plugins of all kinds, for tests: good ones, and those that do all that a plugin must not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from twisted.internet.defer import CancelledError, Deferred

from gateway.plugin import BodyFilter, Exchange, Forbidden, Headers, Response, Services, filter_request, filter_response

CALLS: list[str] = []
"""What `Tell` was asked, in order; a test empties it."""


class Tell:
    """Notes each call, and adds its name to the request and to the answer."""

    name = ""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def on_request(self, exchange: Exchange) -> None:
        CALLS.append(f"{self.name} request")
        exchange.headers_out.append((b"X-Seen-By", self.name.encode()))

    def on_response(self, exchange: Exchange) -> None:
        CALLS.append(f"{self.name} response")
        assert exchange.response is not None
        exchange.response.headers.add(b"X-Seen-By", self.name.encode())

    def on_finish(self, exchange: Exchange) -> None:
        CALLS.append(f"{self.name} finish")


class TellLater(Tell):
    """The same by coroutines and Deferreds that have fired."""

    async def on_request(self, exchange: Exchange) -> None:  # type: ignore[override]
        super().on_request(exchange)

    def on_response(self, exchange: Exchange) -> Deferred[None]:  # type: ignore[override]
        done: Deferred[None] = Deferred()
        done.callback(super().on_response(exchange))
        return done

    async def on_finish(self, exchange: Exchange) -> None:  # type: ignore[override]
        super().on_finish(exchange)


class Answer:
    """Answers at once, with the same object each time."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.response = Response(418, Headers([(b"X-Tea", b"pot")]), b"short and stout")

    def on_request(self, exchange: Exchange) -> Response:
        return self.response


class AnswerLater(Answer):
    """The same, by a coroutine."""

    async def on_request(self, exchange: Exchange) -> Response:  # type: ignore[override]
        return self.response


class Refuse:
    """Says no, by an error of the gateway."""

    def on_request(self, exchange: Exchange) -> None:
        raise Forbidden("not you")


class RefuseLater:
    """Says no when it sees the answer, by a coroutine."""

    async def on_response(self, exchange: Exchange) -> None:
        CALLS.append("asked")
        raise Forbidden("not this")


class Silly:
    """Does what the configuration says it does: raises, returns nonsense, never ends, changes what it must not."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.request = config.get("request")
        self.response = config.get("response")
        self.finish = config.get("finish")

    def on_request(self, exchange: Exchange) -> Any:
        return None if self.request is None else HARM[self.request](exchange)

    def on_response(self, exchange: Exchange) -> Any:
        return None if self.response is None else HARM[self.response](exchange)

    def on_finish(self, exchange: Exchange) -> Any:
        return None if self.finish is None else HARM[self.finish](exchange)


class SillyGuard(Silly):
    """Likewise, and nothing may pass without it."""

    security = True


def _raise(error: BaseException) -> Any:
    raise error


async def _raise_later(error: BaseException) -> None:
    raise error


async def _never() -> None:
    await Deferred()


async def _never_in_spite() -> None:
    while True:
        with suppress(CancelledError):
            await Deferred()


def _generator() -> Iterator[int]:
    yield 1


def _headers(exchange: Exchange) -> Headers:
    return exchange.request.headers if exchange.response is None else exchange.response.headers


def _set(exchange: Any, path: str, value: Any) -> None:
    *way, last = path.split(".")
    for step in way:
        exchange = getattr(exchange, step)
    setattr(exchange, last, value)


def _delete(exchange: Any, name: str) -> None:
    """Take an attribute away; a native class does not let it go, which is as well."""
    with suppress(AttributeError, TypeError):
        delattr(exchange, name)
    raise ValueError("a fault")


def _in_its_place(exchange: Exchange) -> None:
    fields = _headers(exchange).fields = list(_headers(exchange).fields)
    fields[0] = (b"x-bad", b"X-Bad", b"a\r\nX-Smuggled: 1")


class _Raising:
    """Something to return, whose attributes end the process."""

    def __getattr__(self, name: str) -> Any:
        raise SystemExit(3)


HARM: dict[str, Any] = {
    "raising": lambda exchange: _Raising(),
    "request_id": lambda exchange: _set(exchange, "request_id", "a\r\nX-Smuggled: 1"),
    "trace_id": lambda exchange: _set(exchange, "trace_id", "a\r\nX-Smuggled: 1"),
    "route": lambda exchange: _set(exchange, "route", None),
    "principal": lambda exchange: _set(exchange, "principal", "me"),
    "client_address": lambda exchange: _set(exchange, "client_address", "everybody"),
    "params": lambda exchange: _set(exchange, "params", {"a": 7}),
    "an_error": lambda exchange: _set(exchange, "error", ValueError("mine")),
    "nobody": lambda exchange: _set(exchange, "downstream", None),
    "request_gone": lambda exchange: _delete(exchange, "request"),
    "no_headers": lambda exchange: _set(exchange, "request.headers", None),
    "no_fields": lambda exchange: _set(_headers(exchange), "fields", None),
    "in_its_place": lambda exchange: _in_its_place(exchange),
    "host": lambda exchange: _set(exchange, "request.host", b"a\r\nX-Smuggled: 1"),
    "version": lambda exchange: _set(exchange, "request.version", b"9\r\n"),
    "path_alone": lambda exchange: _set(exchange, "request.path", b"/elsewhere"),
    "an_answer": lambda exchange: _set(exchange, "response", Response(200)),
    "out_none": lambda exchange: _set(exchange, "headers_out", None),
    "error": lambda exchange: _raise(ValueError("a fault")),
    "exit": lambda exchange: _raise(SystemExit(3)),
    "interrupt": lambda exchange: _raise(KeyboardInterrupt()),
    "generator_exit": lambda exchange: _raise(GeneratorExit()),
    "error_later": lambda exchange: _raise_later(ValueError("a fault")),
    "exit_later": lambda exchange: _raise_later(SystemExit(3)),
    "interrupt_later": lambda exchange: _raise_later(KeyboardInterrupt()),
    "never": lambda exchange: _never(),
    "never_in_spite": lambda exchange: _never_in_spite(),
    "never_deferred": lambda exchange: Deferred(),
    "number": lambda exchange: 42,
    "text": lambda exchange: "yes",
    "generator": lambda exchange: _generator(),
    "true": lambda exchange: True,
    "line_end": lambda exchange: _headers(exchange).set(b"X-Bad", b"a\r\nX-Smuggled: 1"),
    "text_field": lambda exchange: _headers(exchange).fields.append(("x-a", "X-A", "b")),  # type: ignore[attr-defined]
    "bad_name": lambda exchange: _headers(exchange).set(b"X Bad", b"a"),
    "out_line_end": lambda exchange: exchange.headers_out.append((b"X-Bad", b"a\r\nX-Smuggled: 1")),
    "out_text": lambda exchange: exchange.headers_out.append(("X-Bad", "a")),
    "out_nothing": lambda exchange: exchange.headers_out.append(None),
    "target": lambda exchange: _set(exchange, "request.target", b"/a b HTTP/1.1\r\nX-Smuggled: 1\r\n\r\n"),
    "target_text": lambda exchange: _set(exchange, "request.target", "/a"),
    "method": lambda exchange: _set(exchange, "request.method", b"GET / HTTP/1.1\r\n"),
    "upstream": lambda exchange: _set(exchange, "upstream", "nowhere"),
    "no_request": lambda exchange: _set(exchange, "request", None),
    "no_response": lambda exchange: _set(exchange, "response", None),
    "status": lambda exchange: _set(exchange, "response.status", 12),
    "status_text": lambda exchange: _set(exchange, "response.status", "200"),
    "reason": lambda exchange: _set(exchange, "response.reason", b"OK\r\nX-Smuggled: 1"),
    "body_text": lambda exchange: _set(exchange, "response.body", "text"),
    "length": lambda exchange: _set(exchange, "response.length", 3),
}


class Spin:
    """Holds the reactor for as long as the configuration says, on a clock that a test moves."""

    clock: Any = time

    def __init__(self, config: dict[str, Any]) -> None:
        self.seconds = config["seconds"]
        self.later = config.get("later", False)

    def on_request(self, exchange: Exchange) -> Any:
        return self._wait() if self.later else self.clock.advance(self.seconds)

    async def _wait(self) -> None:
        self.clock.advance(self.seconds)


class Shout(BodyFilter):
    """Makes letters large."""

    __slots__ = ()

    def length(self, before: int | None) -> int | None:
        return before

    def chunk(self, data: bytes) -> tuple[bytes]:
        return (data.upper(),)


class Loud:
    """Hangs that filter on answers."""

    def on_response(self, exchange: Exchange) -> None:
        filter_response(exchange, Shout())


class BadFilter(BodyFilter):
    """Fails in the middle."""

    __slots__ = ()

    def chunk(self, data: bytes) -> tuple[bytes]:
        if b"content" in data:
            raise SystemExit(3)
        return (data,)


class Filters:
    """Hangs that filter on both."""

    def on_request(self, exchange: Exchange) -> None:
        filter_request(exchange, BadFilter())

    def on_response(self, exchange: Exchange) -> None:
        filter_response(exchange, BadFilter())


class Replace:
    """Puts other content in the place of the backend's."""

    def on_response(self, exchange: Exchange) -> None:
        assert exchange.response is not None
        exchange.response.body = b"mine"


class ReplaceAll:
    """Puts another answer in the place of the backend's."""

    def on_response(self, exchange: Exchange) -> None:
        exchange.response = Response(203, Headers([(b"X-Other", b"1")]), b"another")


class Tenants:
    """Picks the upstream that the configuration has for a header."""

    def __init__(self, config: dict[str, str]) -> None:
        self.upstreams = config

    def on_request(self, exchange: Exchange) -> None:
        tenant = (exchange.request.headers.get(b"X-Tenant") or b"").decode()
        exchange.upstream = self.upstreams.get(tenant)


class Living:
    """Notes its life."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.services: Services | None = None
        self.starting: Deferred[None] = Deferred()
        MADE.append(self)

    def start(self, services: Services) -> Any:
        self.services = services
        CALLS.append(f"start {self.config.get('n', '')}")
        if self.config.get("fails"):
            raise RuntimeError("no licence")
        return self.starting if self.config.get("waits") else None

    async def stop(self) -> None:
        CALLS.append(f"stop {self.config.get('n', '')}")

    async def on_request(self, exchange: Exchange) -> None:
        CALLS.append(f"request {self.config.get('n', '')}")


MADE: list[Living] = []
"""Those that were made; a test empties it."""


class Strict:
    """Has a model for its configuration."""

    class Config(BaseModel):
        """Its configuration."""

        model_config = ConfigDict(extra="forbid")

        prefix: str
        times: int = Field(default=1, ge=1, le=3)

    def __init__(self, config: Config) -> None:
        self.config = config

    def on_response(self, exchange: Exchange) -> None:
        assert exchange.response is not None
        exchange.response.headers.set(b"X-Strict", (self.config.prefix * self.config.times).encode())


class Broken:
    """Cannot be made."""

    def __init__(self, config: dict[str, Any]) -> None:
        raise RuntimeError("no")

    def on_request(self, exchange: Exchange) -> None:
        """Never asked."""


class Hookless:
    """Has nothing that would be asked."""


NO_CLASS = 5


class ChoosyConfig(BaseModel):
    """Takes tokens of ours only."""

    token: str

    @field_validator("token")
    @classmethod
    def _ours(cls, value: str) -> str:
        if not value.startswith("ours-"):
            raise ValueError("a token of ours")
        return value


class Choosy:
    """Asks for a model in its constructor."""

    def __init__(self, config: ChoosyConfig) -> None:
        self.config = config

    def on_request(self, exchange: Exchange) -> None:
        """Does nothing."""
