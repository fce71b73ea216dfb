"""JSON that is put into other JSON as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forwarding.aggregation import Aggregation
from gateway.forwarding.part import Part, text_of
from gateway.http.exact_json import NotJson

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(VALUES, st.booleans(), st.sampled_from([None, 2]), st.sampled_from(["", " ", "\r\n\t"]))
def test_any_json_is_taken_as_it_is(value: Any, plain: bool, indent: int | None, blanks: str) -> None:
    """Octet by octet, but for blanks around it."""
    text = json.dumps(value, ensure_ascii=plain, indent=indent).encode("utf-8", "surrogatepass")
    assert text_of(blanks.encode() + text + blanks.encode(), b"") == text


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), VALUES, min_size=1, max_size=8))
def test_what_is_put_together_says_the_same(values: dict[str, Any]) -> None:
    """Read again, it is the object of the parts under their names."""
    nothing: Any = None
    parts = [Part(name, "", nothing, 1.0, nothing, None, True) for name in values]
    made = Aggregation(parts, nothing, b"", nothing)
    contents = [text_of(json.dumps(value).encode(), b"") for value in values.values()]
    assert json.loads(made.join(contents)) == values
    assert json.loads(made.join([None] * len(parts))) == {}


@given(st.binary())
def test_octets_are_json_or_are_refused(content: bytes) -> None:
    """What is taken can be read by a strict reader, also within an object."""
    try:
        text = text_of(content, b"")
    except NotJson:
        return
    json.loads(b'{"a":' + text + b',"b":1}')


@pytest.mark.parametrize(
    "content",
    [b"", b" ", b"{", b"[1,]", b"{'a':1}", b"01", b"1 2", b"NaN", b"-Infinity", b'"\x00"', b'"\xff"', b"tru",
     b'"a" // b', b"\xff\xfe[\x00]\x00", b"[\x001]", b'{"a":1}}', b'"\t"', b"[" * 5000 + b"]" * 5000],
)  # fmt: skip
def test_what_is_no_json(content: bytes) -> None:
    """Half of it, more than it, of another encoding, or deeper than anybody reads."""
    with pytest.raises(NotJson):
        text_of(content, b"")
