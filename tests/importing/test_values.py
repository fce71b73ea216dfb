"""Values of sources in our way."""

from __future__ import annotations

import re

import pytest

from gateway.importing.values import from_environment, literal, network, pattern_of, seconds


def test_times() -> None:
    """As the gateway's units have them."""
    assert [seconds(one) for one in (0.25, 60, 3600)] == ["250ms", "1m", "1h"]


def test_networks_lose_their_host_bits() -> None:
    """And what is none is told apart."""
    assert [network(one) for one in ("10.1.2.3/8", "10.1.2.3", "x")] == ["10.0.0.0/8", "10.1.2.3", None]


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("{vault://env/my-key}", "${MY_KEY}"),
        ('${{ env "DECK_KEY" }}', "${DECK_KEY}"),
        ("$env://KEY", "${KEY}"),
        ("$ENV://KEY", "${KEY}"),
        ("${{KEY}}", "${KEY}"),
        ("hush", None),
        ("{vault://hcv/key}", None),
    ],
)
def test_secrets_that_stand_in_the_environment(written: str, ours: str | None) -> None:
    """They keep their names."""
    assert from_environment(written) == ours


@pytest.mark.parametrize("text", ["a.b", "1+1", "~x", "*", "(a)", "[b]", "c|d", "^$"])
def test_a_literal_matches_itself_alone(text: str) -> None:
    """As an expression, and as one of several values."""
    assert re.fullmatch(literal(text), text)
    assert re.search(pattern_of([text, "other"])[1:], text)


def test_one_value_is_compared_as_it_is() -> None:
    """Unless it would be read as an expression, or its case does not matter."""
    assert pattern_of(["a"]) == "a"
    assert pattern_of(["~a"]) == "~^(?:~a)$"
    assert [pattern_of([one], any_case=True) for one in ("2", "b")] == ["2", "~(?i)^(?:b)$"]
