"""The last lines of the log."""

from __future__ import annotations

from twisted.logger import Logger, LogPublisher

from gateway.telemetry.log_tail import LONGEST, MOST, follow
from gateway.telemetry.logging import Levels


def test_lines_are_kept_until_they_are_taken() -> None:
    """In their order, those that the levels let through."""
    publisher = LogPublisher()
    tail = follow(Levels(), publisher)
    log = Logger(namespace="gateway.test", observer=publisher)
    log.info("a <b>{what}</b>", what="thing")
    log.debug("nobody asked for this")

    (line,) = tail.taken()
    assert (line["level"], line["logger"], line["message"]) == ("info", "gateway.test", "a <b>thing</b>")
    assert tail.taken() == []


def test_lines_are_bounded() -> None:
    """In number and in length; the newest are kept, and of a traceback its end."""
    publisher = LogPublisher()
    tail = follow(Levels(), publisher)
    log = Logger(namespace="gateway.test", observer=publisher)
    for number in range(MOST + 5):
        log.info("{number} {text}", number=number, text="x" * (LONGEST * 2))
    try:
        raise ValueError("broken")
    except ValueError:
        log.failure("it failed")

    lines = tail.taken()
    assert len(lines) == MOST
    assert lines[0]["message"].startswith("6 ")
    assert {len(line["message"]) for line in lines[:-1]} == {LONGEST}
    assert lines[-1]["traceback"].endswith("broken")
