"""Which word was meant, where there are several kinds of them: the end of a message about one that is none."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.config.problems import suggestion

_OPTION = re.compile(r"`([A-Za-z0-9][\w-]*)([:.=][A-Z.=:]+)?`")
"""A word to choose, or one that a name follows (`header:NAME`, `claim.NAME=VALUE`); other examples are none."""

_PARTS = re.compile(r"([\w-]+)([:.=])(.+)", re.DOTALL)


def option(written: str, sentence: str) -> str:
    """Say which of the words was meant that a sentence about what was expected has in backticks."""
    options = _OPTION.findall(sentence)
    parts = _PARTS.fullmatch(written)
    if parts is None:
        return suggestion(written, [head + more for head, more in options])
    head, separator, rest = parts.groups()
    heads = [head for head, more in options if more.startswith(separator)]
    # A word that is right already: it is what follows that is wrong.
    near = "" if head in heads else suggestion(head, heads)
    return near.replace("`?", f"{separator}{rest}`?")


def name(written: str, known: Iterable[str], prefixes: Iterable[str]) -> str:
    """Say which runtime name was meant: one of `known`, or one that begins with a prefix (`claim.`)."""
    head, dot, rest = written.partition(".")
    if not dot:
        return suggestion(written, known)
    if f"{head}." in (prefixes := list(prefixes)):
        return ""
    return suggestion(f"{head}.", prefixes, 0.5).replace("`?", f"{rest}`?")
