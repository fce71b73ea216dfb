"""A command that was pasted as one text."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from gateway.commands.curl.words import shell_words

COMMANDS = [
    ("curl 'a b' \"c d\" e\\ f", ["curl", "a b", "c d", "e f"]),
    ("curl \\\n  -H 'a: b' \\\r\n  x", ["curl", "-H", "a: b", "x"]),
    (r"curl --data-raw $'it\'s\n\u00fc\x21\t\\\101'", ["curl", "--data-raw", "it's\nü!\t\\A"]),
    ("curl \"a $'b'\"", ["curl", "a $'b'"]),
    (r"curl \$'a'", ["curl", "$a"]),
    (r"curl pre$'a b'post", ["curl", "prea bpost"]),
    ("curl ''", ["curl", ""]),
]


@pytest.mark.parametrize(("text", "words"), COMMANDS)
def test_words_are_those_of_bash(text: str, words: list[str]) -> None:
    """With lines that go on, and with quotes as browsers write them."""
    assert shell_words(text) == words


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to compare with")
@pytest.mark.parametrize("text", [text for text, _ in COMMANDS if "\r" not in text])
def test_bash_says_the_same(text: str) -> None:
    """Each word is printed by bash itself."""
    command = ["bash", "-c", f"printf '%s\\0' {text}"]
    printed = subprocess.run(command, check=True, capture_output=True, env={"LC_ALL": "C.UTF-8"}).stdout.decode()

    assert shell_words(text) == printed.split("\0")[:-1]


@pytest.mark.parametrize("text", ["curl 'a", 'curl "a', "curl $'a\\'"])
def test_a_quote_that_is_not_closed(text: str) -> None:
    """Is refused in words of ours."""
    with pytest.raises(ValueError, match="expected a quote that is closed"):
        shell_words(text)
