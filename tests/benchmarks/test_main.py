from __future__ import annotations

import pytest

from benchmarks.__main__ import _parser, main


def test_each_command_has_the_rounds_that_its_help_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The default of one is not that of another; the variable is for all."""
    commands = {"run": 3, "ab": 8, "profile": 3, "micro": 5}
    base = {"ab": ["--base", "HEAD"]}
    for command, rounds in commands.items():
        assert _parser().parse_args([command, *base.get(command, [])]).rounds == rounds
        with pytest.raises(SystemExit):
            _parser().parse_args([command, "--help"])
        assert f"({rounds})" in capsys.readouterr().out

    monkeypatch.setenv("BENCH_ROUNDS", "2")
    for command in commands:
        assert _parser().parse_args([command, *base.get(command, [])]).rounds == 2


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["micro", "--rounds", "0"], "'0'"),
        (["micro", "--rounds=-1"], "'-1'"),
        (["micro", "--rounds", "x"], "'x'"),
        (["run", "--rounds", "0"], "'0'"),
        (["ab", "--base", "HEAD", "--rounds", "1.5"], "'1.5'"),
        (["run", "--seconds", "0"], "'0'"),
        (["profile", "--seconds", "inf"], "'inf'"),
        (["profile", "--seconds", "x"], "'x'"),
        (["profile", "--top", "0"], "'0'"),
    ],
)
def test_nothing_is_measured_with_a_number_that_makes_no_sense(
    arguments: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what it wanted and what was there; before, an empty table came of no rounds, with status 0."""
    with pytest.raises(SystemExit) as left:
        main(arguments)

    assert left.value.code == 2
    assert f"found {found}" in capsys.readouterr().err


def test_a_variable_that_is_no_number_is_told_as_an_option_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in the environment of `make bench`."""
    monkeypatch.setenv("BENCH_ROUNDS", "many")
    with pytest.raises(SystemExit):
        main(["ab", "--base", "HEAD"])

    assert "found 'many'" in capsys.readouterr().err
