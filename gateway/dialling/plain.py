"""treq without what it does for a user of the web.

Used by `gateway.dialling.fetching`. Cookies of one answer are not kept for the
next request, which here is another caller's; content is neither asked for in a
packed form nor unpacked, since that has no bound; a URL is asked for as it was
written. D-54 has what each of these costs, and what shows it.

Tests: `tests/dialling/test_fetching.py::test_a_cookie_of_one_answer_is_not_in_the_next_request`.
"""

from __future__ import annotations

from functools import lru_cache
from http.cookiejar import Cookie
from typing import Any

from hyperlink import URL, EncodedURL
from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer


def ask(
    plain: PlainAgent, reactor: Any, method: bytes, url: bytes, headers: Headers, body: bytes | None
) -> Deferred[Any]:
    """Make a request; redirects are not followed.

    Args:
        plain: For this request only: it has the fields of the answer afterwards.
        reactor: treq would take the global one.
        method: `GET`, …
        url: As it goes out.
        headers: Further fields.
        body: Content, None for none.

    Returns:
        The answer (an `IResponse`), whose content is on its way.

    Raises:
        ValueError: The URL is none.
    """
    return HTTPClient(plain, _NO_COOKIES, _Content).request(
        method.decode("ascii"),
        _as_written(url),
        headers=headers.copy(),
        data=body,
        allow_redirects=False,
        unbuffered=True,
        reactor=reactor,
    )


@implementer(IAgent)
class PlainAgent:
    """Below treq, for one question: content comes as it is sent.

    treq asks for gzip whatever it is told, and unpacks what came in one read at once, however large it gets. So it
    does not see that an answer is packed, and the request says that it should not be.

    Args:
        agent: Asks.

    Attributes:
        fields: Of the answer, all of them.
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent
        self.fields: list[tuple[bytes, bytes]] = []

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # Twisted's name
    ) -> Deferred[IResponse]:
        assert headers is not None  # treq gives some
        headers.setRawHeaders(b"Accept-Encoding", [b"identity"])
        return self._agent.request(method, uri, headers, bodyProducer).addCallback(self._keep_fields)

    def _keep_fields(self, response: IResponse) -> IResponse:
        self.fields = [(name, value) for name, values in response.headers.getAllRawHeaders() for value in values]
        response.headers.removeHeader(b"Content-Encoding")
        return response


class _Written(EncodedURL):
    """A URL that is asked for as it was written.

    treq brings a URL into its normal form for each request: 50 us for a name of three parts, and not what the
    configuration says.
    """

    written: str

    def to_uri(self) -> _Written:
        return self

    def to_text(self, with_password: bool = False) -> str:
        return self.written


@lru_cache(maxsize=64)
def _as_written(url: bytes) -> _Written:
    """Read a URL; raises ValueError."""
    text = url.decode("ascii")
    found = URL.from_text(text)
    made = _Written(found.scheme, found.host, found.path, found.query, found.fragment, found.port)
    made.written = text
    return made


class _NoCookies(IndexableCookieJar):
    """Keeps nothing and gives nothing: what a server sets is for one caller, and the next request is another's."""

    def extract_cookies(self, response: Any, request: Any) -> None: ...

    def add_cookie_header(self, request: Any) -> None: ...

    def set_cookie(self, cookie: Cookie) -> None: ...


_NO_COOKIES = _NoCookies()


@implementer(IBodyProducer)
class _Content:
    """The content of a request, in one piece. treq's own reads it as a file, by the global reactor."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        consumer.write(self._body)
        done.callback(None)
        return done

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def stopProducing(self) -> None: ...
