from __future__ import annotations

from gateway.config.problems import ConfigError, Place, Problem, problem, suggestion


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
