"""One request through two configurations: what became of it in each, and which decisions were others.

Tests: `tests/rehearsal/planning/test_compared_request.py`.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.config.loading import Loaded
from gateway.config.problems import ConfigError
from gateway.config.schema.cases import CaseRequest
from gateway.config.written import find_places
from gateway.rehearsal.callers.credentials import Claims
from gateway.rehearsal.decisions import Decision, Explanation, explain

_OF_ITS_OWN = frozenset({"x-request-id", "traceparent", "date"})
"""Fields of which each exchange has its own."""


@dataclass
class ComparedRequest:
    """A request, and what became of it in both configurations.

    Attributes:
        request: What was asked.
        before: What became of it in the first.
        after: In the second.
        lines: Decisions, and what the upstream and the client got: with `-` as it was, with `+` as it is, with a space
            where it is the same.
    """

    request: CaseRequest
    before: Explanation
    after: Explanation
    lines: list[str]

    @property
    def same(self) -> bool:
        """Whether nothing is otherwise."""
        return all(line.startswith(" ") for line in self.lines)


def make(request: CaseRequest, claims: Claims | None, old: Loaded, new: Loaded) -> ComparedRequest:
    """Make a request in both, at the same moment.

    Raises:
        gateway.config.ConfigError: Something that one of them names cannot be used.
        gateway.rehearsal.callers.credentials.CannotShow: A route wants a credential that cannot be made up.
    """
    now = time.time()
    before, after = (_explained(loaded, request, claims, now) for loaded in (old, new))
    compared = difflib.ndiff(list(_lines(before)), list(_lines(after)))
    lines = [f"{line[0]} {line[2:]}" for line in compared if not line.startswith("?")]
    return ComparedRequest(request, before, after, lines)


def _explained(loaded: Loaded, request: CaseRequest, claims: Claims | None, moment: float) -> Explanation:
    try:
        return explain(loaded, request, claims, moment)
    except ConfigError as error:
        find_places(error, loaded.root, loaded.settings)
        raise


def _lines(explanation: Explanation) -> Iterator[str]:
    """Say what became of a request, without where that is written: lines move."""
    yield from map(_said, explanation.decisions)
    for line in explanation.difference:
        if line.startswith("-") or line[2:].partition(":")[0].lower() in _OF_ITS_OWN:
            continue
        yield f"upstream gets {line[2:]}"
    answer = explanation.outcome.answer
    for name, value in answer.headers:
        if name.lower().decode("latin-1") not in _OF_ITS_OWN:
            yield f"client gets {name.decode('latin-1')}: {value.decode('utf-8', 'backslashreplace')}"


def _said(decision: Decision) -> str:
    return f"{decision.kind} {decision.name}: {decision.words}"
