"""Read one line: an object of JSON, or a line of text that was made by a template.

Templates are ours (`%{FIELD}`), nginx's (`$variable`) and Envoy's (`%OPERATOR%`): each becomes a regular expression
whose groups are the facts of `gateway.recorded.members`.

Tests: `tests/recorded/test_text_lines.py::test_a_combined_line_is_read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

import orjson

from gateway.recorded.facts import Unreadable
from gateway.recorded.members import ENVOY, FIELD, NGINX, fact

_PLACE: Final = re.compile(
    r"%\{(?P<ours>[^{}]*)\}|\$(?:\{(?P<braced>\w+)\}|(?P<nginx>\w+))|%(?P<envoy>[A-Z][A-Z0-9_]*(?:\([^()]*\))?)(?::\d+)?%"
)
_ESCAPED: Final = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+|\\([\"\\])")


class Form(Protocol):
    """How the lines of a log are read.

    Attributes:
        name: As `--format` has it.
    """

    name: str

    def read(self, line: bytes) -> Mapping[str, Any]:
        """Return what a line says: values by fact.

        Raises:
            Unreadable: It is not of this form.
        """
        ...


class JsonForm:
    """Objects of JSON.

    Args:
        name: Whose they are.
        members: The fact that each member tells.
    """

    def __init__(self, name: str, members: Mapping[str, str]) -> None:
        self.name = name
        self._members = members

    def read(self, line: bytes) -> Mapping[str, Any]:
        """Return values by fact; of several members with the same fact the first that has a value."""
        try:
            record = orjson.loads(line)
        except ValueError:
            raise Unreadable("it is no JSON") from None
        if not isinstance(record, dict):
            raise Unreadable("it is no JSON object")
        said: dict[str, Any] = {}
        members = self._members
        for name, value in record.items():
            known = members.get(name)
            if known is not None and value is not None:
                said.setdefault(known, value)
            elif isinstance(value, dict):
                for longer, inner in _flat(value, f"{name}."):
                    if inner is not None and (known := members.get(longer)) is not None:
                        said.setdefault(known, inner)
        return said


class TextForm:
    """Lines of text.

    Args:
        name: What it is called.
        template: What the lines were made by.

    Raises:
        ValueError: The template has no place for a request.
    """

    def __init__(self, name: str, template: str) -> None:
        self.name = name
        expression, self._facts = _expression(template)
        if not {"request", "target"} & set(self._facts):
            raise ValueError("a template with a place for the request in it: %{request_line}, $request, %REQ(:PATH)%")
        self._match = re.compile(expression).fullmatch

    def read(self, line: bytes) -> Mapping[str, Any]:
        """Return values by fact."""
        found = self._match(line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
        if found is None:
            raise Unreadable(f"it is no line of the form {self.name}")
        said: dict[str, Any] = {}
        for known, value in zip(self._facts, found.groups(), strict=True):
            said.setdefault(known, _ESCAPED.sub(_unescaped, value) if "\\" in value else value)
        return said


def _expression(template: str) -> tuple[str, list[str]]:
    """Return the regular expression of a template, and the fact of each of its groups."""
    expression, facts, end = "", [], 0
    for place in _PLACE.finditer(template):
        expression += re.escape(template[end : place.start()])
        before, after = template[: place.start()], template[place.end() : place.end() + 1]
        end = place.end()
        known = _fact(place)
        value = _quoted(after) if before.count('"') % 2 else _bare(known, before[-1:], after)
        expression += f"({value})" if known is not None else value
        if known is not None:
            facts.append(known)
    return expression + re.escape(template[end:]), facts


def _quoted(after: str) -> str:
    """Return what a value between quotes may be, with what the writer escapes, up to what stands after it."""
    return r'(?:[^"\\]|\\.)*' if after in ('"', "") else rf'(?:[^"\\{re.escape(after)}]|\\.)*'


def _bare(known: str | None, before: str, after: str) -> str:
    """Return what a value without quotes may be: a blank ends it, where no other separator stands after it."""
    if before == "[":
        return r"[^\]]*"
    if after not in (" ", ""):
        return rf"[^{re.escape(after)}]*"
    if known == "request":
        return r".*?"
    return r"\S*(?: [+-]\d{4})?" if known == "end" else r"\S*"  # the Common Log Format has a blank before the zone


def _fact(place: re.Match[str]) -> str | None:
    """Return the fact that stands at a place of a template; None where it is of no use."""
    if place["ours"] is not None:
        return fact(place["ours"])
    if place["envoy"] is not None:
        return ENVOY.get(place["envoy"])
    name = place["nginx"] or place["braced"]
    if name.startswith("http_") and name not in NGINX:
        return FIELD + name.removeprefix("http_").replace("_", "-")
    return NGINX.get(name)


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is not None:
        return found[1]
    return bytes.fromhex(found[0].replace("\\x", "")).decode("utf-8", "backslashreplace")


def _flat(record: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    """Walk the members; what has passed Elasticsearch has levels where the names have dots."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value
