"""A TLS client's first message, read before OpenSSL has it: the server name, and whether it is answered at all.

Asked by `gateway.transport.memory_tls` and by who chooses the certificate by the name. Decides only. The standard
library's own callback would do for names of ASCII; for any other name it ends the handshake and writes a traceback to
the standard error, once for each client that cares to send one.

# Note [Dear handshakes]
In TLS 1.3 the client chooses how keys are exchanged, and OpenSSL before 3.5 takes finite fields of up to 8192 bits: 120
ms of the reactor's time for a client that has sent a number which it need not have computed (CVE-2002-20001). Python's
`ssl` cannot leave them out (its one setting takes one curve). So who sends a share for such a field is refused here,
and who would be asked for one, since P-256 is not on its list: every implementation of TLS 1.3 has that (RFC 8446
section 9.1), and no browser or library sends such a share unasked. So is a message that cannot be read here, since
OpenSSL may find one in it. Whatever else is wrong with it OpenSSL says, which gets every octet of it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

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

_REFUSED = b"\x15\x03\x03\x00\x02\x02\x28"  # a fatal alert, handshake_failure

_RECORDS = (b"\x14", b"\x15", b"\x16", b"\x17")
_HANDSHAKE, _CLIENT_HELLO, _HOST_NAME = 22, 1, 0
_SERVER_NAME, _GROUPS, _KEY_SHARE = 0, 10, 51  # extensions
_FINITE_FIELD = 1  # first octet of their groups (RFC 7919)
_P256 = 23
_UNREADABLE = -1  # no extension's number: there is no message in it


def server_name(octets: bytes) -> bytes | None:
    """Return the host name that a client asks for; empty for none, None while its message is not whole.

    Args:
        octets: All that the client has sent so far (RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3).
    """
    extensions = _extensions(octets)
    if extensions is None:
        return None
    try:
        return _host(extensions.get(_SERVER_NAME, b""))
    except IndexError:
        return b""


def answer_at_once(octets: bytes) -> bytes:
    """Return what a client gets in place of a handshake; empty where OpenSSL is to go on, or more has to come.

    That is said to one that speaks HTTP in the clear; or it is refused, see Note [Dear handshakes].

    Args:
        octets: All that the client has sent so far.
    """
    if octets.startswith(_HTTP):
        return _ANSWER
    if not octets.startswith(_RECORDS):
        return b""
    extensions = _extensions(octets)
    if extensions is None:
        return b""
    try:
        return _REFUSED if _UNREADABLE in extensions or _is_dear(extensions) else b""
    except IndexError:
        return b""


@lru_cache(maxsize=1)  # asked for three times of each client's message
def _extensions(octets: bytes) -> dict[int, bytes] | None:
    """Return the extensions of a client's message, None while that is not whole; as far as it can be read."""
    message = _message(octets)
    if message is None:
        return None
    found: dict[int, bytes] = {}
    if not message:
        found[_UNREADABLE] = b""
        return found
    with suppress(IndexError):
        at = 4 + 2 + 32  # type and length, version, random
        at += 1 + message[at]  # session
        at += 2 + _number(message, at)  # ciphers
        at += 1 + message[at]  # compressions
        if at == len(message):
            return found  # TLS 1.2 without extensions
        end = at + 2 + _number(message, at)
        at += 2
        while at < end:
            kind, size = _number(message, at), _number(message, at + 2)
            at += 4
            found[kind] = message[at : at + size]
            at += size
    return found


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


def _host(extension: bytes) -> bytes:
    at = 2
    while at < len(extension):
        size = _number(extension, at + 1)
        if extension[at] == _HOST_NAME:
            return extension[at + 3 : at + 3 + size]
        at += 3 + size
    return b""


def _is_dear(extensions: dict[int, bytes]) -> bool:
    shares = extensions.get(_KEY_SHARE, b"")
    at = 2
    while at < len(shares):
        if shares[at] == _FINITE_FIELD:
            return True
        at += 4 + _number(shares, at + 2)
    listed = extensions.get(_GROUPS, b"")[2:]
    fields = False
    for at in range(0, len(listed), 2):
        if listed[at] == _FINITE_FIELD:
            fields = True
        elif _number(listed, at) == _P256:
            return False
    return fields


def _number(octets: bytes, at: int) -> int:
    return octets[at] << 8 | octets[at + 1]
