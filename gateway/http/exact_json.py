"""JSON that is read and written again without a change of what it says (RFC 8259).

Layer 1. Numbers stay the text that they were (64-bit integers, `0.1`, `1e400`), names keep their order, and of names
that stand twice the last counts. `orjson` writes, and Python's `json` reads, since only that one hands over numbers as
text (D-345).
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson


class NotJson(ValueError):
    """The text is no JSON."""


class TooDeep(Exception):
    """What is in it is nested so deep that it is not read."""


def _refuse(name: str) -> Any:
    raise NotJson(f"{name} is no number")


_read: Final = json.JSONDecoder(parse_int=orjson.Fragment, parse_float=orjson.Fragment, parse_constant=_refuse).decode


def parse(content: bytes) -> Any:
    """Read a text. Numbers are `orjson.Fragment`s, which only `write` knows.

    Raises:
        NotJson: It is none.
        TooDeep: It is nested deeper than Python's stack has room for, some hundreds.
    """
    try:
        return _read(content.decode(json.detect_encoding(content)))
    except RecursionError:
        raise TooDeep() from None
    except ValueError as error:  # what is no UTF-8 too
        raise NotJson(str(error)) from None


def write(value: Any) -> bytes:
    """Write a value, without blanks."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # Half of a surrogate pair, which JSON can say and UTF-8 cannot, or deeper than orjson goes.
        return _write_all(value)


def _write_all(value: Any) -> bytes:
    """Write any value that was read: part by part, since each level would take room on the stack.

    Numbers are written at once, in the end: a call of orjson's for each took ten times as long as all else, and one
    half of a surrogate pair in a client's JSON is enough to come here with half a million of them.
    """
    made: list[bytes | None] = []  # None for the next of `others`
    others: list[Any] = []  # what is no text: none of it is written with a comma
    left: list[Any] = [value]
    while left:
        item = left.pop()
        if isinstance(item, bytes):  # a mark or a name, written already
            made.append(item)
        elif isinstance(item, dict):
            made.append(b"{")
            left.append(b"}")
            for place, (name, below) in reversed(list(enumerate(item.items()))):
                left.append(below)
                left.append((b"," if place else b"") + json.dumps(name).encode() + b":")
        elif isinstance(item, list):
            made.append(b"[")
            left.append(b"]")
            for place, below in reversed(list(enumerate(item))):
                left.append(below)
                if place:
                    left.append(b",")
        elif isinstance(item, str | int):  # integers of any length, which orjson would refuse
            made.append(json.dumps(item).encode())
        else:
            made.append(None)
            others.append(item)
    written = iter(orjson.dumps(others)[1:-1].split(b","))
    return b"".join([next(written) if part is None else part for part in made])
