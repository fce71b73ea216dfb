"""JSON in and out without a change of what it says."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.exact_json import NotJson, TooDeep, _write_all, parse, write

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    # Halves of surrogate pairs too: JSON can say them.
    | st.text(st.characters(categories=None)),
    lambda below: st.lists(below) | st.dictionaries(st.text(st.characters(categories=None)), below),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_any_value_is_the_same(value: Any) -> None:
    """Whichever of the two ways it is written."""
    read = parse(json.dumps(value).encode())
    assert json.loads(write(read)) == value
    assert json.loads(_write_all(read)) == value


@given(VALUES)
def test_what_was_written_is_read_and_written_again(value: Any) -> None:
    """Octet by octet: there is one way to write it."""
    once = write(parse(json.dumps(value).encode()))
    assert write(parse(once)) == once


@pytest.mark.parametrize(
    "number", ["0", "-0", "0.10", "1e400", "1E-400", "18446744073709551616", "9" * 5000, "0.1000000000000000055"]
)
def test_numbers_keep_their_digits(number: str) -> None:
    """Also those that no float and no 64-bit integer has."""
    assert write(parse(b" [%b ]" % number.encode())) == b"[%b]" % number.encode()


def test_order_and_names_that_stand_twice() -> None:
    """The last one counts."""
    assert write(parse(b'{"z":1,"a":2,"z":3}')) == b'{"z":3,"a":2}'


@pytest.mark.parametrize(
    "text",
    [b"", b"nul", b"NaN", b"-Infinity", b"[Infinity]", b"01", b"1.", b"'a'", b'"\x00"', b"[1,]", b"\xff", b"1 2"],
)
def test_what_is_no_json(text: bytes) -> None:
    """As RFC 8259 has it."""
    with pytest.raises(NotJson):
        parse(text)


def test_utf_16_is_read() -> None:
    """RFC 4627 had it; UTF-8 is written."""
    assert write(parse('["é"]'.encode("utf-16"))) == '["é"]'.encode()


def test_depth() -> None:
    """What orjson refuses is written; what the stack has no room for is not read."""
    assert write(parse(b"[" * 300 + b"]" * 300)) == b"[" * 300 + b"]" * 300
    with pytest.raises(TooDeep):
        parse(b"[" * 200_000 + b"]" * 200_000)


def test_half_a_pair_does_not_make_numbers_slow() -> None:
    """Where orjson refuses one text, numbers are not asked of it one by one: they take no longer than texts do."""
    took = []
    for rest in (b'"a"', b"1"):
        text = b'["\\ud800"' + (b"," + rest) * 100_000 + b"]"
        value = parse(text)
        before = process_time()
        assert write(value) == text
        took.append(process_time() - before)
    assert took[1] < 3 * took[0]


def test_an_integer_of_any_length_is_written() -> None:
    """One of Python's may be longer than orjson's 64 bits."""
    assert write({"n": 2**100, "m": -(2**80), "t": "\ud800", "l": [True, None]}) == (
        b'{"n":%d,"m":%d,"t":"\\ud800","l":[true,null]}' % (2**100, -(2**80))
    )
