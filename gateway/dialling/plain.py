"""treq without cookies, without decompression, and with URLs as they are written.

Used by `gateway.dialling.fetching`. Cookies of one answer are not kept: the next
request is another caller's. Compressed content is neither asked for nor
unpacked, since treq would unpack it without a bound. A URL is not normalised.
D-54 has what each of these costs, and the test that shows it.

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
        plain: Makes this one request, and has the fields of the answer afterwards.
        reactor: Given to treq, which would use the global one.
        method: `GET`, …
        url: As it goes out.
        headers: Further fields.
        body: Content, None for none.

    Returns:
        Fires with the answer (an `IResponse`), whose content is still to be read.

    Raises:
        ValueError: This is not a URL.
    """
    return HTTPClient(plain, NO_COOKIES, _Content).request(
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
    """The agent below treq, for one request: content comes as the server sends it.

    treq always asks for gzip, and unpacks the content of one read at once, however large it gets. So this agent asks
    for `identity`, and hides from treq that an answer is compressed all the same.

    Args:
        agent: Makes the request.

    Attributes:
        fields: All fields of the answer.
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
        assert headers is not None  # treq always passes them
        headers.setRawHeaders(b"Accept-Encoding", [b"identity"])
        return self._agent.request(method, uri, headers, bodyProducer).addCallback(self._keep_fields)

    def _keep_fields(self, response: IResponse) -> IResponse:
        self.fields = [(name, value) for name, values in response.headers.getAllRawHeaders() for value in values]
        response.headers.removeHeader(b"Content-Encoding")
        return response


class _Written(EncodedURL):
    """A URL that goes out as it was written.

    treq would normalise the URL for each request: that takes 50 µs for a name of three parts, and the server would get
    another URL than the configuration has.
    """

    written: str

    def to_uri(self) -> _Written:
        return self

    def to_text(self, with_password: bool = False) -> str:
        return self.written


@lru_cache(maxsize=64)
def _as_written(url: bytes) -> _Written:
    """Parse a URL; raises ValueError where it is none."""
    text = url.decode("ascii")
    found = URL.from_text(text)
    made = _Written(found.scheme, found.host, found.path, found.query, found.fragment, found.port)
    made.written = text
    return made


class _NoCookies(IndexableCookieJar):
    """A cookie jar that stays empty: a cookie is for one caller, and the next request is another caller's."""

    def extract_cookies(self, response: Any, request: Any) -> None: ...

    def add_cookie_header(self, request: Any) -> None: ...

    def set_cookie(self, cookie: Cookie) -> None: ...


NO_COOKIES = _NoCookies()


@implementer(IBodyProducer)
class _Content:
    """The content of a request, written at once; treq's own producer would need the global reactor."""

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
