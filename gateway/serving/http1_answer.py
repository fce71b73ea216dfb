"""Writes the answers of one HTTP/1.1 connection, one after the other: a head, then the body as it comes.

Head and first octets leave in one write. Back-pressure and times are the channel's (`Answering`);
`gateway.http1.response_head` makes the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mypy_extensions import mypyc_attr, trait

from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http1.response_head import Framing, encode
from gateway.message import Response
from gateway.serving.life import Life


@mypyc_attr(allow_interpreted_subclasses=True)
@trait
class Answering:
    """Who has answers written, and is told how they get on; a base class, since it is told for every request."""

    __slots__ = ()

    def answer_streams(self) -> None:
        """The head of the answer is about to go out, and a body will follow it."""
        raise NotImplementedError

    def answer_moves(self) -> None:
        """A part of the body is about to go out."""
        raise NotImplementedError

    def answer_sent(self, exchange: Exchange, close: bool) -> None:
        """All of it is written.

        Args:
            exchange: Whose answer it is.
            close: The answer says that it is the last one on this connection.
        """
        raise NotImplementedError

    def abort(self, exchange: Exchange) -> None:
        """The answer will never be complete."""
        raise NotImplementedError


class AnswerWriter:
    """The sink of the answers' bodies (gateway.body.BodySink).

    Args:
        client: Is told how answers get on.
        life: Of the exchange under way.
        transport: Of the client.
        date: Value of the Date field.
    """

    __slots__ = ("_client", "_date", "_framing", "_life", "_transport")

    def __init__(self, client: Answering, life: Life, transport: Any, date: Callable[[], bytes]) -> None:
        self._client = client
        self._life = life
        self._transport = transport
        self._date = date
        self._framing: Framing | None = None

    def begin(self, exchange: Exchange, response: Response, close: bool) -> None:
        """Write a response: all of it, or its head and what has come of its body.

        Args:
            exchange: Nothing of its answer is out.
            response: The answer.
            close: No other answer will follow it on this connection.
        """
        head, framing = encode(exchange.request, response, self._date, close)
        body = response.body
        if body is None or framing.empty:
            self._transport.write(head)
        elif isinstance(body, bytes):
            exchange.bytes_sent = len(body)
            self._transport.write(head + body)
        else:
            first = body.take()
            exchange.bytes_sent = len(first)
            if body.failed:
                self._client.abort(exchange)
                return
            if not body.ended:
                self._framing = framing
                # Before the write: the transport may call `pauseProducing` from inside of it.
                self._life.answers(body)
                self._client.answer_streams()
                self._transport.write(head + framing.part(first))
                # Behind the write: the body may send more at once.
                if self._life.exchange is exchange:
                    body.attach(self)
                return
            self._transport.write(head + framing.whole(first, body.trailers))
        self._client.answer_sent(exchange, framing.close)

    def body_received(self, data: bytes) -> None:
        exchange, framing = self._life.exchange, self._framing
        assert exchange is not None
        assert framing is not None
        exchange.bytes_sent += len(data)
        self._client.answer_moves()
        self._transport.write(framing.part(data))

    def body_ended(self, trailers: Headers | None) -> None:
        exchange, framing = self._life.exchange, self._framing
        assert exchange is not None
        assert framing is not None
        end = framing.whole(b"", trailers)
        if end:
            self._transport.write(end)
        self._client.answer_sent(exchange, framing.close)

    def body_failed(self) -> None:
        if self._life.exchange is not None:
            self._client.abort(self._life.exchange)
