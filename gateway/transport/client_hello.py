"""The server name that a TLS client asks for, read from its first message before OpenSSL has it.

Asked by `gateway.transport.server_sessions`, which chooses the certificate by it. Decides only. The standard library's
own callback would do for names of ASCII; for any other name it ends the handshake and writes a traceback to the
standard error, once for each client that cares to send one.

Nothing is refused here: of a message that cannot be read the name is empty, and OpenSSL, which gets every octet of
it, says what is wrong with it.
"""

from __future__ import annotations

MOST = 2**14
"""Most octets that are waited for; browsers send 500 to 2,000."""

MOST_RECORDS = 16
"""Most records that one message may come in: each octet of it in a record of its own would cost us its square."""

_HTTP = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"OPTIONS ", b"TRACE ", b"CONNECT ", b"PRI ")

_SAID = b"This port speaks HTTPS: write https:// in place of http://.\n"
_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
    % (len(_SAID), _SAID)
)

_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME, _HOST_NAME = 22, 1, 0, 0


def server_name(octets: bytes) -> bytes | None:
    """Return the host name that a client asks for; empty for none, None while its message is not whole.

    Args:
        octets: All that the client has sent so far (RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3).
    """
    message = _message(octets)
    if not message:
        return message
    try:
        return _name_in(message)
    except IndexError:
        return b""


def answer_in_clear(octets: bytes) -> bytes:
    """Return what is said to a client that speaks HTTP in the clear, where TLS is expected; empty for any other.

    Args:
        octets: The first that the client has sent.
    """
    return _ANSWER if octets.startswith(_HTTP) else b""


def _message(octets: bytes) -> bytes | None:
    """Return the client's first message, put together from its records; empty where it is none."""
    if len(octets) > MOST:
        return b""
    message = b""
    at = 0
    for _ in range(MOST_RECORDS):
        if len(octets) < at + 5:
            # A client that speaks HTTP in the clear is answered at once.
            return None if octets[at : at + 1] in (b"", b"\x16") else b""
        if octets[at] != _HANDSHAKE:
            return b""
        end = at + 5 + int.from_bytes(octets[at + 3 : at + 5], "big")
        if end > MOST:
            return b""
        if len(octets) < end:
            return None
        message += octets[at + 5 : end]
        at = end
        if message and message[0] != _CLIENT_HELLO:
            return b""
        if len(message) >= 4:
            whole = 4 + int.from_bytes(message[1:4], "big")
            if whole > MOST:
                return b""
            if len(message) >= whole:
                return message[:whole]
    return b""


def _name_in(message: bytes) -> bytes:
    at = 4 + 2 + 32  # type and length, version, random
    at += 1 + message[at]  # session
    at += 2 + _number(message, at)  # ciphers
    at += 1 + message[at]  # compressions
    if at == len(message):
        return b""  # TLS 1.2 without extensions
    end = at + 2 + _number(message, at)
    at += 2
    while at < end:
        kind, size = _number(message, at), _number(message, at + 2)
        at += 4
        if kind == _SERVER_NAME:
            return _host(message[at : at + size])
        at += size
    return b""


def _host(extension: bytes) -> bytes:
    at = 2
    while at < len(extension):
        size = _number(extension, at + 1)
        if extension[at] == _HOST_NAME:
            return extension[at + 3 : at + 3 + size]
        at += 3 + size
    return b""


def _number(octets: bytes, at: int) -> int:
    return octets[at] << 8 | octets[at + 1]
