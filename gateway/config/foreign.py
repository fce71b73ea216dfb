"""What code from outside says when it fails, as text that can be shown: of plugins, of drivers of databases.

An exception of such code may be anything: `SystemExit` in a module that is imported, one whose `__str__` raises, a text
of a megabyte with line ends in it, or one that quotes the password that the code was given.

Note [What is masked]

A text or number of a plugin's `config` of `SHORTEST` characters or more is masked wherever it occurs in such words: as
it is, as Python, JSON or a URL would write it, and each long line of it; of a URL also its user and password alone.
Shorter ones are words such as `GET`, and are left in.

Tests: `tests/config/test_foreign.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, unquote

from gateway.config.texts import MASK

LONGEST: Final = 500
"""Characters of what an exception says."""

SHORTEST: Final = 4
"""Characters from which on a value of a plugin's configuration is masked in what its code says."""

_USER_INFO: Final = re.compile(r"://([^:@/\s]*):?([^@\s]*)@")


def name_of(error: BaseException) -> str:
    """Return what the class of an exception is called."""
    try:
        return _plain(type(error).__name__)
    except BaseException:  # noqa: BLE001 - a metaclass of theirs
        return "an exception"


def words(error: BaseException, config: object = None) -> str:
    """Say in one line what was raised, with what is secret masked.

    Args:
        error: By whichever code.
        config: What that code was configured with.
    """
    name = name_of(error)
    try:
        said = _plain(str(error))
    except BaseException:  # noqa: BLE001 - its `__str__` is theirs too
        return f"{name}, which cannot say why"
    line = " ".join(masked(said, config).split())
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line[:LONGEST])
    return f"{name}: {shown}" if shown else name


def masked(said: str, config: object) -> str:
    """Return a text of foreign code without the values that it was configured with: Note [What is masked]."""
    if config is None:
        return said
    hidden = {form for value in _values(config) for form in _forms(value) if len(form) >= SHORTEST}
    for form in sorted(hidden, key=len, reverse=True):  # one may be a part of another
        said = said.replace(form, MASK)
    return said


def _plain(text: Any) -> str:
    """Return a text as such: a subclass of `str` may do anything where it is looked at."""
    return str.__str__(text)


def _values(config: object) -> Iterator[str]:
    if isinstance(config, dict):
        for value in config.values():
            yield from _values(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _values(value)
    elif isinstance(config, str):
        yield config
    elif config is not None and not isinstance(config, bool):
        yield str(config)


def _forms(value: str) -> Iterator[str]:
    """Yield the ways in which a value may stand in a text."""
    yield value
    yield repr(value)[1:-1]
    yield repr(value.encode("utf-8", "surrogatepass"))[2:-1]
    yield json.dumps(value)[1:-1]
    yield quote(value, safe="", errors="replace")
    for line in value.splitlines():
        yield line.strip()
    for user_info in _USER_INFO.findall(value):
        for part in user_info:
            yield part
            yield unquote(part)
