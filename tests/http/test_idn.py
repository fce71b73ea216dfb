"""Host names in their own script (RFC 5891, UTS #46)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.idn import for_people, to_ascii, to_unicode


@pytest.mark.parametrize(
    ("written", "ascii_form", "shown"),
    [
        ("", "", ""),
        ("Example.COM", "example.com", "example.com"),
        ("my_service", "my_service", "my_service"),
        ("Bücher.example", "xn--bcher-kva.example", "bücher.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example", "bücher.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", "bücher.example"),
        ("faß.de", "xn--fa-hia.de", "faß.de"),  # RFC 5894 section 7.2: not `fass.de`, as before 2008
        (
            "ΒΌΛΟΣ.com",
            "xn--nxasmq6b.com",
            "βόλοσ.com",
        ),
        ("βόλος.com", "xn--nxasmm1c.com", "βόλος.com"),
        ("\uff11\uff12.example", "12.example", "12.example"),
        ("日本語。\uff2a\uff30", "xn--wgv71a119e.jp", "日本語.jp"),
        ("עברית.example", "xn--5dbqzzl.example", "עברית.example"),
        ("xn--n3h.net", "xn--n3h.net", "xn--n3h.net"),  # a snowman: in DNS, and not in IDNA 2008
    ],
)
def test_both_forms(written: str, ascii_form: str, shown: str) -> None:
    """What is written is mapped as browsers do it; what is shown can be written."""
    assert to_ascii(written) == ascii_form
    assert to_unicode(ascii_form) == shown
    assert to_ascii(shown) == ascii_form


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("☃.example", "U+2603"),
        ("a\u200db", "U+200D"),
        ("ab\u0301\u200d", "U+200D"),
        ("a\u202eb", "U+202E"),
        ("-ü.example", "hyphen"),
        ("ü-.example", "hyphen"),
        ("\u0301a", "ombining"),
        ("אa", "irection"),
        ("ü" * 64, "too long"),
        ("a\ufffdb", "U+FFFD"),
        ("xn--a.example", "`xn--a`"),
        ("xn--", "`xn--`"),
        ("xn--abc-", "`xn--abc-`"),
        ("xn--99999999999", "`xn--99999999999`"),
    ],
)
def test_what_no_label_can_be(written: str, word: str) -> None:
    """It says what is wrong with it."""
    with pytest.raises(ValueError, match=r".") as caught:
        to_ascii(written)
    assert word in str(caught.value)


def test_people_see_both() -> None:
    """Letters of two scripts may look alike: one of these is Cyrillic."""
    assert for_people("xn--bcher-kva.example") == "bücher.example (xn--bcher-kva.example)"
    assert for_people("xn--pple-43d.com") == "аpple.com (xn--pple-43d.com)"  # noqa: RUF001
    assert for_people("example.com") == "example.com"
    assert for_people("*.xn--bcher-kva.example") == "*.bücher.example (*.xn--bcher-kva.example)"


@given(st.text(st.characters(codec="ascii"), max_size=70))
def test_whatever_a_client_sends_can_be_shown(name: str) -> None:
    """And what is shown is that name."""
    shown = to_unicode(f"xn--{name}".lower())
    if not shown.isascii():
        assert to_ascii(shown) == f"xn--{name}".lower()
