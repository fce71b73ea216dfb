"""A backend is well when it answers a request as it should: status, fields, content.

Each check has a connection of its own, so that it says something about new
connections too, and takes none from the traffic. It waits for the whole answer,
though the head may say enough: a backend that is cut off while it writes has an
error in its log, with every check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from gateway.headers import Headers
from gateway.http.expressions import searcher
from gateway.probing.probe_tcp import Connect
from gateway.probing.prober import CheckFailed
from gateway.routing.rule import Conditions

MOST = 64 * 1024
"""Octets that are read of an answer; its content counts as far as that."""


class HttpProbe:
    """Asks for a path.

    Args:
        connect: Opens a connection to the backend.
        host: For `Host`, unless `headers` has one.
        path: What is asked for.
        headers: Further fields to send.
        expected_status: Ranges of statuses that are well, both ends included.
        expected_headers: What fields of the answer must be: equal text, `~regex`, or `*` for presence.
        expected_body: Text that must stand in the content, or `~regex`; empty for whatever it is.

    Raises:
        ValueError: A regular expression does not compile.
    """

    def __init__(
        self,
        connect: Connect,
        host: str,
        path: str,
        headers: Mapping[str, str],
        expected_status: Sequence[tuple[int, int]],
        expected_headers: Mapping[str, str],
        expected_body: str,
    ) -> None:
        self._connect = connect
        fields = {"Host": host, "User-Agent": "gateway-health-check", "Accept": "*/*"}
        given = {name.lower() for name in headers}
        lines = [(name, value) for name, value in fields.items() if name.lower() not in given]
        lines += [*headers.items(), ("Connection", "close")]
        self._request = f"GET {path} HTTP/1.1\r\n".encode() + b"".join(
            b"%b: %b\r\n" % (name.encode(), value.encode("latin-1")) for name, value in lines
        )
        self._request += b"\r\n"
        self._statuses = expected_status
        self._conditions = Conditions(expected_headers, {})
        self._body = _finder(expected_body)

    def run(self) -> Deferred[None]:
        """See `gateway.probing.prober.Probe`."""
        check = _Check(self._request, self._judge)
        connecting = self._connect(lambda: check)
        connecting.addErrback(check.failed)
        check.connecting = connecting
        return check.done

    def _judge(self, status: int, headers: Headers, body: bytes) -> None:
        if not any(least <= status <= most for least, most in self._statuses):
            wanted = ", ".join(f"{least}" if least == most else f"{least}-{most}" for least, most in self._statuses)
            raise CheckFailed(f"status {status}, wanted {wanted}")
        if not self._conditions.hold(headers, b""):
            raise CheckFailed("the fields of the answer are not as wanted")
        if self._body is not None and not self._body(body):
            raise CheckFailed("the content of the answer is not as wanted")


class _Check(Protocol):
    """One request and its answer."""

    def __init__(self, request: bytes, judge: Callable[[int, Headers, bytes], None]) -> None:
        self._request = request
        self._judge = judge
        self._parser = HttpResponseParser(self)
        self._fields: list[tuple[bytes, bytes]] = []
        self._headers = Headers()
        self._body = b""
        self._received = 0
        self._in_body = False
        self._framed = False
        self.connecting: Deferred[IProtocol] | None = None
        self.done: Deferred[None] = Deferred(lambda _: self._cancel())

    def connectionMade(self) -> None:
        self.transport.write(self._request)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        if self.done.called:
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._end(CheckFailed("it changes the protocol"))
        except HttpParserError as error:
            self._end(CheckFailed(f"what it answers is no HTTP: {error}"))
        else:
            if self._received > MOST:
                self._finish() if self._in_body else self._end(CheckFailed(f"a head of more than {MOST} octets"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._in_body and not self._framed:
            self._finish()  # content that ends with the connection
        else:
            self._end(CheckFailed("the connection was closed before the whole answer was there"))

    def failed(self, failure: Failure) -> None:
        """There is no connection."""
        if not self.done.called:
            self.done.errback(failure)

    # Called by httptools.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._headers, self._fields = Headers(self._fields), []
        if status >= 200:
            self._in_body = True
            self._framed = b"content-length" in self._headers or b"transfer-encoding" in self._headers

    def on_body(self, data: bytes) -> None:
        self._body += data[: MOST - len(self._body)]

    def on_message_complete(self) -> None:
        if self._in_body:
            self._finish()

    def _finish(self) -> None:
        try:
            self._judge(self._parser.get_status_code(), self._headers, self._body)
        except CheckFailed as error:
            self._end(error)
        else:
            self._end(None)

    def _end(self, error: CheckFailed | None) -> None:
        if self.done.called:
            return
        self._drop()
        if error is None:
            self.done.callback(None)
        else:
            self.done.errback(error)

    def _cancel(self) -> None:
        if self.transport is None and self.connecting is not None:
            self.connecting.cancel()
        self._drop()

    def _drop(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]


def _finder(wanted: str) -> Callable[[bytes], object] | None:
    if not wanted:
        return None
    if wanted.startswith("~"):
        return searcher(wanted[1:])
    text = wanted.encode()
    return lambda body: text in body
