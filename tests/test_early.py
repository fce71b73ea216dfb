"""Signals before there is a gateway. With real processes: `tests/system/test_signals.py`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from gateway import early


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Put the signal handlers of the tests back afterwards."""
    before = {number: signal.getsignal(number) for number in (*early.HELD, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    early.noted.numbers.clear()


@pytest.mark.parametrize("number", early.HELD)
def test_a_signal_is_noted(number: signal.Signals) -> None:
    """And does not end the process."""
    signal.signal(number, signal.SIG_DFL)
    early.hold()
    os.kill(os.getpid(), number)

    assert early.noted.numbers == {number}


def test_twistd_still_turns_its_log_file_on_usr1() -> None:
    """Its handler is installed only over a false one."""
    early.hold()

    assert not signal.getsignal(signal.SIGUSR1)


def test_an_interrupt_is_no_traceback() -> None:
    """SIGINT ends the process as SIGTERM does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    early.hold()

    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_an_interrupt_that_is_ignored_stays_ignored() -> None:
    """A shell starts its background jobs with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    early.hold()

    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
