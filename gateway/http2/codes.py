"""Numbers of HTTP/2 (RFC 9113): error codes, settings, the preface, and the one frame that is written by hand.

Layer 1.
"""

from __future__ import annotations

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client's connection begins with (section 3.4); no HTTP/1 parser takes it for a request."""

H2 = b"h2"
"""As ALPN calls it."""

# Section 7.
NO_ERROR = 0x0
PROTOCOL_ERROR = 0x1
INTERNAL_ERROR = 0x2
FLOW_CONTROL_ERROR = 0x3
SETTINGS_TIMEOUT = 0x4
STREAM_CLOSED = 0x5
FRAME_SIZE_ERROR = 0x6
REFUSED_STREAM = 0x7
CANCEL = 0x8
COMPRESSION_ERROR = 0x9
CONNECT_ERROR = 0xA
ENHANCE_YOUR_CALM = 0xB
INADEQUATE_SECURITY = 0xC
HTTP_1_1_REQUIRED = 0xD

NAMES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)
"""By code."""

# Section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1.
ENABLE_PUSH = 0x2
MAX_CONCURRENT_STREAMS = 0x3
INITIAL_WINDOW_SIZE = 0x4
ENABLE_CONNECT_PROTOCOL = 0x8
NO_RFC7540_PRIORITIES = 0x9

_GOAWAY = 0x7


def name_of(code: int) -> str:
    """Return the name of an error code, for a log: codes that nobody has registered are numbers."""
    return NAMES[code] if 0 <= code < len(NAMES) else hex(code)


def goaway(last: int, code: int) -> bytes:
    """Return a GOAWAY frame (section 6.8), for a connection whose engine cannot write one any more.

    Args:
        last: The last stream that was, or might be, acted upon.
        code: Why.
    """
    payload = last.to_bytes(4) + code.to_bytes(4)
    return len(payload).to_bytes(3) + bytes((_GOAWAY, 0)) + bytes(4) + payload
