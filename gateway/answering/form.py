"""A path that takes a form and that the gateway answers itself.

The body is gathered here, up to `MOST` octets: forms are small. The chain deals with errors, and with a client that
goes away or is too slow, as for every exchange.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from gateway.errors import InternalError, MethodNotAllowed, TokenRefused
from gateway.exchange import Exchange
from gateway.filters import whole
from gateway.headers import Headers
from gateway.interfaces import ErrorRenderer, Middleware
from gateway.message import Response
from gateway.middleware.body_limit import BodyLimit
from gateway.middleware.chain import Chain

MOST = 16 * 1024
"""Most octets of a form."""
MEDIA_TYPE = b"application/x-www-form-urlencoded"

Answer = Callable[[Exchange, bytes], Awaitable[Response]]
"""Makes the response to a form."""


class FormLeaf:
    """A path that takes forms by POST.

    Args:
        name: Stands in logs and metrics where routes have their name.
        path: The path that takes the form.
        steps: The middleware before it.
        answer: Makes the response to a form.
        render_error: Makes the responses to errors.
    """

    request_timeout = 0.0

    def __init__(
        self, name: str, path: str, steps: Sequence[Middleware], answer: Answer, render_error: ErrorRenderer
    ) -> None:
        self.name = name
        self.pattern = path
        # Reading the form is a step that always answers: the chain knows how to wait for a step and how to cancel it.
        self._chain = Chain([*steps, BodyLimit(MOST), _Form(answer)], _unanswered, render_error)

    def render_exchange(self, exchange: Exchange) -> None:
        """Take the form and answer."""
        exchange.route = self
        self._chain.begin(exchange)


class _Form:
    """Reads the form, then answers."""

    name = "form"

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def on_request(self, exchange: Exchange) -> Response:
        request = exchange.request
        if request.method != b"POST":
            raise MethodNotAllowed(("POST",))
        media_type = request.headers.joined(b"content-type") or b""
        if media_type.partition(b";")[0].strip().lower() != MEDIA_TYPE:
            raise TokenRefused("invalid_request", f"The content must be {MEDIA_TYPE.decode()}.")
        if request.query:
            # RFC 6749 section 2.3.1: secrets must not be in the URI, which many logs write down.
            raise TokenRefused("invalid_request", "Parameters belong in the body.")
        form = b""
        if request.body is not None:
            if (request.headers.get(b"expect") or b"").lower() == b"100-continue" and not request.body.received:
                exchange.downstream.send_interim(exchange, 100, b"", Headers())
            await whole(request.body, MOST)  # the body limit refuses a longer one
            form = request.body.take()
        return await self._answer(exchange, form)


def _unanswered(exchange: Exchange) -> None:
    raise InternalError()
