"""How long the exchange of a client's connection may take: which of its times is running now.

Between `connection`, which knows no exchange, and `channel`, which serves them; what happens when the time is over is
in `Http1Channel.on_deadline`.
"""

from __future__ import annotations

from gateway.exchange import Exchange
from gateway.http1.response_head import Framing
from gateway.serving.connection import BODY, ClientConnection
from gateway.serving.contract import Host
from gateway.serving.tunnel import ClientTunnel


class PatientConnection(ClientConnection):
    """A connection that knows the exchange under way, and until when to wait for whom."""

    def __init__(self, site: Host, address: str) -> None:
        super().__init__(site, address)
        self._exchange: Exchange | None = None
        self._framing: Framing | None = None
        self._tunnel: ClientTunnel | None = None

    # The bodies of requests (gateway.body.BodySource).

    def pause_reading(self) -> None:
        super().pause_reading()
        self._watch_request()

    def resume_reading(self) -> None:
        super().resume_reading()
        self._watch_request()

    def _awaits_content(self, exchange: Exchange) -> bool:
        """Whether more of this request is to come; what the parser reads may be the content of the one behind it."""
        body = exchange.request.body
        return body is not None and not body.ended

    def _watch_request(self) -> None:
        """While the backend does not take the request's content, its client is not slow."""
        if self._exchange is not None and self._framing is None and self._tunnel is None:
            self._set_exchange_deadline(self._exchange, self.site.now())

    def _set_exchange_deadline(self, exchange: Exchange, now: float) -> None:
        deadline = exchange.deadline
        if self._awaits_content(exchange) and not self._pauses & BODY:
            silence = now + self.site.options.client_body
            route = exchange.route
            # What is sent to the gateway itself (a form) has to be there in time too.
            own = route is None or not route.request_timeout
            deadline = min(deadline, silence) if own else silence
        self.deadline = deadline

    def _touch(self, exchange: Exchange | None) -> None:
        """A part of the answer moves: neither side may be silent for longer than this."""
        route = None if exchange is None else exchange.route
        longest = 0.0 if route is None else route.request_timeout
        self.deadline = self.site.now() + (longest or self.site.options.request)

    def _may_still_send(self, exchange: Exchange) -> bool:
        body = exchange.request.body
        if body is not None and not body.ended:
            return True
        # Over TLS a client that waits for the end would wait for nothing: see _start_lingering.
        return exchange.error is not None and exchange.error.close and not self._secure
