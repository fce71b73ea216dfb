"""Standing in for the first process. In a container: `tests/system/test_upgrade.py`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.processes import init

PROGRAM = f"{sys.executable} -I {Path(init.__file__)}"


def run(script: str) -> int:
    """Run a shell that becomes the program, which has its children then."""
    return subprocess.run(["sh", "-c", script], timeout=20, check=False, stdin=subprocess.DEVNULL).returncode


@pytest.mark.parametrize(("ending", "code"), [("exit 7", 7), ("kill -TERM $$", 128 + signal.SIGTERM)])
def test_it_ends_as_the_process_ends_for_which_it_stands(ending: str, code: int) -> None:
    """A signal is said as shells say it; children of nobody are waited for on the way."""
    assert run(f"true & sh -c 'sleep 0.1; {ending}' & exec {PROGRAM} $! 0") == code


def test_it_ends_where_there_is_nobody() -> None:
    """All had ended before it began."""
    assert run(f"exec {PROGRAM} 1 0") == 0


def test_signals_go_to_whoever_serves_now() -> None:
    """The last one who said so."""
    news, tell = os.pipe()
    first, second = (subprocess.Popen(["sleep", "60"]) for _ in range(2))
    stands = init.Init(first.pid, news)
    stands.pass_on(signal.SIGTERM, None)
    assert first.wait(10) == -signal.SIGTERM
    stands.pass_on(signal.SIGTERM, None)  # it is not there any more

    os.write(tell, b"1\n%d\n" % second.pid)
    os.close(tell)
    stands.pass_on(signal.SIGINT, None)

    assert second.wait(10) == -signal.SIGINT
    os.close(news)
