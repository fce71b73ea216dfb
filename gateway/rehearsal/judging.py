"""The tests that a configuration carries: made on a stage, and judged.

Tests: `tests/rehearsal/test_judging.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.config import Settings, from_mapping
from gateway.config.schema.cases import Case, CaseRequest
from gateway.rehearsal.apart import Apart, Broken
from gateway.rehearsal.comparing import Mismatch, compare, text
from gateway.rehearsal.coverage import Touched
from gateway.rehearsal.stage import CannotShow, Stage


@dataclass
class Verdict:
    """What became of a test.

    Attributes:
        index: Of the test in `tests`.
        title: What reports call it.
        mismatches: What is not as expected; none for a test that passes.
        error: Why it could not be made; empty where it was.
        exchange: What is known of the exchange that is told of: the first that is not as expected, else the last. In
            the words of `/exchanges/ID` where it failed, else in those of the access log.
        failed: Whether it failed: then more is known of it.
        steps: The steps of its route, from the client inwards.
        sent: What backends got for it, each in a line.
        touched: What of the configuration has decided.
        seconds: That it took, by the clock of the test.
    """

    index: int
    title: str
    mismatches: list[Mismatch] = field(default_factory=list)
    error: str = ""
    exchange: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    steps: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    touched: Touched = field(default_factory=Touched)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return not (self.mismatches or self.error)


def judge(settings: Settings, chosen: Sequence[int], most: int | None = None) -> Iterator[Verdict]:
    """Make tests, each from the same beginning and several at once, and yield what becomes of them, in order.

    Args:
        settings: The configuration.
        chosen: Places of the tests in it.
        most: How many are made at once; as many as there are cores by default.

    Raises:
        gateway.config.ConfigError: Something that the configuration names cannot be used.
    """
    cases = [settings.tests[index] for index in chosen]
    stage = Stage(settings, [case.given.claims for case in cases if case.given.claims is not None])
    _warm_up()
    work: Callable[[int], Verdict] = lambda index: _made(stage, index, settings.tests[index])  # noqa: E731  # typed
    for index, verdict in zip(chosen, Apart(work, most).each(chosen), strict=True):
        if isinstance(verdict, Broken):
            yield Verdict(index, settings.tests[index].title, error=verdict.words)
        else:
            yield verdict


def _warm_up() -> None:
    """Load what a gateway loads with the first answer and the first failure: else each copy would (8 ms of 12)."""
    tiny = Stage(from_mapping({"routes": [{"path": "/", "respond": {"body": "ok"}}]}))
    for path in ("", "nowhere"):
        tiny.ask(CaseRequest(url=f"http://localhost/{path}"))


def _made(stage: Stage, index: int, case: Case) -> Verdict:
    """Make a test; what it leaves behind is for nobody else to see."""
    verdict = Verdict(index, case.title)
    given = case.given
    stage.begin(given.time, given.backends)
    for number in range(given.repeat):
        if number and given.interval:
            stage.advance(given.interval)
        try:
            outcome = stage.ask(case.request, given.claims)
        except CannotShow as error:
            verdict.error = str(error)
            return verdict
        verdict.seconds += outcome.seconds
        verdict.touched.add(outcome)
        verdict.touched.breakers |= stage.closed_off()
        found: list[Mismatch] = []
        if case.expect_all:
            found = list(compare(case.expect_all[number], outcome, f"expect_all[{number}]"))
        elif case.expect is not None and number == given.repeat - 1:
            found = list(compare(case.expect, outcome, "expect"))
        if found and not outcome.answer.status:
            found[0] = found[0]._replace(found="no answer: the connection ended, or nothing came for an hour")
        if not verdict.mismatches:
            verdict.failed = outcome.failure is not None
            verdict.exchange = outcome.failure or outcome.record
            verdict.steps = stage.steps(outcome)
            verdict.sent = [
                f"{text(one.asked.method)} {text(one.asked.target)} to {one.upstream}" for one in outcome.sent
            ]
        verdict.mismatches += found
    return verdict
