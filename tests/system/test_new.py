"""`gateway new` at a terminal, and what it wrote: run, and asked."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import requests

from tests.system.backends import backend
from tests.system.gateway_process import BY_RUN, CODE, PATIENCE, until
from tests.system.ports import free_port

COMMAND = (sys.executable, "-P", "-m", "gateway.cli")


def answered(directory: Path, answers: list[str]) -> str:
    """Make a configuration by answering questions at a pseudo-terminal; returns what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "new"],
        cwd=directory,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": CODE},
    )
    os.close(theirs)
    shown = b""
    try:
        while True:
            assert select.select([ours], [], [], PATIENCE)[0], shown
            try:
                read = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            shown += read
            if answers and re.search(rb"\]: $", shown):
                os.write(ours, answers.pop(0).encode() + b"\n")
    finally:
        os.close(ours)
        process.wait(PATIENCE)
    assert process.returncode == 0, shown
    return shown.decode()


def test_five_questions_and_the_gateway_runs(tmp_path: Path) -> None:
    """A wrong answer is asked for again; an empty one is what is proposed."""
    with backend() as origin:
        port, admin = free_port(), free_port()
        shown = answered(tmp_path, ["ftp://x", str(origin.server_address[1]), "", str(port), "api-key", "2"])
        key = re.search(r"gw_first_[\w-]+", shown)
        assert key is not None
        assert len(re.findall(r"^\S.*\[.*\]: ", shown, re.MULTILINE)) == 6
        assert "expected a port, HOST:PORT or a URL" in shown
        assert subprocess.run([*COMMAND, "test", "etc"], cwd=tmp_path, env=environ(), check=False).returncode == 0

        file = tmp_path / "etc" / "gateway.yaml"
        file.write_text(file.read_text().replace("tcp:9090:", f"tcp:{admin}:"))
        # Without naming it: the directory and the name are those where `gateway run` looks.
        process = subprocess.Popen(
            BY_RUN, cwd=tmp_path, env=environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            url = f"http://127.0.0.1:{port}/name"
            until(lambda: answers(url))
            assert requests.get(url, timeout=PATIENCE).status_code == 401
            statuses = [requests.get(url, headers={"X-API-Key": key[0]}, timeout=PATIENCE).status_code for _ in "abc"]
            assert statuses == [200, 200, 429]
        finally:
            process.terminate()
            process.wait(PATIENCE)


def environ() -> dict[str, str]:
    """Of a process that finds the package."""
    return {**os.environ, "PYTHONPATH": CODE}


def answers(url: str) -> bool:
    """Whether anybody does."""
    try:
        requests.get(url, timeout=PATIENCE)
    except requests.ConnectionError:
        return False
    return True
