from __future__ import annotations

from gateway.http2 import codes


def test_codes_have_names() -> None:
    """Those of RFC 9113; others are numbers."""
    assert [codes.name_of(code) for code in (0, codes.ENHANCE_YOUR_CALM, 13, 14, 2**32 - 1)] == [
        "NO_ERROR", "ENHANCE_YOUR_CALM", "HTTP_1_1_REQUIRED", "0xe", "0xffffffff",
    ]  # fmt: skip


def test_a_goaway_by_hand() -> None:
    """Section 6.8: eight octets on stream 0."""
    assert codes.goaway(7, codes.ENHANCE_YOUR_CALM) == bytes.fromhex("000008 07 00 00000000 00000007 0000000b")
