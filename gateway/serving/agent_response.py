"""What an application gets from an agent: an `IResponse` whose body streams.

Tests: `tests/serving/test_agent.py`.
"""

# mypy: allow-untyped-calls
# (Twisted's headers carry few types.)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IProtocol, IPushProducer
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers as TwistedHeaders
from twisted.web.iweb import UNKNOWN_LENGTH, IClientRequest, IResponse
from zope.interface import implementer

from gateway.body import Body
from gateway.forwarding.subrequest import Subrequest
from gateway.headers import Headers
from gateway.http.messages import REASONS
from gateway.message import Response


class AnswerAborted(ResponseFailed, CancelledError):
    """The application closed the transport that brought the body: the delivery is cancelled, and not complete."""


@implementer(IClientRequest)
class AgentRequest:
    """What was asked for.

    Args:
        method: As given to the agent.
        uri: As given.
        headers: As given; a copy is kept.

    Attributes:
        method: As given.
        absoluteURI: As given.
        headers: As given.
    """

    def __init__(self, method: bytes, uri: bytes, headers: TwistedHeaders) -> None:
        self.method = method
        self.absoluteURI = uri
        self.headers = headers.copy()


@implementer(IResponse)
class AgentResponse:
    """The answer of a backend.

    Until a protocol is given by `deliverBody`, what comes waits in the body, which pauses the backend when it is full.

    Args:
        response: The answer.
        request: What it is the answer to.
        subrequest: Cancelled when the application wants no more of it.
        why_broken: Makes the reason that a protocol is told where the body cannot be completed.
        clock: For telling a protocol that it has lost its connection, once the call that it made has returned.
    """

    version = (b"HTTP", 1, 1)

    def __init__(
        self,
        response: Response,
        request: AgentRequest,
        subrequest: Subrequest,
        why_broken: Callable[[IResponse], Failure],
        clock: Any,
    ) -> None:
        self.code = response.status
        self.phrase = response.reason or REASONS.get(response.status, b"")
        self.headers = TwistedHeaders()
        for _, name, value in response.headers.fields:
            self.headers.addRawHeader(name, value)
        body = response.body
        if body is None:
            self.length: object = 0
            if response.length is not None:  # to HEAD: how long it would have been
                self.headers.setRawHeaders(b"content-length", [b"%d" % response.length])
        else:
            self.length = UNKNOWN_LENGTH if response.length is None else response.length
        self.request = request
        self.previousResponse: IResponse | None = None
        self._body = body
        self._subrequest = subrequest
        self._why_broken = why_broken
        self._clock = clock
        self._protocol: Any = None
        self._delivered = False
        self._paused = False

    def setPreviousResponse(self, response: IResponse) -> None:  # noqa: N802 - of Twisted's interface
        """Remember the answer that led here: a redirect."""
        self.previousResponse = response

    def deliverBody(self, protocol: IProtocol) -> None:
        """Let a protocol have the body; it may pause, resume and close its transport.

        Raises:
            RuntimeError: Another has had it.
        """
        if self._delivered:
            raise RuntimeError("The body of this response has been delivered already.")
        self._delivered = True
        self._protocol = protocol
        protocol.makeConnection(BodyTransport(self))  # type: ignore[arg-type]  # as Twisted: it can only be read
        body = self._body
        if isinstance(body, Body):
            # What is said back may let more come, before there is a sink.
            while self._protocol is not None and (waiting := body.take()):
                protocol.dataReceived(waiting)
            if self._protocol is None:
                return
            if body.failed:
                self.body_failed()
            elif body.ended:
                self.body_ended(None)
            else:
                if self._paused:
                    body.pause()
                body.attach(self)
        else:
            if body and self._protocol is not None:
                protocol.dataReceived(body)
            self.body_ended(None)

    # Called by the body (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        self._protocol.dataReceived(data)

    def body_ended(self, trailers: Headers | None) -> None:
        self._end(Failure(ResponseDone("All of the answer is there.")))

    def body_failed(self) -> None:
        self._end(self._why_broken(self))

    # Called by the transport.

    def pause(self) -> None:
        """Let the backend wait."""
        self._paused = True
        if isinstance(self._body, Body):
            self._body.pause()

    def resume(self) -> None:
        """Let the backend go on."""
        self._paused = False
        if isinstance(self._body, Body):
            self._body.resume()

    def leave(self, at_once: bool = False) -> None:
        """The application wants no more of it; its protocol is told a turn of the reactor later, or at once."""
        if self._protocol is None:
            return
        protocol, self._protocol = self._protocol, None
        if isinstance(self._body, Body):
            self._body.detach()
        self._subrequest.cancel()
        reason = Failure(AnswerAborted([Failure(ConnectionAborted())], self))
        if at_once:
            protocol.connectionLost(reason)
        else:
            self._clock.callLater(0, protocol.connectionLost, reason)

    def _end(self, reason: Failure) -> None:
        if self._protocol is not None:
            protocol, self._protocol = self._protocol, None
            protocol.connectionLost(reason)


@implementer(IPushProducer)
class BodyTransport:
    """The transport of the protocol that a body is delivered to; nothing can be written to it.

    Args:
        response: Whose body it is.
    """

    disconnecting = False  # a LineReceiver looks at it

    def __init__(self, response: AgentResponse) -> None:
        self._response = response

    def pauseProducing(self) -> None:
        """Bring no more until told."""
        self._response.pause()

    def resumeProducing(self) -> None:
        """Go on."""
        self._response.resume()

    def stopProducing(self) -> None:
        """Bring no more at all."""
        self._response.leave()

    def loseConnection(self) -> None:
        """Bring no more at all."""
        self._response.leave()

    def abortConnection(self) -> None:
        """Bring no more at all; `readBody` asks for it when it is cancelled, and must not hear of it afterwards."""
        self._response.leave(at_once=True)
