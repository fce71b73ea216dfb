"""Plain data against the schema, and what the schema says put back into the operator's terms.

pydantic reports where in the data something is wrong; here that becomes the
place in the file and `expected …, found …`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.config import catalog, meant, nearest
from gateway.config.nodes import ListNode, MapNode, Node, ScalarNode, describe, join, to_data
from gateway.config.problems import Place, Problem, problem, suggestion
from gateway.config.schema import Settings
from gateway.config.schema.base import Section
from gateway.config.schema.shared import Shared
from gateway.config.schema.types import DIRECTORY

_WORDS = {
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "too_short": "at least one entry",
    "missing": "a value: the key is required",
    "extra_forbidden": "a known key",
}
_KEY = "[key]"

TELLING = frozenset({"client_secret", "password", "pepper", "secret", "secret_hash", "token"})
"""Keys whose name alone says that no message shows what is under them, wherever they stand."""

Location: TypeAlias = tuple[int | str, ...]
"""Steps to a value in the terms of the schema: the normal form, where one thing stands for a list of one."""


def validate(root: MapNode, directory: Path, problems: list[Problem]) -> Settings | None:
    """Make settings of a tree; None where that cannot be done, and `problems` say why."""
    try:
        return Settings.model_validate(to_data(root), context={DIRECTORY: directory})
    except ValidationError as error:
        for details in list(_together(error.errors(include_url=False, include_input=False))):
            problems.extend(_translate(details, root))
        return None


def locate(root: MapNode, location: Location) -> tuple[Place, str]:
    """Return where a value stands, or would stand, and its key as it was written."""
    spot = _Spot(root, location, "")
    return spot.place, spot.path


def spot(root: MapNode, location: Location, kind: str) -> tuple[Node, Place, str]:
    """Return the value that an error of a kind is about, where it stands, and its key as it was written."""
    found = _Spot(root, location, kind)
    return found.node, found.place, found.path


def about_key(*steps: int | str) -> Location:
    """Return the location of a key itself, not of what stands under it."""
    return (*steps, _KEY)


def _together(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Make one error of those about the same value, of which each names a part of the words that it may be."""
    words: dict[Location, ErrorDetails] = {}
    for details in errors:
        where = details["loc"]
        if details["type"] == "literal_error":
            if str(where[-1]).startswith("literal["):
                details["loc"] = where = where[:-1]
            first = words.setdefault(where, details)
            if first is not details:
                first["ctx"]["expected"] = f"{first['ctx']['expected']}, {details['ctx']['expected']}"
                continue
        yield details


def _translate(details: ErrorDetails, root: MapNode) -> Iterator[Problem]:
    kind = details["type"]
    spot = _Spot(root, details["loc"], kind)
    if isinstance(spot.node, ScalarNode) and spot.node.broken:
        return
    if kind == "too_short" and not (isinstance(spot.node, ListNode) and not spot.node.items):
        return  # the list became too short when a wrong member was taken out, which has a message of its own
    context = details.get("ctx", {})
    found = "something secret" if spot.secret else describe(spot.node)
    of_key = details["loc"][-1:] == (_KEY,)
    if of_key:
        found = f'"{spot.key}"'
    if kind == "expected":
        words = context["words"]
        if context["found"] is not None and not spot.secret:
            found = context["found"]
        else:
            found += _option(spot, of_key, words)
    elif kind == "extra_forbidden" and _is_each_s_own(spot):
        words, found = "a key that several can have in common", f"`{spot.key}`, which each says for itself"
    elif kind == "literal_error":
        options = re.findall("'([^']*)'", context["expected"])
        words = _either(options)
        if isinstance(spot.node, ScalarNode):
            found += suggestion(spot.node.text, options)
    else:
        words = _WORDS[kind]
        found = _found(kind, spot, found)
    yield problem(spot.place, spot.path, words, found)


def _is_each_s_own(spot: _Spot) -> bool:
    """Whether a key stands in a group or in defaults that has no business there."""
    return spot.section is not None and issubclass(spot.section, Shared) and spot.key in spot.section.own_keys


def _option(spot: _Spot, of_key: bool, words: str) -> str:
    """Name the word that was meant, of those that the message has."""
    if of_key:
        return nearest.option(spot.key, words)
    return nearest.option(spot.node.text, words) if isinstance(spot.node, ScalarNode) and not spot.secret else ""


def _found(kind: str, spot: _Spot, found: str) -> str:
    if kind == "missing":
        return "nothing"
    if kind == "extra_forbidden":
        return "an unknown key" + (meant.key(spot.key, spot.section) if spot.section else "")
    if kind == "too_short":
        return "none"
    if kind == "bool_type" and isinstance(spot.node, ScalarNode):
        return found + suggestion(spot.node.text.lower(), ("true", "false"))
    return found


def _either(options: list[str]) -> str:
    quoted = [f"`{option}`" for option in options]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


class _Spot:
    """Where in the tree an error of the schema belongs.

    The schema speaks of the normal form: a list where one thing was written,
    a key's first name where another was. What is not in the tree is skipped.
    """

    def __init__(self, root: MapNode, location: tuple[int | str, ...], kind: str) -> None:
        self.node: Node = root
        self.path = ""
        self.place: Place = root.place
        self.key = ""
        self.section: type[Section] | None = Settings
        self.secret = False
        self._pending = ""  # what stands between the section and its parent's key, see catalog.Below
        steps = list(location)
        about_key = kind == "extra_forbidden" or (bool(steps) and steps[-1] == _KEY)
        for position, step in enumerate(steps):
            if step == _KEY:
                break
            last = position == len(steps) - 1 or steps[position + 1] == _KEY
            if not self._enter(step, last and about_key):
                if last and kind == "missing":
                    self.path = join(self.path, step)
                break

    def _enter(self, step: int | str, about_key: bool) -> bool:
        """Go one step down; False where the tree has no such step."""
        if isinstance(step, int):
            if isinstance(self.node, ListNode) and step < len(self.node.items):
                self.path = join(self.path, step)
                self._arrive(self.node.items[step])
                return True
            return isinstance(self.node, MapNode)  # one thing where the normal form has a list of them
        if not isinstance(self.node, MapNode):
            return False
        entry = next(((key, self.node.entries[key]) for key in self._names(step) if key in self.node.entries), None)
        if entry is None:
            return False
        self.key = entry[0]
        self.path = self.node.path_of(self.key, self.path)
        if about_key:
            self.place = entry[1].place
            return True
        self._descend(self.key)
        self._arrive(entry[1].node)
        return True

    def _arrive(self, node: Node) -> None:
        self.node = node
        self.place = node.place

    def _names(self, step: str) -> list[str]:
        if self.section is None or self._pending:
            return [step]
        return [step, *(other for other, key in self.section.other_names.items() if key == step)]

    def _descend(self, key: str) -> None:
        """Note which section the next step leads into."""
        if self._pending.startswith(".*") or self.section is None:
            self._pending = self._pending.removeprefix(".*")
            # One level too high or too low, it is a secret all the same.
            self.secret = self.secret or key in TELLING
            return
        self.secret = key in self.section.secret_keys
        field = catalog.field_of(self.section, key)
        found = catalog.below(field.annotation) if field else None
        self.section = found.section if found else None
        self._pending = found.between.replace("[]", "") if found else ""
