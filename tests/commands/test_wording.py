"""Words for people on a terminal."""

from __future__ import annotations

import pytest

from gateway.commands.wording import duration, printable


def test_control_characters_are_shown_by_their_numbers() -> None:
    """A terminal would obey them."""
    assert printable("a\x1b[31mb\u009b\n") == r"a\x1b[31mb\x9b\n"


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0.04, "0.0 ms"), (9.96, "10.0 ms"), (12.3, "12 ms"), (3210, "3.2 s"), (61000, "61 s")]
)
def test_times_are_for_people(milliseconds: float, text: str) -> None:
    """As precise as one reads them."""
    assert duration(milliseconds) == text
