from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.problems import Unexpected
from gateway.config.units import (
    BYTES,
    LARGEST,
    LONGEST,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
    parse_timeout,
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("10s", 10),
        ("5m", 300),
        ("1h", 3600),
        ("1d", 86400),
        ("3600s", 3600),
        ("1h30m", 5400),
        ("1d2h3m4s5ms", 93784.005),
        ("1.5s", 1.5),
        ("30", 30),
        (30, 30),
        (0.5, 0.5),
        (0, 0),
        ("0s", 0),
    ],
)
def test_a_duration_is_seconds(written: object, seconds: float) -> None:
    """Units, several units, and bare numbers."""
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["5 m", "1w", "", "m", "-5s", "30m1h", "1h1h", "1h30", True, None, [], "1e3s"])
def test_what_is_no_duration_is_refused_with_examples(written: object) -> None:
    """No spaces, no unknown units, no shorter unit before a longer one."""
    with pytest.raises(Unexpected, match="a duration such as 250ms"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10sec", "10s"),
        ("10 sec", "10s"),
        ("5 Minutes", "5m"),
        ("1hr 30mins", "1h30m"),
        ("2 days", "2d"),
        ("3 msec", "3ms"),
    ],
)
def test_units_that_are_words_are_shortened(written: str, meant: str) -> None:
    """In the message; they are not taken."""
    with pytest.raises(Unexpected) as refused:
        parse_duration(written)
    assert refused.value.found == f'"{written}", did you mean `{meant}`?'
    assert parse_duration(meant) > 0


@pytest.mark.parametrize("written", [-1, float("inf"), float("nan"), LONGEST + 1, "3661d"])
def test_a_duration_has_bounds(written: object) -> None:
    """Neither negative nor longer than ten years: a timer could not take it."""
    with pytest.raises(Unexpected, match="from 0s to 3660d"):
        parse_duration(written)


def test_a_timeout_is_not_nought() -> None:
    """0 would be taken for "no limit" by one reader and for "at once" by another."""
    with pytest.raises(Unexpected, match="above 0s"):
        parse_timeout("0s")
    assert parse_timeout("1ms") == 0.001


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (75, "75s"), (0.25, "250ms"), (5400, "90m"), (86400, "1d"), (1.5, "1500ms"), (0.0001, "0.0001s")],
)
def test_a_duration_is_written_in_its_largest_whole_unit(seconds: float, written: str) -> None:
    """As an operator would."""
    assert format_duration(seconds) == written


@given(st.integers(0, 10**9).map(lambda milliseconds: milliseconds / 1000))
def test_a_written_duration_reads_back_the_same(seconds: float) -> None:
    """`gateway config` can be fed back."""
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (0, 0),
        (1024, 1024),
        ("64KiB", 65536),
        ("10MiB", 10 * 2**20),
        ("10MB", 10**7),
        ("1.5KiB", 1536),
        ("7", 7),
        ("1kib", 1024),
    ],
)
def test_a_size_is_bytes(written: object, size: int) -> None:
    """Binary and decimal units, in any case, and bare numbers."""
    assert parse_size(written) == size


@pytest.mark.parametrize("written", ["10 MiB", "10M", "ten", "", "-1KiB", True, None, 1.5, []])
def test_what_is_no_size_is_refused_with_examples(written: object) -> None:
    """`10M` too: one reader in two takes it for the other unit."""
    with pytest.raises(Unexpected, match="a size such as 64KiB"):
        parse_size(written)


@pytest.mark.parametrize(("written", "words"), [("0.3B", "whole number"), (-1, "from 0"), (LARGEST + 1, "from 0")])
def test_a_size_has_bounds(written: object, words: str) -> None:
    """Whole bytes, from 0 to what a float can count."""
    with pytest.raises(Unexpected, match=words):
        parse_size(written)


@given(st.integers(0, 10**6), st.sampled_from(sorted(BYTES)))
def test_a_size_is_its_number_times_its_unit(number: int, unit: str) -> None:
    """For every unit, unless it is past the bound."""
    if number * BYTES[unit] <= LARGEST:
        assert parse_size(f"{number}{unit}") == number * BYTES[unit]


@given(st.integers(0, LARGEST))
def test_a_written_size_reads_back_the_same(size: int) -> None:
    """`gateway config` can be fed back."""
    assert parse_size(format_size(size)) == size
