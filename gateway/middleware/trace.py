"""Carry the W3C trace context through the gateway, or begin a trace.

For a gateway that exports no spans (`gateway.middleware.tracing` is for those
that do), which is a hop that changes nothing: a valid `traceparent` goes on as
it came and the backend's parent is the client's span. The forwarder never copies `traceparent` and `tracestate`: the
backend gets what is put into `headers_out` here.

See https://www.w3.org/TR/trace-context/ (level 1) and -2/ (level 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from gateway.exchange import Exchange
from gateway.headers import Headers

_BATCH: Final = 256
_WIDTH: Final = 55
# What is not random in `00-TRACE-PARENT-01`, by its places.
_FIXED: Final = ((0, b"0"), (1, b"0"), (2, b"-"), (35, b"-"), (52, b"-"), (53, b"0"), (54, b"1"))
_STATE_OCTETS: Final = 512
_STATE_MEMBERS: Final = 32

# A value that is longer than version 00's is of a later version: section 3.2.4 has a dash before what that one adds.
_parse: Final = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL
).fullmatch


class Trace:
    """Forward a valid trace context; replace a missing or broken one."""

    __slots__ = ("_made", "_random_bytes")

    name = "trace"

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        """Prepare; `random_bytes` is `os.urandom`, asked for a batch at a time."""
        self._random_bytes = random_bytes
        self._made: list[bytes] = []

    def on_request(self, exchange: Exchange) -> None:
        """Decide on the trace and send it along."""
        headers = exchange.request.headers
        value = headers.index.get(b"traceparent")
        if value is not None and self._keep(exchange, headers, value):
            return
        # A `tracestate` without a valid `traceparent` belongs to no trace: section 3.3 says to drop it.
        value = (self._made or self._make()).pop()
        exchange.trace_id = value[3:35].decode("ascii")
        exchange.headers_out.append((b"traceparent", value))

    def _keep(self, exchange: Exchange, headers: Headers, value: bytes) -> bool:
        found = context_of(headers, value)
        if found is None:
            return False
        trace_id, parent_id, flags = found
        exchange.trace_id = trace_id.decode("ascii")
        exchange.headers_out.append((b"traceparent", b"00-%b-%b-%b" % (trace_id, parent_id, flags)))
        state = state_of(headers)
        if state is not None:
            exchange.headers_out.append((b"tracestate", state))
        return True

    def _make(self) -> list[bytes]:
        self._made = digits(self._random_bytes, _WIDTH, _BATCH, _FIXED)
        return self._made


def context_of(headers: Headers, value: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return trace id, parent id and flags of a request; None where it has no valid trace context.

    Args:
        headers: Its fields.
        value: The first `traceparent` among them.
    """
    match = _parse(value)
    if match is None or len(headers.get_all(b"traceparent")) != 1:
        return None
    version, trace_id, parent_id, flags, rest = match.groups()
    if version != b"00":
        # A later version is passed on as the highest that we know, 00 (section 3.2.4), with the flags that 00 has.
        flags = b"%02x" % (int(flags, 16) & 3)
    elif rest is not None:
        return None
    return trace_id, parent_id, flags


def state_of(headers: Headers) -> bytes | None:
    """Return the `tracestate` of a request whose trace context is valid; None where there is none to pass on."""
    if b"tracestate" not in headers.index:
        return None
    state = b",".join(headers.get_all(b"tracestate"))
    if len(state) > _STATE_OCTETS:
        return None
    members = sum(1 for member in state.split(b",") if member.strip(b" \t"))
    return state if 0 < members <= _STATE_MEMBERS else None


def digits(
    random_bytes: Callable[[int], bytes], width: int, count: int, fixed: tuple[tuple[int, bytes], ...]
) -> list[bytes]:
    """Make values of random hexadecimal digits, but for what stands at certain places of each.

    Digits for all places of all values; then what is not random, place by place, as `RequestId` does. All zeros, which
    neither trace id nor parent id may be, will not come up in 2^64 tries.
    """
    texts = bytearray(random_bytes(width * count // 2).hex().encode("ascii"))
    for place, octet in fixed:
        texts[place::width] = octet * count
    made = bytes(texts)
    return [made[at : at + width] for at in range(0, width * count, width)]
