"""The options of curl's command line: which are read, which are of no matter, and what stands behind each.

Taken apart here for `gateway.commands.curl.request`, which makes a request of what they say. An option that is in no
table is refused: what it asks for would be left out.

Tests: `tests/commands/curl/test_options.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

NOUNS: Final = frozenset({"curl", "curl.exe"})
"""What a command line of curl begins with."""


class NotUnderstood(ValueError):
    """A command line says something that is not understood; the words are for people."""


_LONG: Final = {
    "-X": "--request",
    "-H": "--header",
    "-d": "--data",
    "-I": "--head",
    "-G": "--get",
    "-u": "--user",
    "-A": "--user-agent",
    "-b": "--cookie",
    "-e": "--referer",
    "-r": "--range",
}
_SWITCHES: Final = frozenset({"--head", "--get", "--compressed", "--path-as-is"})
_TAKING: Final = frozenset(
    {
        *(set(_LONG.values()) - _SWITCHES),
        *("--url", "--url-query", "--json", "--oauth2-bearer"),
        *("--data-ascii", "--data-binary", "--data-raw", "--data-urlencode"),
    }
)

_OF_NO_MATTER: Final = frozenset(
    {
        *("--silent", "--show-error", "--include", "--verbose", "--insecure", "--location", "--fail", "--globoff"),
        *("--no-buffer", "--progress-bar", "--progress-meter", "--http1.1", "--http2", "--http2-prior-knowledge"),
        *("--ipv4", "--ipv6", "--disable", "--fail-early", "--fail-with-body", "--keepalive", "--sessionid", "--alpn"),
        *("--remote-name", "--remote-time", "--remote-header-name", "--create-dirs", "--styled-output", "--buffer"),
        *("--tcp-nodelay", "--tcp-fastopen", "--ssl-no-revoke", "--ca-native", "--location-trusted", "--post301"),
        *("--post302", "--post303", "--tlsv1", "--tlsv1.0", "--tlsv1.1", "--tlsv1.2", "--tlsv1.3", "--trace-time"),
        *("--parallel", "--basic", "--raw", "--netrc-optional"),
        *(f"-{letter}" for letter in "sSivkLfgN#46qOJRZ"),
    }
)
"""Options that say how curl shows or gets the answer, not what is asked."""

_OF_NO_MATTER_TAKING: Final = frozenset(
    {
        *("-o", "-w", "-m", "-x", "-D", "-c", "-E", "-Y", "-y"),
        *("--output", "--write-out", "--max-time", "--connect-timeout", "--dump-header", "--output-dir", "--stderr"),
        *("--retry", "--retry-delay", "--retry-max-time", "--limit-rate", "--max-redirs", "--max-filesize", "--trace"),
        *("--trace-ascii", "--cookie-jar", "--resolve", "--connect-to", "--interface", "--unix-socket", "--noproxy"),
        *("--proxy", "--proxy-user", "--proxy-header", "--cacert", "--capath", "--cert", "--cert-type", "--key"),
        *("--key-type", "--pass", "--pinnedpubkey", "--ciphers", "--tls-max", "--tls13-ciphers", "--curves"),
        *("--speed-limit", "--speed-time", "--keepalive-time", "--expect100-timeout", "--dns-servers", "--doh-url"),
    }
)
"""Likewise, and the next word belongs to them."""


def options(words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Take a command line apart.

    Args:
        words: What follows `curl`.

    Returns:
        The options that say what is asked, by their long names and in their order, each with what it says (nothing for
        a switch); and the words that are none.

    Raises:
        NotUnderstood: Something is none of curl's, or is not read.
    """
    said: list[tuple[str, str]] = []
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-") or word == "-":
            rest.append(word)
        elif word != "--":
            said += _long(word, left) if word.startswith("--") else _short(word, left)
    return said, rest


def _long(word: str, left: list[str]) -> Iterator[tuple[str, str]]:
    """Read an option by its name, and take what stands behind it."""
    name, equals, value = word.partition("=")
    if name in _SWITCHES:
        yield name, ""
    elif name in _TAKING or name in _OF_NO_MATTER_TAKING:
        value = value if equals else _next(name, left)
        if name in _TAKING:
            yield name, value
    elif name not in _OF_NO_MATTER and f"--{name.removeprefix('--no-')}" not in _OF_NO_MATTER:
        raise _not_understood(word)


def _short(word: str, left: list[str]) -> Iterator[tuple[str, str]]:
    """Read options by their letters: `-sSX POST`, `-sXPOST`."""
    for place, letter in enumerate(word[1:], 1):
        name = _LONG.get(f"-{letter}", f"-{letter}")
        if name in _SWITCHES:
            yield name, ""
        elif name in _TAKING or name in _OF_NO_MATTER_TAKING:
            value = word[place + 1 :] or _next(f"-{letter}", left)
            if name in _TAKING:
                yield name, value
            return
        elif name not in _OF_NO_MATTER:
            raise _not_understood(f"-{letter}")


def _next(name: str, left: list[str]) -> str:
    if not left:
        raise NotUnderstood(f"expected something behind {name}")
    return left.pop(0)


def _not_understood(word: str) -> NotUnderstood:
    return NotUnderstood(f"{word} is not understood: what it asks for would be left out")
