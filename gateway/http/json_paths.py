r"""Paths into JSON: `user.address.city`, `items.*.secret`.

Layer 1. Names stand between dots; `*` is every member of a list or a mapping. `\.`, `\*` and `\\` are a dot, a star
and a backslash in a name. Where a path is not there, nothing is done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

Step = str | None
"""A name; None for every member."""

Path = tuple[Step, ...]

_NAME: Final = r"(?:[^.\\]|\\[.*\\])+"
_IS_PATH: Final = re.compile(rf"{_NAME}(?:\.{_NAME})*", re.DOTALL).fullmatch
_names: Final = re.compile(_NAME, re.DOTALL).findall
_ESCAPED: Final = re.compile(r"\\(.)")


def read(text: str) -> Path:
    r"""Take a path apart.

    Raises:
        ValueError: A name is empty, or a `\` stands before something else.
    """
    if not _IS_PATH(text):
        raise ValueError(text)
    return tuple(None if name == "*" else _ESCAPED.sub(r"\1", name) for name in _names(text))


def places(value: Any, path: Sequence[Step]) -> list[Any]:
    """Return every value that a path leads to."""
    found = [value]
    for step in path:
        if step is not None:
            found = [one[step] for one in found if isinstance(one, dict) and step in one]
        else:
            found = [
                below
                for one in found
                if isinstance(one, dict | list)
                for below in (one.values() if isinstance(one, dict) else one)
            ]
    return found


def remove(value: Any, path: Path) -> None:
    """Take out what a path leads to."""
    last = path[-1]
    for one in places(value, path[:-1]):
        if last is None:
            if isinstance(one, dict | list):
                one.clear()
        elif isinstance(one, dict):
            one.pop(last, None)


def put(value: Any, path: Sequence[Step], made: Any) -> None:
    """Put a value where a path of names leads to, in place of what is there.

    The mappings on the way are made, also in place of what is none: nobody keeps a value out by what stands in its way.
    """
    if not isinstance(value, dict):
        return
    for step in path[:-1]:
        assert step is not None
        below = value.get(step)
        if not isinstance(below, dict):
            below = value[step] = {}
        value = below
    value[path[-1]] = made


def rename(value: Any, old: Sequence[Step], new: Sequence[Step]) -> None:
    """Move what a path of names leads to; a new name in the same mapping stands in the place of the old one."""
    found = places(value, old[:-1])
    last = old[-1]
    if not found or not isinstance(found[0], dict) or last not in found[0] or old == new:
        return
    parent = found[0]
    if old[:-1] == new[:-1]:
        kept = [(new[-1] if name == last else name, one) for name, one in parent.items() if name != new[-1]]
        parent.clear()
        parent.update(kept)
    else:
        put(value, new, parent.pop(last))


def wild(path: Path) -> int:
    """Return how many steps of a path lead up to the last `*`, that one counted."""
    return max((place for place, step in enumerate(path, 1) if step is None), default=0)
