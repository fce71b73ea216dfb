"""What is masked in whole configurations is in `test_effective.py`."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.masking import hidden


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("secret", "**********"),
        (4711, "**********"),
        ({"a": ["secret", {"b": 1.5}]}, {"a": ["**********", {"b": "**********"}]}),
        ("*", "*"),
        ("", ""),
        (None, None),
        (True, True),
        ("${claim.sub}${now}", "${claim.sub}${now}"),
        ("Bearer ${claim.sub}", "**********"),
        ("redis://:secret@host", "redis://**********@host"),
    ],
)
def test_what_is_left_of_a_secret(value: Any, shown: Any) -> None:
    """That it is there; what says nothing stays."""
    assert hidden(value) == shown
