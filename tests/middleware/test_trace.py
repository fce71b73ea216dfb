"""Trace context: kept where it is valid by the W3C recommendation; else a new trace is begun."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from gateway.exchange import Exchange
from gateway.middleware.trace import Trace

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01".encode()


@pytest.fixture
def step() -> Trace:
    """With real randomness."""
    return Trace(os.urandom)


def sent(exchange: Exchange, name: bytes) -> list[bytes]:
    """The values of a field that goes to the backend."""
    return [value for field, value in exchange.headers_out if field == name]


def begun(exchange: Exchange) -> bool:
    """Whether the backend gets a trace of the gateway's own, without `tracestate`."""
    (parent,) = sent(exchange, b"traceparent")
    made = re.fullmatch(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-01", parent)
    return (
        made is not None
        and made[1].decode() == exchange.trace_id != TRACE
        and {*made[1]} != {*b"0"}
        and sent(exchange, b"tracestate") == []
    )


def test_without_a_trace_one_is_begun(make: MakeExchange, step: Trace) -> None:
    """A different one for each exchange."""
    first, second = make(), make()
    step.on_request(first)
    step.on_request(second)

    assert begun(first)
    assert begun(second)
    assert first.trace_id != second.trace_id


@pytest.mark.parametrize("flags", ["00", "01", "03", "ff"])
def test_a_valid_parent_goes_on_unchanged(make: MakeExchange, step: Trace, flags: str) -> None:
    """The gateway makes no span: the backend's parent is the client's span, and the sampling flag stays."""
    parent = f"00-{TRACE}-{PARENT}-{flags}".encode()
    exchange = make([(b"Traceparent", parent)])

    step.on_request(exchange)

    assert exchange.trace_id == TRACE
    assert exchange.headers_out == [(b"traceparent", parent)]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        VALID[:-1],
        VALID + b"-",
        VALID + b"-more",
        VALID + b"0",
        VALID.upper(),
        VALID + b"\n",
        b"ff" + VALID[2:],
        b"0x" + VALID[2:],
        f"00-{'0' * 32}-{PARENT}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"00-{TRACE}-{PARENT}-0g".encode(),
        f"00_{TRACE}_{PARENT}_01".encode(),
        b"01" + VALID[2:] + b"0",
        b"01" + VALID[2:] + b".more",
    ],
)
def test_a_broken_parent_begins_a_new_trace(make: MakeExchange, step: Trace, value: bytes) -> None:
    """The `tracestate` that came with it is dropped."""
    exchange = make([(b"traceparent", value), (b"tracestate", b"a=1")])

    step.on_request(exchange)

    assert begun(exchange)


def test_two_parents_begin_a_new_trace(make: MakeExchange, step: Trace) -> None:
    """Even two with the same value: the field may occur once."""
    exchange = make([(b"traceparent", VALID), (b"TraceParent", VALID), (b"tracestate", b"a=1")])

    step.on_request(exchange)

    assert begun(exchange)


@pytest.mark.parametrize(
    ("rest", "flags"), [(b"-01", b"01"), (b"-03-what-comes", b"03"), (b"-ff-", b"03"), (b"-08", b"00")]
)
def test_a_version_to_come_is_read_as_ours(make: MakeExchange, step: Trace, rest: bytes, flags: bytes) -> None:
    """Section 3.2.4: ids and known flags of a later version are passed on as version 00."""
    exchange = make([(b"traceparent", f"cc-{TRACE}-{PARENT}".encode() + rest)])

    step.on_request(exchange)

    assert exchange.trace_id == TRACE
    assert sent(exchange, b"traceparent") == [f"00-{TRACE}-{PARENT}-".encode() + flags]


def test_state_goes_with_its_parent_on_one_line(make: MakeExchange, step: Trace) -> None:
    """Several lines are one list, in order."""
    exchange = make([(b"tracestate", b"a=1, b=2"), (b"traceparent", VALID), (b"Tracestate", b"c=3")])

    step.on_request(exchange)

    assert sent(exchange, b"tracestate") == [b"a=1, b=2,c=3"]


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        (b",".join(b"k%d=v" % number for number in range(32)), True),
        (b",".join(b"k%d=v" % number for number in range(33)), False),
        (b",".join(b"k%d=v" % number for number in range(32)) + b",, ,", True),
        (b"k=" + b"v" * 510, True),
        (b"k=" + b"v" * 511, False),
        (b"", False),
        (b" , ", False),
    ],
)
def test_state_is_bounded(make: MakeExchange, step: Trace, state: bytes, kept: bool) -> None:
    """32 members, not counting empty ones, and 512 octets; a longer one is dropped, and the trace goes on."""
    exchange = make([(b"traceparent", VALID), (b"tracestate", state)])

    step.on_request(exchange)

    assert sent(exchange, b"tracestate") == ([state] if kept else [])
    assert sent(exchange, b"traceparent") == [VALID]
