from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.system.ports import free_port

DEMO = Path(__file__).parents[2] / "examples/demo_backends.py"


@contextmanager
def demo(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo as a process, with two backends on free ports unless told otherwise."""
    with subprocess.Popen([sys.executable, DEMO, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def line_with(process: subprocess.Popen[str], words: str) -> str:
    """Read on until a line has these words."""
    assert process.stdout is not None
    return next(line for line in process.stdout if words in line).strip()


def ask(port: int, method: str = "GET", path: str = "/", body: Any = None) -> Any:
    """Ask on a port, and give the JSON of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, {"X-Seen": "yes"})
    answer = connection.getresponse().read()
    connection.close()
    return json.loads(answer) if answer else None


def test_a_backend_tells_its_name_and_what_arrived() -> None:
    """Method, path, header and body come back, chunked ones too, and HEAD has no body."""
    with demo("--ports", "0", "0") as process:
        line_with(process, "backend-1")
        port = int(line_with(process, "backend-2").rpartition(":")[2])

        told = ask(port, "POST", "/orders?x=1", body=iter([b"a cup ", b"of tea"]))

        assert (told["backend"], told["method"], told["path"]) == ("backend-2", "POST", "/orders?x=1")
        assert (told["headers"]["X-Seen"], told["body"]) == ("yes", "a cup of tea")
        assert ask(port, "PUT", body=b"milk")["body"] == "milk"
        assert ask(port, "HEAD") is None


def test_the_command_gives_the_exit_code() -> None:
    """A gateway that cannot start is seen by whoever started the demo."""
    with demo("--ports", "0", "0", "--", sys.executable, "-c", "raise SystemExit(3)") as process:
        assert process.wait() == 3


def test_a_port_in_use_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """The port is named, and nothing is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with demo("--ports", str(port), "0", "--", sys.executable, "-c", "print('started')") as process:
            assert process.wait() == 1
            assert process.stdout is not None
            assert "started" not in process.stdout.read()

    assert f"cannot serve on 127.0.0.1:{port}" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_three_requests_to_try_and_one_signal_for_all(number: signal.Signals) -> None:
    """What to try is told once the gateway serves; a signal ends the gateway, and the backends with it."""
    port = free_port()
    with demo(
        "--ports",
        "0",
        "0",
        "--gateway",
        f"127.0.0.1:{port}",
        "--",
        sys.executable,
        str(DEMO),
        "--ports",
        str(port),
        "0",
    ) as process:
        tries = [line_with(process, "curl ") for _ in range(3)]
        process.send_signal(number)

        assert process.wait() == 0
    assert all(f"http://127.0.0.1:{port}/" in line for line in tries)
    with pytest.raises(ConnectionRefusedError):
        ask(port)
