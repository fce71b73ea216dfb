"""What is written by hand is what OpenTelemetry's own messages read, and write."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from gateway.telemetry.protobuf import any_value, fixed32, fixed64, key_value, number, octets, read, text, varint

VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats()
)


@given(st.text(st.characters(exclude_categories=["Cs"])), VALUES)
def test_a_pair_is_what_the_library_writes(key: str, value: str | float | bool) -> None:
    """Texts, flags, integers of both signs, and floats."""
    kind = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}[type(value)]
    pair = common_pb2.KeyValue(key=key, value=common_pb2.AnyValue(**{kind: value}))  # type: ignore[arg-type]

    written = key_value(9, key, value)

    assert any_value(value) == pair.value.SerializeToString()
    span = trace_pb2.Span()
    span.ParseFromString(written)
    if key:  # an empty one is left out there, and means the same
        assert written == trace_pb2.Span(attributes=[pair]).SerializeToString()
    assert span.attributes[0].key == key


def test_half_of_a_pair_of_surrogates_is_no_text() -> None:
    """A client can send what Python keeps as one; a message with it would be refused as a whole."""
    assert text(1, "a\udc80") == text(1, "a?")


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02"), (-1, b"\xff" * 9 + b"\x01")],
)
def test_numbers_go_in_groups_of_seven_bits(value: int, written: bytes) -> None:
    """As the encoding's own examples have them."""
    assert varint(value) == written


def test_a_message_is_read_again() -> None:
    """Integers and octets; what has a fixed length is passed over."""
    message = number(1, 300) + fixed64(2, 7) + octets(20, b"ab") + fixed32(3, 1) + text(4, "c")

    assert list(read(message)) == [(1, 300), (20, b"ab"), (4, b"c")]


@pytest.mark.parametrize("broken", [b"\x08", b"\x08\x80", b"\x12\x05ab", b"\x09\x00", b"\x0b", b"\xff" * 11])
def test_what_is_no_message_is_an_error(broken: bytes) -> None:
    """Cut off, too long, or of a kind that there is not."""
    with pytest.raises(ValueError, match=r"."):
        list(read(broken))


@given(st.binary())
def test_whatever_comes_is_read_or_an_error(message: bytes) -> None:
    """A receiver may answer anything."""
    with suppress(ValueError):
        list(read(message))
