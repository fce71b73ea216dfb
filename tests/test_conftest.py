from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).with_name("conftest.py")

TESTS = """
from twisted.internet.defer import Deferred, fail

def test_that_drops_a_failure():
    fail(ValueError("nobody looked"))

def test_that_drops_a_failure_in_a_cycle():
    deferred = Deferred()
    deferred.itself = deferred
    deferred.errback(ValueError("nobody looked"))

def test_that_handles_it():
    fail(ValueError("seen")).addErrback(lambda failure: None)
"""


def test_a_dropped_deferred_failure_fails_the_test_that_dropped_it(tmp_path: Path) -> None:
    """The fixture of conftest.py sees failures that Twisted only logs, and blames the right test."""
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(TESTS)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "3 passed, 2 errors" in done.stdout, done.stdout
    assert "ERROR test_it.py::test_that_drops_a_failure -" in done.stdout
    assert "ERROR test_it.py::test_that_drops_a_failure_in_a_cycle -" in done.stdout
    assert "ValueError: nobody looked" in done.stdout
