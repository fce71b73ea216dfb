"""One part of an answer that is put together from several: asked, judged, and taken or not.

Started by `gateway.forwarding.aggregation`.

# Note [The time of a part]
A part has its time from the moment that it is asked to the last octet of its answer, waits for a place and retries
included. When that is over before the head of the answer is there, the subrequest fails as an exchange of a client's
does, so that breakers hear of it. What has been judged already (a 404 that is read to its end, so that its connection
can be used again) is given up then, and nothing else happens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import orjson

from gateway.body import Body
from gateway.errors import BackendReset, BackendTimeout, GatewayError, PartFailed
from gateway.exchange import ChainLike, Exchange
from gateway.forwarding.beside import Watch
from gateway.forwarding.subrequest import Subrequest
from gateway.headers import Headers
from gateway.http.codings import Longer, undo
from gateway.http.exact_json import NotJson, TooDeep, parse
from gateway.message import Request, Response

LONGEST: Final = 1024 * 1024
"""Octets of a part."""

FIELDS: Final = ((b"Accept", b"application/json"), (b"Accept-Encoding", b"identity"))
"""What a part is asked with in place of what the client has said of them: the answer is JSON, whole, in no coding."""


class Part(NamedTuple):
    """What is asked for one part.

    Attributes:
        name: What it is called in the answer.
        upstream: Name of the upstream.
        chain: Of its exchanges.
        timeout: Seconds for all of its answer.
        target: Makes what is asked for, from the client's request.
        otherwise: Makes what stands in its place where it failed; None for nothing.
        needed: Whether there is no answer without it.
    """

    name: str
    upstream: str
    chain: ChainLike
    timeout: float
    target: Callable[[Exchange], bytes]
    otherwise: Callable[[Exchange], bytes] | None
    needed: bool


class Hearer(Protocol):
    """Hears what became of parts."""

    def settled(self, asked: Asked) -> None:
        """It is known what became of one; called once for each, but for those that were cancelled."""


class Asked:
    """A part that is being asked for (`gateway.forwarding.subrequest.Asker`, and sink of what is not wanted).

    Args:
        part: What is asked.
        exchange: The client's.
        hearer: Told of the outcome.
        keeper: Watches it.

    Attributes:
        part: As given.
        outcome: `ok`, or why there is nothing: `4xx`, `not_json`, `too_long`, `cancelled`, the reason of an error;
            empty before.
        content: The JSON text, where the outcome is `ok`.
        headers: Of the answer, likewise.
        error: What the client gets where the part is needed; None where the outcome is `ok`.
        deadline: Monotonic seconds when its time is over.
    """

    __slots__ = (
        "_beside",
        "_body",
        "_exchange",
        "_hearer",
        "_keeper",
        "_late",
        "_response",
        "_subrequest",
        "content",
        "deadline",
        "error",
        "outcome",
        "part",
    )

    def __init__(self, part: Part, exchange: Exchange, hearer: Hearer, keeper: Watch) -> None:
        self.part = part
        self.outcome = ""
        self.content = b""
        self.error: GatewayError | None = None
        self.deadline = keeper.now() + part.timeout
        self._exchange = exchange
        self._hearer = hearer
        self._keeper = keeper
        self._late = False
        self._beside: Exchange | None = None
        self._response: Response | None = None
        self._body: Body | None = None
        self._subrequest = Subrequest(keeper, self, self._begin, part.chain.finish)

    @property
    def attempts(self) -> int:
        """How many backends were tried."""
        return 0 if self._beside is None else self._beside.attempts

    def tell(self) -> None:
        """Let the exchange tell of the attempts that failed."""
        if self._beside is not None:
            self._exchange.tell_of_attempts(self._beside)

    @property
    def headers(self) -> Headers:
        assert self._response is not None
        return self._response.headers

    def ask(self, target: bytes, fields: Headers) -> None:
        """Ask; the outcome may be known before this returns."""
        request = self._exchange.request
        self._keeper.deadlines.watch(self)
        asked = Request(b"GET", target, fields, request.host, request.version)
        self._subrequest.ask(asked, self._exchange.peer, self.part.timeout)

    def cancel(self) -> None:
        """Nobody wants it any more; the outcome is not told. What has an outcome is read to its end."""
        if not self.outcome:
            self.outcome = "cancelled"
            self._subrequest.cancel()

    def on_deadline(self, now: float) -> None:
        """Note [The time of a part]."""
        self._late = True
        self._subrequest.on_deadline(now)

    def _begin(self, beside: Exchange) -> None:
        self._beside = beside
        beside.inherit(self._exchange)
        replaced = [name.lower() for name, _ in FIELDS]
        beside.headers_out = [line for line in beside.headers_out if line[0].lower() not in replaced]
        beside.headers_out += FIELDS
        self.part.chain.begin(beside)

    # Called by the subrequest (gateway.forwarding.subrequest.Asker).

    def subrequest_answered(self, response: Response) -> None:
        self._response = response
        body = response.body
        if not 200 <= response.status < 300:
            self._settle(f"{response.status // 100}xx", self._failed(f"was answered with {response.status}"))
            if isinstance(body, Body):
                body.limit = LONGEST
                body.take()
                body.attach(self)
        elif not isinstance(body, Body):
            self._judge(body or b"")
        elif body.length is not None and body.length > LONGEST:
            self._too_long()
        else:
            self._body = body
            body.gather(LONGEST, self._gathered)

    def subrequest_failed(self, error: GatewayError) -> None:
        self._settle(error.reason, self._named(error))

    def subrequest_over(self) -> None:
        self._keeper.deadlines.forget(self)

    # What is not wanted (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        """Throw it away."""

    def body_ended(self, trailers: Headers | None) -> None:
        """Nothing waits for it."""

    def body_failed(self) -> None:
        """Nor does anything mind."""

    # The outcome.

    def _gathered(self) -> None:
        """All of the answer is there, or there will not be more of it, or it is too long."""
        body = self._body
        assert body is not None
        if body.failed:
            error = self._subrequest.error
            if self._late:
                error = BackendTimeout()
            elif error is None or error.status not in _AS_THEY_ARE:
                error = BackendReset()
            self._settle(error.reason, self._named(error))
        elif body.ended and body.received <= LONGEST:
            self._judge(body.take())
        else:
            self._too_long()

    def _too_long(self) -> None:
        self._settle("too_long", self._failed("is too long"))
        self._subrequest.cancel()

    def _judge(self, content: bytes) -> None:
        try:
            content = text_of(content, self.headers.joined(b"content-encoding") or b"")
        except Longer:
            self._settle("too_long", self._failed("is too long"))
        except NotJson:
            self._settle("not_json", self._failed("is not JSON"))
        else:
            self.content = content
            self._settle("ok", None)

    def _settle(self, outcome: str, error: GatewayError | None) -> None:
        if not self.outcome:
            self.outcome = outcome
            self.error = error
            self._hearer.settled(self)

    def _failed(self, words: str) -> PartFailed:
        return PartFailed(f'The part "{self.part.name}" {words}.')

    def _named(self, error: GatewayError) -> GatewayError:
        """Return an error with the name of the part in its detail: a 502 or a 504."""
        kind = type(error)
        if error.status in _AS_THEY_ARE and kind.__init__ is GatewayError.__init__:
            return kind(f'The part "{self.part.name}" failed.')
        return self._failed(f"could not be asked for: {error.reason}")


_AS_THEY_ARE: Final = (502, 504)


def text_of(content: bytes, codings: bytes) -> bytes:
    """Return JSON as it is to be put into other JSON: octet by octet as it came, but for codings and blanks around it.

    Args:
        content: Of an answer.
        codings: That it has been given though none was asked for.

    Raises:
        NotJson: It is none, or in no UTF-8 (RFC 8259 section 8.1).
        Longer: More than `LONGEST` octets.
    """
    if codings:
        try:
            plain = undo(content, codings, LONGEST)
        except ValueError as error:
            raise NotJson(str(error)) from None
        if plain is None:
            raise NotJson("a coding that is not known")
        content = plain
    content = content.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    try:
        orjson.loads(content)
    except ValueError:
        # Half of a surrogate pair is JSON, and not for orjson.
        try:
            content.decode()
            if b"\0" in content:
                raise NotJson("UTF-16")
            parse(content)
        except UnicodeDecodeError as error:
            raise NotJson(str(error)) from None
        except TooDeep:
            raise NotJson("nested too deep") from None
    return content
