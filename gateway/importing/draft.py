"""The configuration that is being made: plain data with our keys, what each part was made from, and what was left out.

Filled by a kind of source (`gateway.importing.kinds`), written by `gateway.importing.writing`. Texts in it are taken
literally: `${` in one means itself, unless the text is a `Template`.

Tests: `tests/importing/test_draft.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gateway.config.problems import Place
from gateway.importing.parts import Part, Piece, Source

Data = dict[str, Any]
"""Keys and values of our configuration. A value may be a `Made`."""

LONGEST_NAME: Final = 120

LEAST_SHARED: Final = 3
"""Routes from which on what they share is worth a place of its own."""

NEVER_SHARED: Final = frozenset(
    {"name", "host", "path", "methods", "headers", "query", "upstream", "redirect", "respond", "auth", "ip_deny"}
)
"""Keys that a route says for itself: what it is for, where it goes, and what protects it."""


class Template(str):
    """A text in which `${…}` is a variable or a runtime name, and `$${` a literal `${`."""

    __slots__ = ()


class Made(NamedTuple):
    """A mapping of the configuration, and what it was made from.

    Attributes:
        place: Where the source says so.
        note: A few words for whoever reads the result; empty for none.
    """

    data: Data
    place: Place
    note: str = ""


class Left(NamedTuple):
    """Something of the source that the configuration does not have.

    Attributes:
        place: Where it stands.
        what: Its path in the source, or another name that is found there.
        why: Why it was not carried over.
        instead: What to do instead; empty where nothing needs to be done.
    """

    place: Place
    what: str
    why: str
    instead: str = ""

    def __str__(self) -> str:
        rest = f", {self.instead}" if self.instead else ""
        return f"{self.place.file}:{self.place.line}: {self.what}: {self.why}{rest}"


class Variable(NamedTuple):
    """A variable that has to be set before the result is of use."""

    place: Place
    meaning: str


class Hint(NamedTuple):
    """What is known of a key that nothing reads: why, and what to do instead."""

    why: str
    instead: str = ""


UNKNOWN: Final = Hint("this command does not know it", "write what it did by hand if it matters")


@dataclass
class Draft:
    """What becomes of one source.

    Attributes:
        kind: The name of its kind.
        file: The source, as it was named.
        top: Keys at top level but for `upstreams`, `routes` and `tests`, in any order.
        secrets: Variables that take the place of secrets of the source, by name.
        passed: How often keys that say nothing about traffic were passed over, by name.
        tested: The names of the tests of each route.
        remarks: Sentences about what is otherwise here than where the source comes from, for every file that has it.
    """

    kind: str
    file: str
    top: Data = field(default_factory=dict)
    upstreams: list[Made] = field(default_factory=list)
    routes: list[Made] = field(default_factory=list)
    tests: list[Made] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    secrets: dict[str, Variable] = field(default_factory=dict)
    passed: Counter[str] = field(default_factory=Counter)
    remarks: dict[str, None] = field(default_factory=dict)
    tested: dict[str, set[str]] = field(default_factory=dict)
    _names: dict[str, set[str]] = field(default_factory=dict)
    _overridden: list[Part] = field(default_factory=list)
    _listed: set[Left] = field(default_factory=set)

    def name(self, wanted: str, among: str) -> str:
        """Return a name that nothing else has: the wanted one, or one with a number behind it.

        Args:
            wanted: What the source calls it.
            among: What it is a name of: `routes`, `upstreams`, or another list of names.
        """
        taken = self._names.setdefault(among, set())
        plain = "".join(one if one.isprintable() else "-" for one in wanted).strip()[:LONGEST_NAME].strip() or "unnamed"
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name)
        return name

    def section(self, *keys: str) -> Data:
        """Return a mapping under keys at top level, made where it is not there: `section("auth", "jwt")`."""
        found = self.top
        for key in keys:
            found = found.setdefault(key, {})
        return found

    def secret(self, name: str, place: Place, meaning: str = "the secret") -> Template:
        """Return `${NAME}` in the place of a secret: the result is a file that many read, and must not hold it.

        Args:
            name: What the variable is called; letters that names of variables do not have become `_`.
            place: Where the source has the secret.
            meaning: What it is; also where it is no secret, but nothing that a source of this kind says.
        """
        variable = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
        if not variable or variable[0].isdigit():
            variable = f"SECRET_{variable}"
        variable = self.name(variable, "variables").replace("-", "_")
        self.secrets[variable] = Variable(place, meaning)
        return Template(f"${{{variable}}}")

    def leave(self, part: Piece, why: str, instead: str = "", what: str = "") -> None:
        """List a part of the source, once however many routes it is for, and count it as read."""
        part.mark_read()
        left = Left(part.place, what or part.path, why, instead)
        if left not in self._listed:
            self._listed.add(left)
            self.left.append(left)

    def remark(self, sentence: str) -> None:
        """Say what is otherwise here: something that needs no line of the source, since all its files have it."""
        self.remarks[sentence] = None

    def share(self) -> None:
        """Move what all routes say in the same words to `defaults.route`: what is said once is read once."""
        if len(self.routes) < LEAST_SHARED:
            return
        first = self.routes[0].data
        for key in [key for key in first if key not in NEVER_SHARED]:
            value = first[key]
            if all(key in made.data and made.data[key] == value for made in self.routes):
                self.section("defaults", "route")[key] = value
                for made in self.routes:
                    del made.data[key]

    def pass_over(self, part: Part, *keys: str) -> None:
        """Count members of a part that say nothing about traffic, and read them."""
        for key in keys:
            if (found := part.get(key)) is not None:
                found.mark_read()
                self.passed[key] += 1

    def override(self, part: Part) -> None:
        """Note that a more specific part of its name holds for a route; where one does for all, nobody reads this."""
        self._overridden.append(part)

    def only(self, part: Part, key: str, as_here: object, why: str, instead: str = "") -> None:
        """Read a member that needs no counterpart while it has one certain value; list it where it has any other.

        Args:
            part: The mapping.
            key: The member; absent, it says nothing.
            as_here: The value that changes nothing; a tuple for several.
            why: Why another one is not carried over.
            instead: What to do instead.
        """
        found = part.get(key)
        if found is None:
            return
        value = found.data()
        if not any(_same(value, one) for one in (as_here if isinstance(as_here, tuple) else (as_here,))):
            self.leave(found, why, instead)

    def list_unread(self, source: Source, hints: Mapping[str, Hint]) -> None:
        """List what nothing has read.

        Args:
            source: The whole of it.
            hints: What is known of keys, by name.
        """
        for one in self._overridden:
            if one.is_untouched():
                self.leave(one, "a more specific one of the same name holds wherever it would")
        for part in source.unread():
            key = str(part.key)
            self.leave(part, *hints.get(key, UNKNOWN), what="" if part.path else "the whole file")

    def in_order(self) -> list[Left]:
        """Return what was left out, by place."""
        return sorted(self.left, key=lambda one: (one.place, one.what))


def _same(one: object, other: object) -> bool:
    """Whether two values are the same; `True == 1` in Python, and not here."""
    return (
        type(one) is type(other) and one == other if isinstance(one, bool) or isinstance(other, bool) else one == other
    )
