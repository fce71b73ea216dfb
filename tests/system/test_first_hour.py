"""What somebody meets who has just installed the gateway: real processes, as they are typed."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from gateway.commands.proxying import ADMIN, admin_endpoint
from tests.system.backends import backend
from tests.system.gateway_process import BY_RUN, BY_TWISTD, CODE, PATIENCE, until
from tests.system.ports import free_port


class Typed:
    """A command that was typed, in a directory of its own.

    Attributes:
        process: Of it.
    """

    def __init__(self, directory: Path, *arguments: str | Path, **environ: str) -> None:
        self._outputs = [directory / "stdout", directory / "stderr"]
        out, err = (path.open("ab") for path in self._outputs)
        with out, err:
            self.process = subprocess.Popen(
                arguments,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**_clean(), "PYTHONPATH": CODE, **environ},
            )

    @property
    def printed(self) -> str:
        """Return what it wrote to standard output."""
        return self._outputs[0].read_text()

    @property
    def said(self) -> str:
        """Return what it wrote to standard error."""
        return self._outputs[1].read_text()

    def end(self) -> int:
        """Wait until it is over; returns its exit code."""
        return self.process.wait(PATIENCE)


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY__")}


@contextlib.contextmanager
def typed(directory: Path, *arguments: str | Path, **environ: str) -> Iterator[Typed]:
    """Type a command; it is ended with the block."""
    directory.mkdir(exist_ok=True)
    command = Typed(directory, *arguments, **environ)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.send_signal(signal.SIGTERM)
            command.process.wait(PATIENCE)


def _after(text: str, before: str) -> str:
    """Return the word that follows, empty while it is not there."""
    return text.partition(before)[2].partition(" ")[0]


def test_without_a_configuration_there_is_a_page(tmp_path: Path) -> None:
    """The terminal says where; browsers and curl can read it; nothing is written to the directory."""
    work = tmp_path / "work"
    work.mkdir()
    with typed(tmp_path, "env", f"--chdir={work}", *map(str, BY_RUN)) as command:
        url = until(lambda: _after(command.said, "nothing is proxied: "), command.said)
        text = requests.get(url, timeout=5)
        page = requests.get(url, headers={"Accept": "text/html"}, timeout=5)

        assert url.startswith("http://127.0.0.1:")
        assert (text.status_code, text.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert "gateway run --proxy 8080=http://127.0.0.1:9001" in text.text
        assert "<!doctype html>" in page.text
        assert requests.get(url + "ready", timeout=5).status_code == 404
        assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((*BY_RUN, "--config", "missing.yaml"), "missing.yaml:1:1: expected a file that can be read"),
        ((*BY_RUN, "missing.yaml"), "missing.yaml:1:1: expected a file that can be read"),
        ((*BY_RUN, ""), "The path is empty"),
        ((*BY_TWISTD, "--config", "missing.yaml"), "missing.yaml:1:1: expected a file that can be read"),
        ((*BY_TWISTD, "--config", ""), "--config is empty"),
        (BY_TWISTD, "which configuration?"),
    ],
)
def test_a_configuration_that_is_missing_is_an_error(
    tmp_path: Path, command: tuple[str | Path, ...], words: str
) -> None:
    """Whoever names one is not shown a page, nor is who runs twistd."""
    with typed(tmp_path, *command) as ran:
        assert ran.end() != 0
        assert words in ran.said + ran.printed


def test_a_proxy_needs_no_file(tmp_path: Path) -> None:
    """What it prints is a file that does the same."""
    admin = {"GATEWAY__ADMIN__ENDPOINT": "tcp:0:interface=127.0.0.1"}
    with backend() as one, backend() as two:
        port, other = free_port(), free_port()
        forms = (
            f"{port}=http://127.0.0.1:{one.server_address[1]}",
            f"{port}/chunks=127.0.0.1:{two.server_address[1]}",
        )
        proxies = [word for form in forms for word in ("--proxy", form)]
        with typed(tmp_path / "first", *BY_RUN, *proxies, **admin) as command:
            until(lambda: _connects(port), command.said)
            assert requests.get(f"http://127.0.0.1:{port}/bytes/10", timeout=5).content == bytes(range(10))
            assert requests.get(f"http://127.0.0.1:{port}/chunks/10", timeout=5).status_code == 200
            written = "".join(line for line in command.printed.splitlines(True) if not line.startswith("{"))
        assert [route["path"] for route in yaml.safe_load(written)["routes"]] == ["/*", "/chunks/*"]

        file = tmp_path / "gateway.yaml"
        file.write_text(written.replace(str(port), str(other)))
        with typed(tmp_path / "second", *BY_RUN, file, **admin) as command:
            until(lambda: _connects(other), command.said)
            assert requests.get(f"http://127.0.0.1:{other}/bytes/10", timeout=5).content == bytes(range(10))
            file.with_suffix(".new").write_text(file.read_text() + "limits: {in_flight: 100}\n")
            file.with_suffix(".new").replace(file)
            until(lambda: re.search("version 2-[0-9a-f]{8} changes limits", command.said), command.said)


def test_the_operators_port_is_the_default_one_where_that_is_free() -> None:
    """Else any."""
    address = ("127.0.0.1", free_port())
    assert admin_endpoint(address) is None

    with socket.socket() as taken:
        taken.bind(address)
        taken.listen()
        assert admin_endpoint(address) == ADMIN


def test_two_run_beside_each_other(tmp_path: Path) -> None:
    """Each with a port for operators, whichever is free; each port has a backend of its own."""
    with backend(name="one") as one, backend(name="two") as two:
        ports = [free_port() for _ in range(3)]
        origin, other = one.server_address[1], two.server_address[1]
        with typed(tmp_path / "a", *BY_RUN, "-p", f"{ports[0]}={origin}", "-p", f"{ports[1]}={other}") as first:
            until(lambda: "gateway: Admin: " in first.said, first.said)
            with typed(tmp_path / "b", *BY_RUN, "-p", f"{ports[2]}={origin}") as second:
                until(lambda: "gateway: Admin: " in second.said, second.said)
                urls = [_after(command.said, "gateway: Admin: ") for command in (first, second)]
                assert len(set(urls)) == 2
                assert all("GET /upstreams" in requests.get(url, timeout=5).text for url in urls)
                names = [requests.get(f"http://127.0.0.1:{port}/name", timeout=5).text for port in ports]
    assert names == ["one", "two", "one"]


def test_an_answer_that_is_an_error_explains_itself(tmp_path: Path) -> None:
    """In the log of a developer, who may have nothing there yet."""
    port, nobody = free_port(), free_port()
    with typed(tmp_path, *BY_RUN, "-p", f"{port}/api=127.0.0.1:{nobody}") as command:
        until(lambda: _connects(port), command.said)
        assert requests.get(f"http://127.0.0.1:{port}/aip/x", timeout=5).status_code == 404
        assert requests.get(f"http://127.0.0.1:{port}/api/x", timeout=5).status_code == 502
        until(lambda: "502 GET /api/x" in command.said, command.said)

    assert "404 GET /aip/x: no route has this path (nearest: api, any host, path /api/*)" in command.said
    line = f"502 GET /api/x: route api, upstream api, http://127.0.0.1:{nobody}: Connection was refused"
    assert line in command.said


def test_at_a_terminal_an_error_of_a_backend_is_said_to_be_its_own(tmp_path: Path) -> None:
    """A real one: a pseudo-terminal in the place of standard error."""
    port = free_port()
    ours, theirs = pty.openpty()
    with _empty_server() as origin:
        process = subprocess.Popen(
            [*BY_RUN, "-p", f"{port}={origin}"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env={**_clean(), "PYTHONPATH": CODE},
        )
        os.close(theirs)
        try:
            until(lambda: _connects(port), "it does not start")
            assert requests.get(f"http://127.0.0.1:{port}/quux", timeout=5).status_code == 404
            said = b""
            while b" itself" not in said:
                assert select.select([ours], [], [], PATIENCE)[0], said
                said += os.read(ours, 65536)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            os.close(ours)
    assert f"404 GET /quux: route app, upstream app: so says http://127.0.0.1:{origin} itself" in said.decode()


def test_the_log_of_a_start_says_in_six_lines_what_is_served_where(tmp_path: Path) -> None:
    """From versions to the admin port."""
    ports = free_port(), free_port()
    admin = f"tcp:{ports[1]}:interface=127.0.0.1"
    proxy = f"{ports[0]}/api=http://127.0.0.1:9001"
    with typed(tmp_path, *BY_RUN, "--proxy", proxy, GATEWAY__ADMIN__ENDPOINT=admin) as command:
        until(lambda: "gateway: Admin: " in command.said, command.said)
        lines = [line.partition(" gateway: ")[2] for line in command.said.splitlines() if " gateway: " in line]

    assert [line.split(" ")[0] for line in lines[:2]] == ["Gateway", "Configuration:"]
    assert lines[2:] == [
        f"Listening on tcp 127.0.0.1:{ports[0]} (http://127.0.0.1:{ports[0]})",
        "Routes: /api/* → api",
        "Upstreams: api (http://127.0.0.1:9001)",
        f"Admin: http://127.0.0.1:{ports[1]}/ (writes: refused, since there is no admin.token)",
    ]


class _Nothing(BaseHTTPRequestHandler):
    """A server that has nothing."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""


@contextlib.contextmanager
def _empty_server() -> Iterator[int]:
    """Serve nothing; yields the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
