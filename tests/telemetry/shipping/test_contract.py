"""What answers mean, and how bodies are compressed."""

from __future__ import annotations

import gzip

import pytest

from gateway.headers import Headers
from gateway.telemetry.shipping.contract import OK, Receipt, Verdict, judge_status, squeezed

ITEMS = [b"a", b"b"]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, OK),
        (202, OK),
        (204, OK),
        (400, Verdict(refused=2, said="it answered 400: no")),
        (404, Verdict(refused=2, said="it answered 404: no")),
        (301, Verdict(refused=2, said="it answered 301: no")),
        (408, Verdict(again=ITEMS, said="it answered 408: no")),
        (429, Verdict(again=ITEMS, said="it answered 429: no")),
        (500, Verdict(again=ITEMS, said="it answered 500: no")),
        (503, Verdict(again=ITEMS, said="it answered 503: no")),
    ],
)
def test_a_status_means_done_later_or_never(status: int, verdict: Verdict) -> None:
    """4xx is for good, but for 408 and 429."""
    assert judge_status(ITEMS, Receipt(status, Headers(()), b" no\n")) == verdict


def test_a_body_is_compressed_where_that_is_wanted() -> None:
    """The same octets each time."""
    fields = [(b"Content-Type", b"text/plain")]

    assert squeezed(b"a" * 100, fields, False) == (b"a" * 100, fields)
    body, more = squeezed(b"a" * 100, fields, True)

    assert gzip.decompress(body) == b"a" * 100
    assert more == [*fields, (b"Content-Encoding", b"gzip")]
    assert body == squeezed(b"a" * 100, fields, True)[0]
