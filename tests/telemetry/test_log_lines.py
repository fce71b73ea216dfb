"""Lines that are collected, and who takes them."""

from __future__ import annotations

from gateway.telemetry.log_lines import LogLines, Twofold


def test_whoever_takes_lines_is_told_of_too_many() -> None:
    """With each line that finds more octets than may wait; with less nobody is told."""
    told: list[int] = []
    lines = LogLines(lambda: told.append(lines.octets), 4)
    for line in (b"a\n", b"b\n", b"c\n", b"d\n"):
        lines.write(line)

    assert (lines.lines, lines.octets, told) == ([b"a\n", b"b\n", b"c\n", b"d\n"], 8, [6, 8])
    lines.early = -1
    lines.octets = 0
    lines.write(b"e\n")
    assert told == [6, 8, 2]


def test_who_takes_the_lines_begins_anew() -> None:
    """What is taken stays as it was."""
    lines = LogLines(lambda: None, 100)
    lines.write(b"a\n")
    taken = lines.take()
    lines.write(b"b\n")

    assert (taken, lines.lines, lines.octets) == ([b"a\n"], [b"b\n"], 2)


def test_a_line_for_two() -> None:
    """Each gets it once."""
    first: list[bytes] = []
    second = LogLines(lambda: None, 100)
    Twofold(first.append, second).write(b"a\n")

    assert (first, second.lines) == ([b"a\n"], [b"a\n"])
