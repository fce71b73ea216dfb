"""Commands as Redis reads them."""

from __future__ import annotations

from gateway.storage.resp import Script, pack


def test_a_command_is_a_list_of_octets() -> None:
    """Numbers and text as their digits and UTF-8."""
    assert pack(b"SET", "ü", 42) == b"*3\r\n$3\r\nSET\r\n$2\r\n\xc3\xbc\r\n$2\r\n42\r\n"


def test_a_script_is_called_by_digest_or_source() -> None:
    """With the same keys and arguments."""
    script = Script(b"return 1")
    by_digest, by_source = script.call((b"k",), (7,))

    assert script.digest == b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
    assert by_digest == pack(b"EVALSHA", script.digest, 1, b"k", 7)
    assert by_source == pack(b"EVAL", b"return 1", 1, b"k", 7)
