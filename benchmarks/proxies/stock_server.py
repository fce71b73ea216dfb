"""A reverse proxy made of twisted.web's own pieces, run as a program of its own.

python -m benchmarks.proxies.stock_server agent|resource ENDPOINT BACKEND_PORT LOG
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, cast

from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorCore, IReactorTCP
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from twisted.web.proxy import ReverseProxyResource
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

_OF_THIS_HOP = frozenset(
    [b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"content-length"]
)


class _Copy(Protocol):
    """Write the backend's body to the client, chunk by chunk."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.done: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self._request.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.done.callback(None)


class _Forward(Resource):
    """Send every request to the backend with the stock agent."""

    isLeaf = True

    def __init__(self, agent: Agent, backend: bytes) -> None:
        Resource.__init__(self)
        self._agent = agent
        self._backend = backend

    def render(self, request: Request) -> int:
        headers = Headers({})
        for name, values in request.requestHeaders.getAllRawHeaders():
            if name.lower() not in _OF_THIS_HOP:
                headers.setRawHeaders(name, list(values))
        headers.addRawHeader(b"X-Forwarded-For", request.getClientAddress().host.encode())
        body: IBodyProducer | None = None
        if request.method not in (b"GET", b"HEAD"):
            body = FileBodyProducer(request.content, readSize=65536)
        answered = self._agent.request(request.method, self._backend + request.uri, headers, body)
        answered.addCallbacks(self._answer, self._fail, (request,), {}, (request,))
        return NOT_DONE_YET

    def _answer(self, response: IResponse, request: Request) -> Deferred[None]:
        request.setResponseCode(response.code, response.phrase)
        for name, values in response.headers.getAllRawHeaders():
            if name.lower() not in _OF_THIS_HOP:
                request.responseHeaders.setRawHeaders(name, list(values))
        if isinstance(response.length, int):
            request.setHeader(b"Content-Length", b"%d" % response.length)
        copy = _Copy(request)
        response.deliverBody(copy)
        return copy.done.addCallback(lambda _: self._finish(request))

    def _fail(self, failure: Failure, request: Request) -> None:
        request.setResponseCode(502)
        self._finish(request)

    def _finish(self, request: Request) -> None:
        if request.channel is not None:  # the client is still there
            request.finish()


class _OneLog(Site):
    """A site whose log is one file, as the other proxies' are: the stock one starts another after each megabyte."""

    def _openLogFile(self, path: str | bytes) -> IO[str]:  # noqa: N802 - Twisted's name
        return Path(os.fsdecode(path)).open("a", 1, newline="\n")


def main() -> None:
    """Serve until a signal comes."""
    kind, endpoint, backend, access_log = sys.argv[1:]
    reactor = cast("IReactorTCP", installed_reactor)
    resource: Resource
    if kind == "agent":
        pool = HTTPConnectionPool(reactor)
        pool.maxPersistentPerHost = 128  # the default of 2 would open a connection for most requests
        pool.retryAutomatically = False
        resource = _Forward(Agent(reactor, pool=pool), b"http://127.0.0.1:" + backend.encode())
    else:
        resource = ReverseProxyResource("127.0.0.1", int(backend), b"")
    site = _OneLog(resource, logPath=access_log.encode(), parsePOSTFormSubmission=False)
    serverFromString(reactor, endpoint).listen(site)
    cast("IReactorCore", reactor).run()


if __name__ == "__main__":
    main()
