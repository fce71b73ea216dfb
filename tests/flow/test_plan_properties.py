"""A plan is empty exactly where nothing is otherwise: for configurations that are drawn, and requests that are made."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, note, settings
from hypothesis import strategies as st

from gateway.commands.plan.text import is_empty, text
from gateway.config import Settings, from_mapping
from gateway.config.linting import Linted, lint
from gateway.config.schema.cases import TIME, CaseRequest
from gateway.rehearsal.planning.plan import plan
from gateway.rehearsal.stage import Outcome, Stage
from tests.rehearsal import drawing

EXAMPLES = 5_000 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 60
SEEDS = st.integers(0, 2**32)
OF_THE_MOMENT = frozenset({b"date", b"x-request-id", b"traceparent"})
MADE_UP = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")
"""Identifiers of exchanges, wherever a rule has put them."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where files are written."""
    return tmp_path_factory.mktemp("plans")


def read(directory: Path, name: str, content: str) -> Linted:
    """Write a configuration, and read it as `gateway plan` does."""
    file = directory / f"{name}.yaml"
    file.write_text(content)
    return lint(file, {})


def seen(outcome: Outcome) -> Any:
    """Return what a client and the backends can tell."""
    sent = [
        (
            one.upstream,
            one.asked.method,
            MADE_UP.sub(b"ID", one.asked.target),
            _fields(one.asked.headers),
            one.asked.body,
        )
        for one in outcome.sent
    ]
    answer = outcome.answer
    return answer.status, _fields(answer.headers), answer.body, outcome.record.get("route"), sent


def _fields(headers: Any) -> list[tuple[bytes, bytes]]:
    return sorted(
        (name.lower(), MADE_UP.sub(b"ID", value)) for name, value in headers if name.lower() not in OF_THE_MOMENT
    )


def answers(one: Settings, asked: list[CaseRequest]) -> list[Any]:
    """Make requests, one after the other, of one gateway."""
    stage = Stage(one)
    stage.begin(TIME, {})
    return [seen(stage.ask(request)) for request in asked]


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_the_same_in_other_words_changes_nothing(directory: Path, seed: int) -> None:
    """Keys in another order, defaults written out, anchors, JSON.

    A default that is written can be doubtful, where nobody doubts what nobody has written: that is told, and no change.
    """
    chance = random.Random(seed)
    said = drawing.configuration(chance)
    how, otherwise = drawing.said_otherwise(chance, said)
    note(otherwise)
    old, new = read(directory, "old", yaml.safe_dump(said, sort_keys=False)), read(directory, "new", otherwise)

    made = plan(old, new)

    if how == "defaults":
        made.doubts.clear()
    assert is_empty(made, []), "\n".join(text(made, []))


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_where_the_plan_is_empty_requests_are_answered_alike(directory: Path, seed: int) -> None:
    """And where one is answered otherwise, the plan has something to say."""
    chance = random.Random(seed)
    said = drawing.configuration(chance)
    changed = drawing.changed(chance, said)
    note(f"{said}\n{changed}")
    old, new = (
        read(directory, name, yaml.safe_dump(one, sort_keys=False)) for name, one in (("old", said), ("new", changed))
    )
    asked = drawing.requests(chance, 12)

    made = plan(old, new)
    before, after = (answers(one.loaded.settings, asked) for one in (old, new))

    assert not is_empty(made, []) or before == after


def test_what_is_drawn_is_worth_asking() -> None:
    """Of the changes that are drawn some are seen by the requests, and some by none: the property is about both."""
    alike = []
    for seed in range(10):
        chance = random.Random(seed)
        said = drawing.configuration(chance)
        both = said, drawing.changed(chance, said)
        asked = drawing.requests(chance, 12)
        before, after = (answers(from_mapping(one), asked) for one in both)
        alike.append(before == after)

    assert 1 <= sum(alike) <= 9
