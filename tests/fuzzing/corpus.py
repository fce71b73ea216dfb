"""Inputs that earlier searches found worth keeping: one file a target, a line an input, played in every test run."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

PLACE = Path(__file__).with_name("corpus")
MOST = 400
"""Inputs kept of a target; the shortest, when there are more."""
LONGEST = 768
"""Octets of one that is kept."""


def load(name: str) -> list[bytes]:
    """Return the inputs of a target."""
    file = PLACE / f"{name}.txt"
    return [base64.b64decode(line) for line in file.read_text().splitlines()] if file.exists() else []


def keep(name: str, inputs: Iterable[bytes]) -> int:
    """Keep inputs of a target in place of those before; returns how many."""
    kept = sorted({one for one in inputs if len(one) <= LONGEST}, key=lambda one: (len(one), one))[:MOST]
    (PLACE / f"{name}.txt").write_text("".join(f"{base64.b64encode(one).decode()}\n" for one in kept))
    return len(kept)
