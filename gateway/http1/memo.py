"""Heads that were read and judged before, by their exact bytes.

Note [The same head again]
Clients send the same fields with every request of a kind, and backends answer
with the same head until their Date moves on. When a parser has read a whole
head and found it valid, it remembers the result by the bytes of the head; when
the same bytes come again they are not parsed (requests: 1.0 µs in place of 5.4;
answers: 1.2 in place of 6.5). A head that differs in one byte is parsed. The
memo is asked only where a message begins, and for all bytes up to the empty
line, so nothing passes by it that the parser would refuse.

Tests: `tests/http/test_memo.py`.
"""

from __future__ import annotations

from typing import TypeVar

from mypy_extensions import mypyc_attr

from gateway.http.memo import Memo

T = TypeVar("T")


@mypyc_attr(allow_interpreted_subclasses=True)
class HeadMemo(Memo[bytes, T]):
    """The results of parsing heads, by the bytes of the heads."""
