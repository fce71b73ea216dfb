"""Make spans of an exchange that is over: what it tells of itself, and what was noted in its `Spans`.

Names of attributes are OpenTelemetry's stable conventions for HTTP
(https://opentelemetry.io/docs/specs/semconv/http/http-spans/); what those have no name for begins with `gateway.`.

Tests: `tests/flow/test_traces.py::test_an_exchange_and_its_attempt`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.exchange import Exchange
from gateway.spans import Note, Spans
from gateway.telemetry.series import METHODS
from gateway.telemetry.tracing.span import CLIENT, INTERNAL, SERVER, Attribute, Kind, Span

LONGEST: Final = 1024
"""Characters of a text that a client, or a backend's URL, has brought along."""

GONE: Final = "client_gone"
"""`error.type` where a client left before it had an answer."""

_PROTOCOLS: Final = {b"1.1": "1.1", b"1.0": "1.0", b"2": "2", b"2.0": "2"}


class Recorder:
    """Makes the spans of exchanges, and hands them on.

    Args:
        write: Writes a span in the format of who takes it.
        put: Takes what was written.
        now: Monotonic seconds.
        wall_clock: Unix seconds.
        random_bytes: For ids of inner spans, as `os.urandom`.
        redacted: Makes text of a query, or a URL with one, without what nobody is to read.
        exemplify: Told of each exchange that is kept, with its trace id and when it was over (Unix seconds).
        kind: What the span of an exchange is: a server's, or an inner one where an application asks.
    """

    def __init__(
        self,
        write: Callable[[Span], bytes],
        put: Callable[[bytes], object],
        now: Callable[[], float],
        wall_clock: Callable[[], float],
        random_bytes: Callable[[int], bytes],
        redacted: Callable[[bytes], str],
        exemplify: Callable[[Exchange, bytes, float], object],
        kind: Kind = SERVER,
    ) -> None:
        self._write = write
        self._put = put
        self._now = now
        self._wall_clock = wall_clock
        self._random_bytes = random_bytes
        self._redacted = redacted
        self._exemplify = exemplify
        self._kind = kind
        self._hosts: dict[bytes, list[Attribute]] = {}
        self._backends: dict[str, tuple[Attribute, ...]] = {}

    def keep(self, exchange: Exchange, spans: Spans) -> None:
        """Make the spans of an exchange: its own, those of its attempts, and those of what was noted."""
        zero = spans.wall = self._wall_clock() - self._now()
        self._put(self._write(self._own(exchange, spans, zero)))
        self._exemplify(exchange, spans.trace_id, exchange.finished + zero)
        for attempt, span_id in zip(spans.attempts, spans.ids, strict=True):
            if attempt.ended or attempt.exchange is exchange:
                self._attempt(spans, attempt, span_id, zero)
        self._notes(exchange, spans, zero)

    def keep_beside(self, exchange: Exchange, spans: Spans) -> None:
        """Make the spans of a subrequest that has gone on after its exchange: those of its attempts."""
        for attempt, span_id in zip(spans.attempts, spans.ids, strict=True):
            if attempt.exchange is exchange:
                self._attempt(spans, attempt, span_id, spans.wall)
        self._notes(exchange, spans, spans.wall)

    def _own(self, exchange: Exchange, spans: Spans, zero: float) -> Span:
        said = self._asked(exchange)
        wrong = _answered(exchange, said)
        self._found_out(exchange, said)
        name = exchange.request.method.decode("ascii") if exchange.request.method in METHODS else "HTTP"
        pattern = "" if exchange.route is None else exchange.route.pattern
        return Span(
            spans.trace_id,
            spans.span_id,
            spans.parent,
            f"{name} {pattern}" if pattern else name,
            self._kind,
            _nanoseconds(exchange.started + zero),
            _nanoseconds(exchange.finished + zero),
            said,
            wrong,
            1 if spans.sampled else 0,
            remote=spans.parent != b"",
            state=_state(exchange),
        )

    def _asked(self, exchange: Exchange) -> list[Attribute]:
        """List what the client has said."""
        request, route, peer = exchange.request, exchange.route, exchange.peer.address
        method = request.method.decode("latin-1")
        known = request.method in METHODS
        said: list[Attribute] = [
            ("http.request.method", method if known else "_OTHER"),
            ("url.scheme", exchange.scheme.decode("latin-1")),
            ("url.path", _text(request.path)),
            ("client.address", exchange.client_address),
            ("network.protocol.version", _PROTOCOLS.get(request.version) or request.version.decode("latin-1")),
        ]
        if not known and method:
            said.append(("http.request.method_original", method[:LONGEST]))
        if request.query:
            said.append(("url.query", self._redacted(request.query)[:LONGEST]))
        if route is not None:
            said.append(("gateway.route", route.name))
            if route.pattern:
                said.append(("http.route", route.pattern))
        if request.host:
            said += self._hosts.get(request.host) or self._host(request.host)
        agent = request.headers.index.get(b"user-agent")
        if agent is not None:
            said.append(("user_agent.original", _text(agent)))
        if peer and peer != exchange.client_address:
            said.append(("network.peer.address", peer))
        return said

    def _found_out(self, exchange: Exchange, said: list[Attribute]) -> None:
        """Add what the gateway knows beside that."""
        said.append(("gateway.request_id", exchange.request_id))
        if exchange.upstream is not None:
            said.append(("gateway.upstream", exchange.upstream))
        if exchange.attempts > 1:
            said.append(("gateway.attempts", exchange.attempts))
        if exchange.cached:
            said.append(("gateway.cache", exchange.cached))
        if exchange.user is not None:
            said.append(("user.id", exchange.user))
        if exchange.bytes_sent:
            said.append(("http.response.body.size", exchange.bytes_sent))
        said += self._rare(exchange)

    def _rare(self, exchange: Exchange) -> list[Attribute]:
        """List what few exchanges have to tell."""
        said: list[Attribute] = []
        plugin_errors = exchange.plugin_errors
        if plugin_errors:
            said.append(("gateway.plugin_errors", plugin_errors))
        dry_run = exchange.dry_run
        if dry_run:
            said.append(("gateway.dry_run", dry_run))
        return said

    def _attempt(self, spans: Spans, attempt: Any, span_id: bytes, zero: float) -> None:
        exchange, failure, status, why = attempt.exchange, attempt.failure, attempt.status, attempt.why
        request, backend = exchange.request, attempt.backend.name
        method = request.method.decode("latin-1") if request.method in METHODS else "_OTHER"
        said: list[Attribute] = [
            ("http.request.method", method),
            *(self._backends.get(backend) or self._backend(backend)),
            ("url.full", f"{backend.rstrip('/')}{self._redacted(request.target)}"[:LONGEST]),
            ("gateway.upstream", attempt.upstream.name),
        ]
        if status:
            said.append(("http.response.status_code", status))
            said.append(("network.protocol.version", "1.1" if attempt.by_http1 else "2"))
        wrong = ""
        if failure is not None:
            wrong = failure.reason
        elif status >= 400:
            wrong = str(status)
        if wrong:
            said.append(("error.type", wrong))
        resent, before = 0, attempt.after
        while before is not None:
            resent, before = resent + 1, before.after
        if resent:
            said.append(("http.request.resend_count", resent))
        if why:
            said.append(("gateway.retry.reason", why))
        started = _nanoseconds(attempt.started + zero)
        ended = _nanoseconds((attempt.ended or exchange.finished or self._now()) + zero)
        flags = 1 if spans.sampled else 0
        name = method if method != "_OTHER" else "HTTP"
        detail = (failure.detail or wrong) if failure is not None else wrong
        self._put(
            self._write(Span(spans.trace_id, span_id, spans.span_id, name, CLIENT, started, ended, said, detail, flags))
        )
        if attempt.connected_at > attempt.started:
            connected = _nanoseconds(attempt.connected_at + zero)
            waited: list[Attribute] = [("gateway.upstream", attempt.upstream.name), ("gateway.step", "connection")]
            self._put(
                self._write(
                    Span(
                        spans.trace_id,
                        self._new_id(),
                        span_id,
                        "connection",
                        INTERNAL,
                        started,
                        connected,
                        waited,
                        "",
                        flags,
                    )
                )
            )

    def _notes(self, exchange: Exchange, spans: Spans, zero: float) -> None:
        notes = spans.notes
        if not notes:
            return
        spans.notes = None
        for note in notes:
            self._put(self._write(self._noted(note, spans, zero, exchange.finished or self._now())))

    def _noted(self, note: Note, spans: Spans, zero: float, last: float) -> Span:
        said: list[Attribute] = [("gateway.step", note.name)]
        if note.hook != "on_request":
            said.append(("gateway.hook", note.hook))
        wrong = ""
        if note.failed:
            said.append(("error.type", note.outcome))
            wrong = note.outcome
        elif note.outcome:
            said.append(("gateway.outcome", note.outcome))
        elif not note.ended:
            said.append(("gateway.outcome", "cancelled"))
        return Span(
            spans.trace_id,
            self._new_id(),
            spans.span_id,
            note.name,
            INTERNAL,
            _nanoseconds(note.started + zero),
            _nanoseconds((note.ended or last) + zero),
            said,
            wrong,
            1 if spans.sampled else 0,
        )

    def _backend(self, url: str) -> tuple[Attribute, ...]:
        """Find out address and port of a backend, and remember them."""
        if len(self._backends) > 10_000:
            self._backends.clear()  # members that registries know come and go
        parts = urlsplit(url)
        said: tuple[Attribute, ...] = (("server.address", parts.hostname or parts.path),)
        if parts.hostname:
            said += (("server.port", parts.port or (443 if parts.scheme == "https" else 80)),)
        self._backends[url] = said
        return said

    def _host(self, written: bytes) -> list[Attribute]:
        """Split a host and its port, which may not be there, and remember that of short ones."""
        host = _text(written)
        name, colon, port = host.rpartition(":")
        if not colon or not port.isdecimal() or len(port) > 5:
            said: list[Attribute] = [("server.address", host.strip("[]"))]
        else:
            said = [("server.address", name.strip("[]")), ("server.port", int(port))]
        if len(written) <= 128:
            if len(self._hosts) >= 1000:
                self._hosts.clear()  # clients choose them
            self._hosts[written] = said
        return said

    def _new_id(self) -> bytes:
        return self._random_bytes(8).hex().encode("ascii")


def _answered(exchange: Exchange, said: list[Attribute]) -> str:
    """Add how an exchange ended; returns what went wrong, where somebody has to look at it."""
    response, error = exchange.response, exchange.error
    status = 0
    if response is not None:
        status = response.status
        said.append(("http.response.status_code", status))
    failure = ""
    if error is not None:
        failure = error.reason
    elif status >= 500:
        failure = str(status)
    elif response is None:
        failure = GONE
    if not failure:
        return ""
    said.append(("error.type", failure))
    if error is None:
        return failure if status >= 500 else ""
    return error.detail or failure if status >= 500 or error.status >= 500 else ""


def _text(value: bytes) -> str:
    return str(value[:LONGEST], "utf-8", "backslashreplace")


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)


def _state(exchange: Exchange) -> bytes:
    if b"tracestate" not in exchange.request.headers.index:
        return b""
    for name, value in exchange.headers_out:
        if name == b"tracestate":
            return value
    return b""
