"""Where a message ends, and whether it can be read in two ways.

RFC 9112 sections 3.2, 6 and 9, read strictly: what another parser could take
differently is an error here. llhttp has checked the syntax of lines and fields
before these rules are asked.
"""

from __future__ import annotations

import re
from math import inf
from typing import Final

from gateway.errors import BackendProtocolError, GatewayError, MalformedRequest
from gateway.headers import Headers
from gateway.http.fields import connection_options
from gateway.http.hosts import normal_host

CHUNKED: Final = -1
"""Content in chunks, of unknown length."""
UNTIL_CLOSE: Final = -2
"""Content that ends with the connection (responses only)."""

# Visible ASCII but "#": a fragment is never sent (RFC 9110 section 4.2.5).
_ORIGIN_FORM: Final = re.compile(rb"/[!-\"$-~]*")
_ABSOLUTE_FORM: Final = re.compile(rb"(?i:https?)://([^/?#]*)((?:[/?][!-\"$-~]*)?)")
_SINGLETONS: Final = (b"host", b"content-length", b"transfer-encoding")
_MEMO_LIMIT: Final = 1024
_hosts: dict[bytes, bytes] = {}


def check_host(value: bytes) -> bytes:
    """Return a Host value in its one spelling.

    Raises:
        MalformedRequest: The value is not a host with an optional port (RFC 9110 section 7.2).
    """
    host = _hosts.get(value)
    if host is None:
        try:
            host = normal_host(value)
        except ValueError:
            raise MalformedRequest("The Host field is not a host name with an optional port.") from None
        if len(_hosts) >= _MEMO_LIMIT:
            _hosts.clear()
        _hosts[value] = host
    return host


def origin_form(method: bytes, target: bytes) -> tuple[bytes, bytes | None]:
    """Return a request target in origin form, whichever form it came in.

    Returns:
        The target, and the authority of an absolute-form target (RFC 9112
        section 3.2.2: it replaces Host) or None.

    Raises:
        MalformedRequest: The target is in none of the forms that a gateway takes.
    """
    if _ORIGIN_FORM.fullmatch(target) is not None:
        return target, None
    if target == b"*" and method == b"OPTIONS":
        return target, None
    absolute = _ABSOLUTE_FORM.fullmatch(target)
    if absolute is None:
        raise MalformedRequest("The request target is not a path.")
    rest = absolute[2]
    if not rest and method == b"OPTIONS":
        return b"*", absolute[1]  # RFC 9112 section 3.2.4: to a proxy, `*` is written as a URL without a path
    return (rest if rest.startswith(b"/") else b"/" + rest), absolute[1]


def host_of(version: bytes, headers: Headers, authority: bytes | None) -> bytes:
    """Return the host that a request is for, in its one spelling; empty for an HTTP/1.0 request without Host.

    Args:
        version: Of the request.
        headers: Of the request.
        authority: Of an absolute-form target: it replaces Host, which must be there and valid all the same.

    Raises:
        MalformedRequest: Host is missing, or is not a host (RFC 9112 section 3.2).
    """
    host = headers.index.get(b"host")
    if host is None:
        if version == b"1.1":
            raise MalformedRequest("The Host field is missing.")
        host = b""
    elif host or authority is None:
        host = check_host(host)
    return host if authority is None else check_host(authority)


def check_singletons(headers: Headers, error: type[GatewayError]) -> None:
    """Refuse a message in which Host or a framing field stands more than once."""
    if len(headers.index) == len(headers.fields):
        return
    for name in _SINGLETONS:
        if name in headers.index and len(headers.get_all(name)) > 1:
            raise error(f"{name.decode().title()} stands more than once.")


def request_content(version: bytes, headers: Headers) -> int:
    """Return the length of a request's content: octets, 0 for none, or CHUNKED.

    Raises:
        MalformedRequest: The framing is ambiguous (RFC 9112 section 6.3).
    """
    index = headers.index
    coding = index.get(b"transfer-encoding")
    length = index.get(b"content-length")
    if coding is None:
        return 0 if length is None else _octets(length, MalformedRequest)
    if length is not None:
        raise MalformedRequest("Content-Length and Transfer-Encoding stand together.")
    if version != b"1.1":
        raise MalformedRequest("Transfer-Encoding is not part of HTTP/1.0.")
    if coding.lower() != b"chunked":
        raise MalformedRequest("The only transfer coding taken is chunked.")
    return CHUNKED


def response_content(method: bytes, status: int, version: bytes, headers: Headers) -> int:
    """Return the length of a response's content: octets, 0, CHUNKED or UNTIL_CLOSE.

    For HEAD, 204 and 304 there is none, whatever the fields say (RFC 9112
    section 6.3); the fields are checked all the same.

    Raises:
        BackendProtocolError: The framing is ambiguous.
    """
    index = headers.index
    coding = index.get(b"transfer-encoding")
    length = index.get(b"content-length")
    if coding is not None:
        if length is not None:
            raise BackendProtocolError("Content-Length and Transfer-Encoding stand together.")
        if version != b"1.1" or coding.lower() != b"chunked":
            raise BackendProtocolError("The only transfer coding taken is chunked, and only in HTTP/1.1.")
    known = None if length is None else _octets(length, BackendProtocolError)
    if method == b"HEAD" or status == 204 or status == 304:
        return 0
    if coding is not None:
        return CHUNKED
    return UNTIL_CLOSE if known is None else known


def keeps_alive(version: bytes, headers: Headers) -> bool:
    """Whether the sender lets the connection go on after this message (RFC 9112 section 9.3)."""
    options = connection_options(headers)
    if b"close" in options:
        return False
    return version == b"1.1" or b"keep-alive" in options


_IDLE: Final = re.compile(rb"(?:^|[,;\s])(timeout|max)[ \t]*=[ \t]*\"?([0-9]{1,9})", re.IGNORECASE)


def idle_seconds(headers: Headers) -> float:
    """Return for how many seconds a connection may stay unused by what `Keep-Alive` says; 0.0 for not at all.

    About a second less than the backend says: its time began with its answer, and the next request takes time too.
    """
    seconds = inf
    for name, value in _IDLE.findall(headers.joined(b"keep-alive") or b""):
        said = int(value)
        if name.lower() == b"timeout":
            seconds = min(seconds, said - 1.0 if said > 1 else said / 2)
        elif not said:
            seconds = 0.0
    return seconds


def wanted_upgrade(version: bytes, headers: Headers) -> bytes | None:
    """Return the protocols that a client asks to change to, or None where it names none.

    A change to another HTTP version would take the connection past every rule
    of the gateway (h2c smuggling), so `h2c`, `HTTP/…` and `TLS/…` are ignored,
    as RFC 9110 section 7.8 allows.
    """
    if b"upgrade" not in headers.index or version != b"1.1":
        return None
    if b"upgrade" not in connection_options(headers):
        return None
    protocols = _named(headers.joined(b"upgrade") or b"")
    for protocol in protocols:
        if protocol.lower().partition(b"/")[0] in (b"h2c", b"h2", b"http", b"tls"):
            return None
    return b", ".join(protocols) or None


def chosen_upgrade(wanted: bytes | None, headers: Headers) -> bytes:
    """Return the protocols that a backend's 101 changes to.

    Args:
        wanted: What the client asked for (`wanted_upgrade`).
        headers: Of the 101.

    Raises:
        BackendProtocolError: The client did not name the protocol (RFC 9110 section 7.8): the two ends would read the
            bytes that follow differently.
    """
    if wanted is None:
        raise BackendProtocolError("The backend changed protocols without being asked.")
    chosen = _named(headers.index.get(b"upgrade", b""))
    if not chosen or b"upgrade" not in connection_options(headers):
        raise BackendProtocolError("The backend changed protocols without saying to which.")
    if not {one.lower() for one in chosen} <= {one.lower() for one in _named(wanted)}:
        raise BackendProtocolError("The backend changed to a protocol that nobody asked for.")
    return b", ".join(chosen)


def _named(upgrade: bytes) -> list[bytes]:
    # RFC 9110 section 5.6.1: elements of a list may be empty when they are read, and must not be when they are sent.
    return [name for one in upgrade.split(b",") if (name := one.strip(b" \t"))]


def _octets(value: bytes, error: type[GatewayError]) -> int:
    # isdigit on bytes is ASCII only; 18 digits stay far below any overflow.
    if not value.isdigit() or len(value) > 18:
        raise error("Content-Length is not a number of octets.")
    return int(value)
