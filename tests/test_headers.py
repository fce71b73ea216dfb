from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import HeaderBlock, Headers

NAMES = st.sampled_from([b"A", b"a", b"B", b"X-C"])
VALUES = st.sampled_from([b"1", b"2", b""])
CHANGES = st.lists(st.tuples(st.sampled_from(["add", "set", "remove"]), NAMES, VALUES), max_size=8)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)


def test_names_are_found_in_any_case_and_kept_as_written() -> None:
    """RFC 9110 section 5.1."""
    headers = Headers([(b"X-A", b"1"), (b"x-a", b"2"), (b"B", b"")])
    assert headers.get(b"x-A") == b"1"
    assert headers.get_all(b"X-a") == [b"1", b"2"]
    assert headers.joined(b"x-a") == b"1, 2"
    assert list(headers) == [(b"X-A", b"1"), (b"x-a", b"2"), (b"B", b"")]
    assert b"b" in headers
    assert "b" not in headers
    assert len(headers) == 3


def test_what_is_absent() -> None:
    """An empty value is there, an absent field is not."""
    headers = Headers([(b"B", b"")])
    assert headers.get(b"B", b"x") == b""
    assert headers.get(b"A") is None
    assert headers.get(b"A", b"x") == b"x"
    assert headers.get_all(b"A") == []
    assert headers.joined(b"A") is None
    assert headers.joined(b"B") == b""


def test_lines_as_they_go_on_the_wire() -> None:
    """Name as written, one space, CRLF."""
    assert Headers([(b"hOst", b"h"), (b"X", b"")]).encode() == b"hOst: h\r\nX: \r\n"


def test_headers_are_equal_whatever_the_case_of_names() -> None:
    """Order and values count."""
    assert Headers([(b"A", b"1")]) == Headers([(b"a", b"1")])
    assert Headers([(b"A", b"1")]) != Headers([(b"A", b"2")])
    assert Headers([(b"A", b"1"), (b"B", b"2")]) != Headers([(b"B", b"2"), (b"A", b"1")])
    assert Headers() != []
    assert repr(Headers([(b"A", b"1")])) == "Headers([(b'A', b'1')])"
    with pytest.raises(TypeError):
        hash(Headers())


def _changed(headers: Headers, changes: list[tuple[str, bytes, bytes]]) -> Headers:
    for change, name, value in changes:
        if change == "add":
            headers.add(name, value)
        elif change == "set":
            headers.set(name, value)
        else:
            headers.remove(name)
    return headers


@given(FIELDS, CHANGES)
def test_changes_mean_what_they_mean_on_a_list(
    fields: list[tuple[bytes, bytes]], changes: list[tuple[str, bytes, bytes]]
) -> None:
    """Add appends, set replaces at the end, remove drops every line; the index follows."""
    model = list(fields)
    for change, name, value in changes:
        if change != "add":
            model = [field for field in model if field[0].lower() != name.lower()]
        if change != "remove":
            model.append((name, value))
    headers = _changed(Headers(fields), changes)
    assert list(headers) == model
    assert headers.index == {name.lower(): value for name, value in reversed(model)}


@given(FIELDS, CHANGES)
def test_headers_over_a_block_are_like_others_and_leave_it_alone(
    fields: list[tuple[bytes, bytes]], changes: list[tuple[str, bytes, bytes]]
) -> None:
    """The first change copies; a copy has nothing of the block any more."""
    block = HeaderBlock(Headers(fields))
    over = Headers.over(block)
    assert list(over) == fields
    changed = _changed(Headers.over(block), changes)
    plain = _changed(Headers(fields), changes)
    assert list(changed) == list(plain)
    assert changed.index == plain.index
    assert list(Headers.over(block)) == fields
    assert block.index == Headers(fields).index
    assert over.copy().block is None
    if list(changed) != fields:
        assert changed.block is None
    if changed.base is not None:
        assert changed.base is block
        assert list(changed)[: len(fields)] == fields
    if all(change == "add" for change, _, _ in changes):
        assert changed.base is block


def test_lines_are_rewritten_in_their_places() -> None:
    """Those of one field; None drops a line, and with the last one the field."""
    block = HeaderBlock(Headers([(b"A", b"1"), (b"b", b"2"), (b"a", b"3")]))
    headers = Headers.over(block)

    headers.rewrite(b"a", lambda value: None if value == b"1" else value + b"!")
    assert (list(headers), headers.get(b"a")) == ([(b"b", b"2"), (b"a", b"3!")], b"3!")
    headers.rewrite(b"A", lambda value: None)
    headers.rewrite(b"c", lambda value: b"never")
    assert (list(headers), b"a" in headers) == ([(b"b", b"2")], False)
    assert len(block.fields) == 3
    assert headers.block is None
    assert headers.base is None
