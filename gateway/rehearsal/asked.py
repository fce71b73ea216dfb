"""What a client sends for a request that a configuration or a command line describes, and where it comes in.

Tests: `tests/rehearsal/test_stage.py::test_answers_are_given_in_order_and_the_last_again_and_again`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.config import Settings
from gateway.config.endpoint_strings import IN_THE_CLEAR, address_of
from gateway.config.schema.cases import CaseRequest
from gateway.headers import Headers
from gateway.http.hosts import normal_host
from gateway.message import Request
from gateway.rehearsal.backends import encoded, framed
from gateway.rehearsal.callers.credentials import Field


@dataclass
class Asked:
    """What a client sent.

    Attributes:
        target: Of the request line.
        headers: Its fields.
        content: What came behind them.
    """

    method: str
    target: str
    headers: Headers
    content: bytes

    @property
    def octets(self) -> bytes:
        """Return it as it goes over the wire."""
        line = f"{self.method} {self.target} HTTP/1.1\r\n".encode()
        return line + self.headers.encode() + b"\r\n" + self.content


def head_of(request: CaseRequest) -> Request:
    """Return the head of a request, as routing asks for it."""
    try:
        host = normal_host(_host(request).encode())
    except ValueError:
        host = b""  # the field `Host` says what none can be: no route is for it, and the request is refused
    return Request(
        request.method.encode(),
        _target(request.url, ()).encode(),
        Headers([(name.encode(), value.encode()) for name, value in request.headers.items()]),
        host,
    )


def listener_of(request: CaseRequest, settings: Settings) -> str:
    """Return the name of the listener that a request comes in by."""
    if request.listener is not None:
        return request.listener
    parts = urlsplit(request.url)
    listeners = settings.listeners
    tls = parts.scheme == "https"
    secure = [one for one in listeners if (one.endpoint.partition(":")[0] not in IN_THE_CLEAR) is tls]
    port = parts.port or (443 if parts.scheme == "https" else 80)
    at_port = [one for one in listeners if address_of(one.endpoint).rpartition(":")[2] == str(port)]
    return next(iter([*at_port, *secure, *listeners])).name


def asked_by(request: CaseRequest, fields: Sequence[Field], parameters: Sequence[Field]) -> Asked:
    """Return what a client sends: the request, and what is shown with it where it does not show that itself."""
    content, own = encoded(request.body, request.headers)
    names = {name.lower() for name in own}
    lines = [] if "host" in names else [("Host", _host(request))]
    lines += [(name, value) for name, value in own.items() if name.lower() != "cookie"]
    lines += [(name, value) for name, value in fields if name.lower() not in {"cookie", *names}]
    cookies = [value for name, value in [*own.items(), *fields] if name.lower() == "cookie"]
    if cookies:
        lines.append(("Cookie", "; ".join(cookies)))
    if "transfer-encoding" in names:
        content = framed(content, own)
    elif request.body is not None and "content-length" not in names:
        lines.append(("Content-Length", str(len(content))))
    headers = Headers([(name.encode(), value.encode()) for name, value in lines])
    return Asked(request.method, _target(request.url, parameters), headers, content)


def _host(request: CaseRequest) -> str:
    own = next((value for name, value in request.headers.items() if name.lower() == "host"), None)
    return own or urlsplit(request.url).netloc.rpartition("@")[2]


def _target(url: str, parameters: Sequence[Field]) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, *(f"{name}={value}" for name, value in parameters)]))
    return (parts.path or "/") + (f"?{query}" if query else "")
