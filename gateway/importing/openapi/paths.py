"""Paths of a description as paths of ours: parameters, and what their schemas say that a path can say.

An `enum` becomes paths, a `pattern` an expression. A type does not: expressions are asked one after another, and the
thousand routes of a description whose ids are integers would all be expressions.

Tests: `tests/importing/openapi/test_paths.py`.
"""

from __future__ import annotations

import re
from itertools import product
from typing import Final, NamedTuple

from gateway.config.patterns import path_pattern, route_path
from gateway.config.problems import Unexpected
from gateway.importing import samples
from gateway.importing.draft import Draft
from gateway.importing.parts import Part
from gateway.importing.values import literal

MOST_PATHS: Final = 8
"""Paths that the values of parameters may make of one; with more, the parameter takes anything."""

_PARAMETER: Final = re.compile(r"\{([^{}/]+)\}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_IN_EXPRESSIONS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SAMPLES: Final = {"integer": "7", "number": "7", "boolean": "true"}


class Found(NamedTuple):
    """What a path of a description becomes, and a path that it is for; None where none was found."""

    pattern: str | list[str]
    sample: str | None


class Parameter(NamedTuple):
    """What is known of a parameter of the path."""

    values: tuple[str, ...] = ()
    expression: str | None = None
    sample: str = "7"


class Paths:
    """Reads the parameters of operations.

    Args:
        source: The whole description, which references lead into.
        draft: Where what cannot be said is listed.
    """

    def __init__(self, source: Part, draft: Draft) -> None:
        self._source = source
        self._draft = draft

    def resolved(self, part: Part) -> Part | None:
        """Return what a part refers to, or the part itself; None, and it is listed, where that is not in this file."""
        seen: set[str] = set()
        while (reference := part.text("$ref")) is not None:
            found: Part | None = self._source if reference.startswith("#/") and reference not in seen else None
            seen.add(reference)
            for step in reference.removeprefix("#/").split("/"):
                name = step.replace("~1", "/").replace("~0", "~")
                found = None if found is None else found.get(name)
            if found is None:
                self._draft.leave(part, f"it refers to {reference}, which is not in this file", "put it in there")
                return None
            part = found
        return part

    def read(self, path: str, item: Part, operation: Part) -> Found | None:
        """Return what a path becomes for an operation; None, and the operation is listed, where it can be none."""
        known: dict[str, Parameter] = {}
        for part in [*item.each("parameters"), *operation.each("parameters")]:
            parameter = self.resolved(part)
            if parameter is None:
                continue
            if parameter.text("in") == "path" and (name := parameter.text("name")):
                known[name] = self._parameter(parameter)
            self._draft.passed["parameters"] += 1
            parameter.mark_read()
        names = _PARAMETER.findall(path)
        whole = all(_NAME.fullmatch(name) and f"/{{{name}}}" in f"{path}/" for name in names)
        alone = all(_PARAMETER.fullmatch(one) or not _PARAMETER.search(one) for one in path.split("/"))
        bound = [known.get(name, Parameter()) for name in names]
        values = [one.values or (f"{{{name}}}",) for name, one in zip(names, bound, strict=True)]
        sample = _filled(path, [one.sample for one in bound])
        try:
            if any(one.expression for one in bound) or not (whole and alone):
                return self._expression(path, names, bound, sample)
            if len(filled := list(product(*values))) > MOST_PATHS:
                filled = [tuple(f"{{{name}}}" for name in names)]
            patterns = [path_pattern(_filled(path, list(each))) for each in filled]
            return Found(patterns[0] if len(patterns) == 1 else patterns, sample)
        except Unexpected as error:
            self._draft.leave(operation, f"expected {error.expected}, found {path}")
            return None

    def _expression(self, path: str, names: list[str], bound: list[Parameter], sample: str) -> Found:
        written = ""
        rest = path
        for name, one in zip(names, bound, strict=True):
            before, _, rest = rest.partition(f"{{{name}}}")
            inside = one.expression or ("|".join(map(literal, one.values)) if one.values else "[^/]+")
            group = f"(?P<{name}>" if _IN_EXPRESSIONS.fullmatch(name) else "(?:"
            written += f"{literal(before)}{group}{inside})"
        written += literal(rest)
        route_path(f"~{written}")
        fits = re.fullmatch(written, sample) is not None
        return Found(f"~{written}", sample if fits else samples.matching(written))

    def _parameter(self, parameter: Part) -> Parameter:
        schema = parameter.get("schema")
        schema = None if schema is None else self.resolved(schema)
        if schema is None:
            return Parameter()
        values = tuple(schema.texts("enum"))
        expression = schema.text("pattern")
        kind = schema.text("type") or "string"
        shown = parameter.get("example") or schema.get("example") or schema.get("default")
        sample = values[0] if values else (None if shown is None else shown.text()) or _SAMPLES.get(kind, "7")
        if values or expression is None:
            return Parameter(values, None, sample)
        body = expression if expression.startswith("^") else f"^.*(?:{expression})"
        body = (body if body.endswith("$") else f"{body}.*$").removeprefix("^").removesuffix("$").replace(".*", "[^/]*")
        if not re.fullmatch(body, sample) and (found := samples.matching(body)) is not None:
            sample = found
        try:
            route_path(f"~/{body}")
        except Unexpected as error:
            if (part := schema.get("pattern")) is not None:
                self._draft.leave(part, f"expected {error.expected}", "the parameter takes anything")
            return Parameter(sample=sample)
        return Parameter((), body, sample)


def _filled(path: str, values: list[str]) -> str:
    """Put values into a path in the place of its parameters."""
    each = iter(values)
    return _PARAMETER.sub(lambda _: next(each), path)
