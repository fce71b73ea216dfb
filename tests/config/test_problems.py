from __future__ import annotations

from gateway.config.problems import (
    COMPARISONS,
    LONGEST,
    MOST,
    ConfigError,
    Place,
    Problem,
    problem,
    reading,
    suggestion,
)


def test_a_problem_reads_as_one_line() -> None:
    """Where, which key, what was wanted, what was there."""
    found = problem(Place("g.yaml", 31, 17), "routes[2].retry.attempts", "an integer from 0 to 10", '"three"')

    assert str(found) == 'g.yaml:31:17: routes[2].retry.attempts: expected an integer from 0 to 10, found "three"'


def test_a_problem_of_a_whole_file_has_no_key() -> None:
    """Nothing stands between the place and the words."""
    assert str(problem(Place("g.yaml", 1, 1), "", "a", "b")) == "g.yaml:1:1: expected a, found b"


def test_an_error_has_all_problems_once_in_order_of_place() -> None:
    """By file, line and column, and without repetition, whatever order they were found in."""
    late, early = Problem("b.yaml", 10, 1, "x", "late"), Problem("b.yaml", 9, 2, "y", "early")

    error = ConfigError([late, early, late])

    assert error.problems == (early, late)
    assert str(error) == "b.yaml:9:2: y: early\nb.yaml:10:1: x: late"


def test_a_near_word_is_suggested_and_a_far_one_is_not() -> None:
    """`upstrem` means `upstream`; `zzz` means nothing that is known."""
    assert suggestion("upstrem", ["path", "upstream"]) == ", did you mean `upstream`?"
    assert suggestion("zzz", ["path", "upstream"]) == ""


def test_of_thousands_of_problems_the_first_are_told() -> None:
    """And how many there are more; told again, they are the same."""
    error = ConfigError(Problem("a", line, 1, "k", "wrong") for line in range(1, MOST + 501))

    assert [one.line for one in error.problems] == list(range(1, MOST + 2))
    assert error.problems[MOST].message == "this is one of 500 more problems, which are not listed"
    assert ConfigError(error.problems).problems == error.problems


def test_what_was_meant_is_not_looked_for_without_end() -> None:
    """One reading makes so many comparisons, its parts together, and the next has its own. No long word is."""
    known = ["upstream"] * (COMPARISONS // 4)
    for _ in range(2):
        with reading():
            found = [bool(suggestion("upstrem", known)) for _ in range(3)]
            with reading():
                found += [bool(suggestion("upstrem", known)) for _ in range(3)]
        assert found == [True, True, True, True, False, False]
    assert suggestion("upstrem", known)
    assert not suggestion("a" * (LONGEST + 1), ["a" * LONGEST])
