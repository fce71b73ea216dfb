"""Parsing tokens: each has one reading, or is refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.compact import (
    MAX_DEPTH,
    MAX_HEADER,
    Unreadable,
    _read_strictly,
    decode,
    read,
    read_object,
)
from tests.tokens import b64

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(st.binary(max_size=100))
def test_octets_have_one_spelling(octets: bytes) -> None:
    """Decoding what was encoded gives the octets back; the values of all 64 characters are the standard's."""
    text = urlsafe_b64encode(octets).rstrip(b"=")

    assert decode(text) == octets


@given(st.text("ABCghi_-019+/= \n.", max_size=12))
def test_any_other_spelling_is_refused(text: str) -> None:
    """What is decoded encodes to the same text again."""
    try:
        octets = decode(text.encode())
    except Unreadable:
        return
    assert urlsafe_b64encode(octets).rstrip(b"=") == text.encode()


@given(st.binary(max_size=9) | st.text("ABCghi_-019+/= \n.!", max_size=9).map(str.encode))
def test_it_takes_what_encodes_to_the_same_again(text: bytes) -> None:
    """Of anything, also where the decoder of the standard library would ignore what it does not know."""
    lenient = text.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(text) % 4)
    try:
        octets: bytes | None = a2b_base64(lenient)
    except ValueError:
        octets = None
    if octets is not None and urlsafe_b64encode(octets).rstrip(b"=") == text:
        assert decode(text) == octets
    else:
        with pytest.raises(Unreadable):
            decode(text)


@pytest.mark.parametrize("text", [b"YQ=", b"YQ==", b"YR", b"Y", b"Y Q", b"YQ\n", b"+/+/", b"\xff", b"YWFh=YQ"])
def test_spellings_that_lenient_readers_take(text: bytes) -> None:
    """Padding, bits left over at the end, blanks, the alphabet of plain base64."""
    with pytest.raises(Unreadable):
        decode(text)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4).filter(lambda value: "\\ud" not in json.dumps(value)))
def test_an_object_is_read_as_json_reads_it(value: dict[str, Any]) -> None:
    """Unless it is nested too deep."""
    text = json.dumps(value)
    if max_depth(value) <= MAX_DEPTH:
        assert read_object(text.encode()) == value
    else:
        with pytest.raises(Unreadable):
            read_object(text.encode())


NUMBERS = (
    st.floats() | st.integers() | st.sampled_from([0, -0.0, 1e16, 1e-7, 2**63, 2**64, -(2**63) - 1, 10**30, 1.0, 1e22])
)
ANY = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
SPELLINGS = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (",", " :")]),
        "sort_keys": st.booleans(),
    }
)


def outcome(read_one: Callable[[bytes], Any], octets: bytes) -> tuple[str, str]:
    """What a reader makes of octets: `repr` tells 1 from 1.0 and from True, and -0.0 from 0.0."""
    try:
        return "read", repr(read_one(octets))
    except Unreadable as error:
        return "refused", str(error)


@given(ANY, SPELLINGS, st.sampled_from([None, b'"a":1,', b'"a":NaN,', b"1E5,", b"-0,"]), st.data())
def test_both_parsers_say_the_same(
    value: Any, spelling: dict[str, Any], put: bytes | None, data: st.DataObject
) -> None:
    """Note [Written as it would be written again]: whichever read it, and of what is wrong the strict one tells."""
    octets = json.dumps({"a": value, "b": [value]}, **spelling).encode("utf-8", "surrogatepass")
    if put is not None:
        place = data.draw(st.integers(0, len(octets)))
        octets = octets[:place] + put + octets[place:]
    if max_depth(value) + 2 <= MAX_DEPTH:
        assert outcome(read_object, octets) == outcome(_read_strictly, octets)


def max_depth(value: Any) -> int:
    """How deep objects and lists are nested."""
    if isinstance(value, dict | list):
        return 1 + max(map(max_depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"1",
        b'"a"',
        b"null",
        b"{",
        b'{"a":1}x',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":{"a":1,"a":2}}',
        b'{"x":[{"a":1,"a":2}]}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"a":' + b"[" * 100_000,
        "{}".encode("utf-16"),
    ],
)
def test_what_two_readers_could_take_for_two_things_is_refused(text: bytes) -> None:
    """And so is what is no object."""
    with pytest.raises(Unreadable):
        read_object(text)


def test_brackets_in_texts_are_not_deep() -> None:
    """Nor are many objects side by side."""
    value = {"a": '[[[[[[[[[[[[[[[[[[[[[[[[ "{{{{{{{{{{{{ \\', "b": [[1]] * 40}

    assert read_object(json.dumps(value).encode()) == value


def test_a_pair_of_surrogates_is_a_character() -> None:
    """JSON escapes characters beyond 16 bits so."""
    assert read_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_a_token_is_taken_apart() -> None:
    """The signature is over the octets that were sent."""
    header, payload = b64({"alg": "x"}), b64("anything")

    parts = read(f"{header}.{payload}.{b64(b'sig')}".encode(), 100)

    assert parts.header == header.encode()
    assert parts.signed == f"{header}.{payload}".encode()
    assert decode(parts.payload) == b"anything"
    assert parts.signature == b"sig"


@pytest.mark.parametrize("token", [b"", b".", b"a.b", b"a.b.c.d", b"e30.e30", b"x" * 101, b"e30.e30.Y"])
def test_what_is_not_of_three_parts_is_refused(token: bytes) -> None:
    """And so is a token that is too long."""
    with pytest.raises(Unreadable):
        read(token, 100)


def test_a_header_has_a_bound_of_its_own() -> None:
    """Smaller than that of a token."""
    with pytest.raises(Unreadable, match="header too long"):
        read(b"A" * (MAX_HEADER + 1) + b".e30.", 100_000)


def test_an_error_shows_nothing_of_the_token() -> None:
    """Its text goes to the log."""
    with pytest.raises(Unreadable) as error:
        read_object(b'{"secret": hunter2}')

    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None
