"""A compiled and an interpreted gateway answer the same octets to the same octets.

Each kind is a process of its own. Both play the conformance table, some seeds of the simulation and a script of ten
thousand exchanges; what clients got, what backends got and the access logs are compared (`transcript`).
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.compiled import KIND
from gateway.memory.stand_ins import MemoryLog
from tests.differential.play import play
from tests.differential.script import Chapter, write
from tests.differential.transcript import Transcript, difference

ROOT = Path(__file__).parents[2]
CODE = os.environ.get("GATEWAY_CODE", "")
REQUESTS = 16_000
"""Of which one in three never becomes an exchange: it is cut off, or its connection has ended before it."""

needs_both = pytest.mark.skipif(not CODE, reason="nothing is compiled here: make test-compiled")
takes_long = pytest.mark.timeout(900)
"""Half a minute, on a machine that has nothing else to do."""

Command = Callable[[str, Path], list[str]]


def transcripts(directory: Path, command: Command) -> list[bytes]:
    """Run a command once for each kind, at the same time; returns what each wrote.

    Args:
        directory: Where they write.
        command: Makes the arguments of Python for a kind and its transcript.
    """
    code = {"interpreted": str(ROOT), "compiled": f"{CODE}{os.pathsep}{ROOT}"}
    kinds = {kind: directory / kind for kind in code}
    # No directory of somebody else's in front, and sets in one order.
    running = [
        subprocess.Popen(
            [sys.executable, "-P", *command(kind, file)],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": code[kind], "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for kind, file in kinds.items()
    ]
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], "\n".join(said)[-5_000:]
    return [file.read_bytes() for file in kinds.values()]


@needs_both
@takes_long
def test_ten_thousand_exchanges(tmp_path: Path) -> None:
    """Valid and malformed, in pieces, pipelined, over chains with identity, limits, bodies and retries."""
    script = tmp_path / "script"
    script.write_bytes(pickle.dumps(write(1, REQUESTS)))

    interpreted, compiled = transcripts(
        tmp_path, lambda kind, file: ["-m", "tests.differential.play", kind, str(script), str(file)]
    )

    assert interpreted.count(b"\nlog: ") >= 10_000
    assert difference(interpreted, compiled) == ""


@needs_both
@takes_long
def test_the_conformance_table(tmp_path: Path) -> None:
    """Every test of it, and seeds of the simulation: reloads, breakers, probes and hedges on top."""
    tests = ["tests/conformance", "tests/simulation/test_simulation.py::test_whatever_a_seed_draws[from 0]"]

    def command(kind: str, file: Path) -> list[str]:
        path = f"{CODE} {ROOT}" if kind == "compiled" else str(ROOT)
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-cov", "--override-ini", f"pythonpath={path}"]
        recorder = ["-p", "tests.differential.plugin", "--transcript", str(file), "--kind", kind]
        return ["-m", "pytest", "--rootdir", str(ROOT), *options, *recorder, *(str(ROOT / test) for test in tests)]

    interpreted, compiled = transcripts(tmp_path, command)

    assert interpreted.count(b"\n== ") > 900
    assert difference(interpreted, compiled) == ""


def played(script: list[Chapter], file: Path) -> bytes:
    """Play a script in a process of its own."""
    (file.parent / "script").write_bytes(pickle.dumps(script))
    command = [sys.executable, "-m", "tests.differential.play", KIND, str(file.parent / "script"), str(file)]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "PYTHONHASHSEED": "0"}, timeout=50)
    return file.read_bytes()


@pytest.mark.skipif(bool(CODE), reason="where something is compiled, it is compared with what is not")
def test_the_same_script_gives_the_same_transcript_and_another_octet_another(tmp_path: Path) -> None:
    """Nothing is left to chance or the clock; and one octet that differs is seen."""
    script = write(2, 200)
    assert script == write(2, 200)
    once = played(script, tmp_path / "once")
    assert once.count(b"\nlog: ") > 100
    assert difference(once, played(script, tmp_path / "again")) == ""

    first = script[0].conversations[0]
    script[0].conversations[0] = first._replace(
        steps=[step._replace(octets=step.octets.replace(b" HTTP/1.1", b"? HTTP/1.1", 1)) for step in first.steps]
    )
    assert "section chapter 0 (plain), conversation 0\n" in difference(once, played(script, tmp_path / "other"))


def test_a_difference_is_told_by_its_section_and_line() -> None:
    """With the lines before it."""
    one = b"\n== a\n1\n2\n\n== b\n1\n2\n3\n"

    assert difference(one, one) == ""
    assert difference(one, one.replace(b"2\n3", b"2\nx")) == "section b\n   b'1'\n   b'2'\none   [b'3']\nother [b'x']"
    assert difference(one, one + b"4\n").endswith("one   [b'']\nother [b'4']")
    assert difference(one, one.replace(b"== b", b"== c")) == "section b'b', section b'c'"
    assert difference(one, one + b"\n== c\n") == "one transcript goes on where the other ends"


def test_a_failure_of_the_gateway_is_one_of_the_play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two gateways that fail alike would be equal."""
    monkeypatch.setattr(MemoryLog, "write", lambda log, line: 1 / 0)
    with (tmp_path / "file").open("wb") as file, pytest.raises(AssertionError, match="ZeroDivisionError"):
        play(write(3, 10), Transcript(file))
