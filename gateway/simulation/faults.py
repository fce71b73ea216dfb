"""What goes wrong in a simulation: read from a command line, and found in the configuration.

Tests: `tests/simulation/test_faults.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.config import Settings
from gateway.config.problems import Unexpected, suggestion
from gateway.simulation.spans import ALWAYS, Span, split

REDIS: Final = "redis"
"""Who the fault is of, where it is Redis: no upstream."""

WANTED: Final = (
    "WHO:WHAT[@START[+LENGTH]], as in orders:down@10m+5m. WHO is an upstream, a backend of one (orders[1]) or redis; "
    "WHAT is down, lost, slow=5 (times as long), errors=20% (of the answers are 500) or 503=20%"
)

_NUMBER = r"\d+(?:\.\d+)?"
_FAULT = re.compile(rf"([^:@\s\[\]]+)(?:\[(\d+)\])?:(down|lost|(slow)=({_NUMBER})|(errors|[45]\d\d)=({_NUMBER})%)")


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        who: The name of an upstream, or `redis`.
        place: Of the backend in its upstream, from 0; None for all of them.
        kind: `down` (connections are refused, and those that are open are reset), `lost` (nothing comes back),
            `slow` or `errors`.
        factor: By which a slow backend takes longer.
        share: Of the answers of one with errors, up to 1.0.
        status: Of these.
        span: When.
    """

    who: str
    place: int | None
    kind: str
    factor: float = 1.0
    share: float = 0.0
    status: int = 500
    span: Span = ALWAYS

    def __str__(self) -> str:
        who = self.who if self.place is None else f"{self.who}[{self.place}]"
        match self.kind:
            case "slow":
                return f"{who} takes {self.factor:g} times as long"
            case "errors":
                return f"{who} answers {self.share * 100:.4g} % with {self.status}"
            case "lost":
                return f"{who} does not answer"
            case _:
                return f"{who} is down"


def parse_fault(said: str) -> Fault:
    """Read `WHO:WHAT[@START[+LENGTH]]`.

    Raises:
        Unexpected: It is something else.
    """
    what, span = split(said)
    found = _FAULT.fullmatch(what)
    if found is None:
        raise Unexpected(WANTED)
    who, place, word, slow, factor, errors, percent = found.groups()
    number = None if place is None else int(place)
    if slow:
        if not float(factor):
            raise Unexpected(WANTED)
        return Fault(who, number, slow, factor=float(factor), span=span)
    if errors:
        if not 0.0 < float(percent) <= 100.0:
            raise Unexpected(WANTED)
        status = 500 if errors == "errors" else int(errors)
        return Fault(who, number, "errors", share=float(percent) / 100.0, status=status, span=span)
    return Fault(who, number, word, span=span)


def check(faults: Sequence[Fault], settings: Settings) -> None:
    """Find out whether a configuration has everybody whom the faults are of.

    Raises:
        ValueError: It has not; the words are for people.
    """
    backends = {one.name: len(one.backends) + (one.discovery is not None) for one in settings.upstreams}
    for fault in faults:
        if fault.who in backends:
            if fault.place is not None and fault.place >= backends[fault.who]:
                number = backends[fault.who]
                raise ValueError(
                    f"expected a backend of {fault.who}, from {fault.who}[0] to {fault.who}[{number - 1}], "
                    f"found {fault.who}[{fault.place}]"
                )
        elif fault.who != REDIS:
            known = [*backends, REDIS]
            raise ValueError(
                f"expected the name of an upstream, or {REDIS}, found {fault.who!r}{suggestion(fault.who, known)}"
            )
        elif settings.rate_limit_store != "redis":
            raise ValueError(
                f"expected `rate_limit_store: redis` in the configuration for a fault of {REDIS}, found "
                f"`rate_limit_store: {settings.rate_limit_store}`: caches and API keys are in memory here"
            )
        elif fault.place is not None or fault.kind == "errors":
            raise ValueError(f"expected {REDIS}:down, {REDIS}:lost or {REDIS}:slow=NUMBER, found '{fault}'")
