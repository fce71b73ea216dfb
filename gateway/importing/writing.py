"""A draft as YAML for people: with comments that say what each part was made from, small mappings on one line.

Written here and not by PyYAML, which writes no comments. Reads back by `gateway.config.reading` as what was drafted.

Tests: `tests/importing/test_writing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.config.nodes import resolve
from gateway.importing.draft import Draft, Left, Made, Template

WIDE: Final = 120
"""Columns of a line, beyond which a mapping or list takes a line for each member."""

FIRST: Final = ("listeners", "processes", "trusted_proxies", "timeouts", "limits", "auth")
"""Keys at top level that come first, in this order; `upstreams`, `routes` and `tests` come last."""

_ROUTE: Final = ("name", "host", "path", "methods", "headers", "query", "listeners", "upstream", "redirect", "respond")
"""Keys of a route that come first, in this order: what it is for, and where that goes."""

_PLAIN: Final = re.compile(
    r"[A-Za-z0-9_./+~^$()|\\*<=-][A-Za-z0-9_./+~^$()|\\*<=@%:-]*(?: [A-Za-z0-9_./+~^$()|\\*<=@%:-]+)*"
)
"""Texts that need no quotes, in a line of their own or within braces, if they do not read as something else."""

_SAFE_START: Final = re.compile(r"[A-Za-z0-9_/.+~^$(\\<=]")


def as_yaml(draft: Draft) -> str:
    """Write a draft as a configuration, with what was left out in comments at its end."""
    lines = [f"# Made by `gateway import {draft.kind} {Path(draft.file).name}`."]
    lines += [f"# {_plain(sentence)}" for sentence in draft.remarks]
    lines += [
        f"# {name} is {meaning} at {_where(place.file, place.line)}: set it before the gateway starts."
        for name, (place, meaning) in draft.secrets.items()
    ]
    order = [key for key in FIRST if key in draft.top] + [key for key in draft.top if key not in FIRST]
    for key in order:
        lines += ["", *_member(key, draft.top[key], 0)]
    routes = [made._replace(data=_ordered(made.data)) for made in draft.routes]
    for key, made in (("upstreams", draft.upstreams), ("routes", routes), ("tests", draft.tests)):
        if made:
            lines += ["", f"{key}:", *_items(made, 2)]
    if not (order or draft.upstreams or draft.routes):
        lines += ["", "routes: []"]
    if draft.left:
        lines += ["", "# Left out:", *(_comment(one) for one in draft.in_order())]
    return "\n".join(lines) + "\n"


def _ordered(route: Mapping[str, Any]) -> dict[str, Any]:
    return {key: route[key] for key in _ROUTE if key in route} | dict(route)


def _comment(one: Left) -> str:
    # A line of the source may have put anything into these words.
    return f"# {_plain(str(one._replace(place=_short(one))))}"


def _plain(words: str) -> str:
    return "".join(one if one.isprintable() else " " for one in words)


def _short(one: Left) -> Any:
    return one.place._replace(file=Path(one.place.file).name)


def _where(file: str, line: int) -> str:
    return f"{Path(file).name}:{line}"


def _block(value: Any, indent: int) -> Iterator[str]:
    """Yield the lines of a mapping or list that stands on lines of its own."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _member(key, one, indent)
    else:
        yield from _items(value, indent)


def _member(key: Any, value: Any, indent: int) -> Iterator[str]:
    """Yield the lines of a key and what stands after it."""
    margin = " " * indent
    if isinstance(value, Made):
        yield f"{margin}# {_origin(value)}"
        value = value.data
    line = f"{margin}{scalar(str(key), key=True)}: "
    flow = _flow(value, WIDE - len(line))
    if flow is not None:
        yield line + flow
    else:
        yield line.rstrip()
        yield from _block(value, indent + 2)


def _items(value: Any, indent: int) -> Iterator[str]:
    """Yield the lines of a list, one or more for each member."""
    margin = " " * indent
    for one in value:
        if isinstance(one, Made):
            yield f"{margin}# {_origin(one)}"
            one = one.data
        flow = _flow(one, WIDE - indent - 2)
        if flow is not None:
            yield f"{margin}- {flow}"
            continue
        first, *rest = _block(one, indent + 2)
        if first.lstrip().startswith("#"):  # a comment cannot stand behind the dash
            yield first
            first, *rest = rest
        yield f"{margin}- {first.lstrip()}"
        yield from rest


def _origin(made: Made) -> str:
    note = f": {made.note}" if made.note else ""
    return _where(made.place.file, made.place.line) + _plain(note)


def _flow(value: Any, room: int) -> str | None:
    """Return a value on one line; None where it does not fit, or has comments in it."""
    if not isinstance(value, Mapping | list | tuple):
        return scalar(value)
    written = _on_one_line(value)
    return written if written is not None and len(written) <= room else None


def _on_one_line(value: Any) -> str | None:
    if isinstance(value, Made):
        return None
    if isinstance(value, Mapping):
        members = [(scalar(str(key), key=True), _on_one_line(one)) for key, one in value.items()]
        if any(one is None for _, one in members):
            return None
        return "{" + ", ".join(f"{key}: {one}" for key, one in members) + "}"
    if isinstance(value, list | tuple):
        parts = [_on_one_line(one) for one in value]
        return None if None in parts else "[" + ", ".join(map(str, parts)) + "]"
    return scalar(value)


def scalar(value: Any, *, key: bool = False) -> str:
    """Write one value, in quotes where it would be read as something else without."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if not key and not isinstance(value, Template):
        text = text.replace("${", "$${")
    plain = (
        text != "<<"
        and _PLAIN.fullmatch(text)
        and _SAFE_START.match(text)
        and ": " not in f"{text} "
        and "://" not in text
    )
    if plain and (key or isinstance(resolve(text), str)):
        return text
    return '"' + "".join(_escaped(one) for one in text) + '"'


_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escaped(one: str) -> str:
    if one in _ESCAPES:
        return _ESCAPES[one]
    return one if one.isprintable() else f"\\U{ord(one):08x}"
