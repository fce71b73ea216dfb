"""Commands that ask a gateway that runs: `gateway health`, `why`, `top`, `plan` and `explain`."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
import requests

from gateway.commands.admin_port import AdminPort, NoAnswer
from tests.system.backends import Backend, backend
from tests.system.gateway_process import CODE, PATIENCE, GatewayProcess, until
from tests.system.ports import free_port

HEALTH = (sys.executable, "-P", "-m", "gateway.cli", "health")
WHY = (sys.executable, "-P", "-m", "gateway.cli", "why")
EXPLAIN = (sys.executable, "-P", "-m", "gateway.cli", "explain")
PLAN = (sys.executable, "-P", "-m", "gateway.cli", "plan")
TOP = (sys.executable, "-P", "-m", "gateway.cli", "top")


@pytest.fixture(scope="module")
def origin() -> Iterator[Backend]:
    """A backend."""
    with backend() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(origin: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with a backend that is there, and one that is not."""
    there, gone = origin.server_address[1], free_port()
    made = GatewayProcess(
        tmp_path_factory.mktemp("gateway"),
        upstreams=[
            {"name": "there", "backends": [{"url": f"http://127.0.0.1:{there}"}], "health_check": {"path": "/name"}},
            {"name": "gone", "backends": [{"url": f"http://127.0.0.1:{gone}"}]},
        ],
        routes=[
            {"name": "there", "path": "/*", "upstream": "there"},
            {"name": "gone", "path": "/gone/*", "upstream": "gone"},
        ],
    ).start()
    try:
        yield made
    finally:
        made.stop()


def url(gateway: GatewayProcess) -> str:
    """Where its admin port is."""
    return f"http://127.0.0.1:{gateway.admin_port}"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    environ = {"PYTHONPATH": CODE, "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    return subprocess.run(arguments, capture_output=True, text=True, check=False, env=environ, timeout=60)


def test_a_gateway_that_is_ready(gateway: GatewayProcess) -> None:
    """It says what its checks have found."""
    until(lambda: requests.get(f"{url(gateway)}/ready", timeout=10).status_code == 200)

    done = run(*HEALTH, "--admin", url(gateway))

    assert (done.returncode, done.stdout, done.stderr) == (0, "ok: upstreams ok\n", "")
    said = json.loads(run(*HEALTH, "--json", "--admin", url(gateway)).stdout)
    assert (said["status"], said["checks"]["upstreams"]) == ("ok", "ok")


def test_a_gateway_that_lives_without_its_backends(tmp_path: Path) -> None:
    """Not ready, and alive: a restart would bring no backend back."""
    gone = {"url": f"http://127.0.0.1:{free_port()}"}
    gateway = GatewayProcess(
        tmp_path,
        upstreams=[{"name": "gone", "backends": [gone], "health_check": {"path": "/", "interval": "100ms"}}],
        routes=[{"path": "/*", "upstream": "gone"}],
    ).start(wait=False)
    try:
        until(lambda: run(*HEALTH, "--live", "--admin", url(gateway)).returncode == 0)
        until(lambda: requests.get(f"{url(gateway)}/ready", timeout=10).status_code == 503)

        ready, live = run(*HEALTH, "--admin", url(gateway)), run(*HEALTH, "--live", "--admin", url(gateway))

        assert (ready.returncode, ready.stdout, ready.stderr) == (1, "", "failed: upstreams failed\n")
        assert (live.returncode, live.stdout, live.stderr) == (0, "ok\n", "")
    finally:
        gateway.stop()


def test_no_gateway_is_not_healthy() -> None:
    """Docker knows 0 and 1: where nobody answers, and where somebody else does, it is 1."""
    with backend() as other:
        nobody = run(*HEALTH, "--live", "--admin", f"http://127.0.0.1:{free_port()}")
        somebody = run(*HEALTH, "--live", "--admin", f"http://127.0.0.1:{other.server_address[1]}")

    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "Connection refused" in nobody.stderr
    assert (somebody.returncode, somebody.stdout) == (1, "")
    assert "is no gateway's admin port" in somebody.stderr


def test_the_story_of_an_exchange_that_failed(gateway: GatewayProcess) -> None:
    """By the id that the client got."""
    failed = requests.get(f"{gateway.url}/gone/7", timeout=10)
    assert failed.status_code == 502
    name = failed.headers["X-Request-ID"]
    port = AdminPort(url(gateway))
    until(lambda: port.get(f"/exchanges/{name}")[0] == 200)

    told = run(*WHY, name, "--admin", url(gateway))

    assert told.returncode == 0, told.stderr
    assert "/gone/7 was answered with 502: upstream.connect" in told.stdout
    assert '"gone": /gone/7 fits its path /gone/* (any host, any method).' in told.stdout
    said = json.loads(run(*WHY, name, "--admin", url(gateway), "--json").stdout)
    assert said["exchange"]["attempts"][0]["reason"] == "upstream.connect"


def test_the_story_of_one_that_went_well(gateway: GatewayProcess) -> None:
    """The gateway does not keep it; its log does."""
    name = requests.get(f"{gateway.url}/name", timeout=10).headers["X-Request-ID"]
    until(lambda: name in gateway.access_log.read_text())

    unknown = run(*WHY, name, "--admin", url(gateway))
    told = run(*WHY, name, "--log", str(gateway.access_log))

    assert (unknown.returncode, "--log FILE" in unknown.stderr) == (1, True)
    assert (told.returncode, "was answered with 200" in told.stdout) == (0, True)


def test_what_a_new_configuration_would_change(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Nothing, where it is what is in force; else what differs, with the admin port as the place of what was."""
    said = requests.get(f"{url(gateway)}/config", timeout=10).json()
    file = tmp_path / "new.json"
    file.write_text(json.dumps(said))

    same = run(*PLAN, "--check", "--live", url(gateway), str(file))
    assert (same.returncode, same.stdout) == (0, "nothing changes\n"), same.stderr

    said["routes"][1]["timeout"] = "1s"
    file.write_text(json.dumps(said))
    other = run(*PLAN, "--check", "--live", url(gateway), str(file))
    assert other.returncode == 1, other.stderr
    assert "answers that take longer than 1s fail (504)" in other.stdout
    assert f"(was {url(gateway)}/config:" in other.stdout


def test_what_a_request_would_meet_now(origin: Backend, tmp_path: Path) -> None:
    """One backend down, a limit used up: both are told, nothing is sent for that, and nothing is counted."""
    there, gone = origin.server_address[1], free_port()
    watched = {"path": "/name", "interval": "100ms", "unhealthy_threshold": 1}
    backends = [{"url": f"http://127.0.0.1:{port}"} for port in (there, gone)]
    gateway = GatewayProcess(
        tmp_path,
        upstreams=[{"name": "half", "backends": backends, "health_check": watched}],
        routes=[
            {"name": "half", "path": "/*", "upstream": "half", "rate_limit": {"limit": 2, "window": "60s"}},
            {"name": "free", "path": "/free/*", "upstream": "half", "auth": {"type": "jwt"}},
            {"name": "keyed", "path": "/name/keyed", "upstream": "half", "auth": {"type": "api_key"}},
            {"name": "known", "path": "/name/*", "upstream": "half", "headers": {"X-Of": "us"}},
        ],
        auth={
            "jwt": {"default": {"secret": "a-secret-of-at-least-forty-octets-1234567890", "algorithms": ["HS256"]}},
            "api_keys": {"keys": [{"id": "ada", "hash": f"sha256:{sha256(b'the-key').hexdigest()}"}]},
        },
    ).start()
    try:
        command = (*EXPLAIN, "--live", url(gateway), "--client", "127.0.0.1")
        until(lambda: "is left out: it fails its checks" in run(*command, f"{gateway.url}/name").stdout)
        before = run(*command, "--json", "curl", "-sS", f"{gateway.url}/name")
        assert before.returncode == 0, before.stderr
        assert [one["remaining"] for one in json.loads(before.stdout)["now"]["limits"]] == [2]
        assert [requests.get(f"{gateway.url}/name", timeout=10).status_code for _ in range(3)] == [200, 200, 429]

        after = run(*command, f"{gateway.url}/name")
        free = run(*command, "--as", "ada", f"{gateway.url}/free/7")
        keyed = run(*command, "--as", "ada", f"{gateway.url}/name/keyed")
        shown = run(*command, "-H", "X-API-Key: the-key", f"{gateway.url}/name/keyed")
        known = run(*command, "-H", "X-Of: us", f"{gateway.url}/name/7")

        lines = [" ".join(line.split()) for line in after.stdout.splitlines()]
        assert any(line.startswith("limit by ip 0 left of 2 in 60 s; a request may pass in") for line in lines)
        assert f"backend http://127.0.0.1:{gone} is left out: it fails its checks" in lines
        assert f"backend http://127.0.0.1:{there} may be picked" in lines
        assert lines[-1] == "answer it would be answered 429: limit.exceeded, limit by ip"
        assert "HTTP/1.1 200 OK" in lines  # as far as the configuration decides
        assert "authentication passed" in " ".join(free.stdout.split())
        assert "nothing that is counted or watched is in its way" in free.stdout
        assert "authentication passed" in " ".join(keyed.stdout.split())
        # The hash in force is masked: the real key is refused by the one that was made up in its place.
        assert "auth.invalid" in shown.stdout
        assert "whether the credential is valid is not known" in shown.stdout
        assert "is not known" not in keyed.stdout
        # So is the value of the field by which the route is taken: by another one, another route would be.
        assert "conditions of routes on fields or the query decide" in known.stdout
        assert [line.split() for line in known.stdout.splitlines() if "route  " in line] == [["route", "known"]]
        assert not [line for line in gateway.access_log.read_text().splitlines() if "/free/7" in line]
    finally:
        gateway.stop()


def test_who_is_no_admin_port_is_told_so(gateway: GatewayProcess) -> None:
    """The gateway's own listener is another port."""
    done = run(*WHY, "name", "--admin", gateway.url)

    assert (done.returncode, "is no gateway's admin port" in done.stderr) == (2, True)


def test_a_port_that_is_kept_open_is_asked_again_when_it_was_closed(gateway: GatewayProcess) -> None:
    """The gateway ends connections that are idle for long; so does a tunnel that was restarted."""
    port = AdminPort(url(gateway))
    assert port.get("/health")[0] == 200
    assert port._connection is not None
    assert port._connection.sock is not None
    port._connection.sock.shutdown(socket.SHUT_RDWR)

    assert port.get("/health")[0] == 200


def test_a_port_that_says_nothing_is_not_waited_for_long() -> None:
    """And one that says something else is no gateway."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = AdminPort(f"http://127.0.0.1:{silent.getsockname()[1]}", patience=0.2)
        with pytest.raises(NoAnswer, match="nothing came in time"):
            port.get("/exchanges")


def test_an_admin_port_in_the_file_system(origin: Backend, tmp_path: Path) -> None:
    """By `unix:PATH`."""
    path = tmp_path / "admin.sock"
    made = GatewayProcess(
        tmp_path,
        admin={"endpoint": f"unix:{path}"},
        upstreams=[{"name": "there", "backends": [{"url": f"http://127.0.0.1:{origin.server_address[1]}"}]}],
        routes=[{"name": "there", "path": "/name", "upstream": "there"}],
    ).start(wait=False)
    try:
        port = AdminPort(f"unix:{path}")

        def answers() -> bool:
            try:
                return port.get("/ready")[0] == 200
            except NoAnswer:
                return False

        until(answers, patience=60)
        name = requests.get(f"{made.url}/none", timeout=10).headers["X-Request-ID"]
        until(lambda: port.get(f"/exchanges/{name}")[0] == 200)
        assert "No route took it." in run(*WHY, name, "--admin", f"unix:{path}").stdout
    finally:
        made.stop()


def test_the_figures_of_one_interval(gateway: GatewayProcess) -> None:
    """As text, and for programs; what came in between is in them."""
    requests.get(f"{gateway.url}/gone/7", timeout=10)

    text = run(*TOP, "--once", "--admin", url(gateway))
    said = json.loads(run(*TOP, "--json", "--admin", url(gateway)).stdout)

    assert text.returncode == 0, text.stderr
    assert "requests/s" in text.stdout
    assert "upstream.connect" in text.stdout
    assert "\x1b" not in text.stdout
    assert said["seconds"] >= 0.9
    assert {upstream["name"] for upstream in said["upstreams"]} == {"there", "gone"}
    assert said["failures"][0]["reason"] == "upstream.connect"


class Terminal:
    """`gateway top` in a terminal of its own.

    Args:
        arguments: Of the command.
    """

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        self.before = termios.tcgetattr(slave)
        environ = {**os.environ, "PYTHONPATH": CODE, "TERM": "xterm-256color"}
        self.process = subprocess.Popen([*TOP, *arguments], stdin=slave, stdout=slave, stderr=slave, env=environ)
        self._slave = slave
        self.seen = b""

    def shows(self, words: bytes) -> bool:
        """Read what is there, and return whether words were among it."""
        while select.select([self._master], [], [], 0.05)[0]:
            self.seen += os.read(self._master, 65536)
        return words in self.seen

    def type(self, key: bytes) -> None:
        """Press a key."""
        os.write(self._master, key)

    def ended(self) -> int:
        """Wait for its end; returns its exit code. It leaves the terminal as it was."""

        def over() -> bool:
            self.shows(b"")  # somebody has to read what it writes
            return self.process.poll() is not None

        until(over, "it does not end")
        assert termios.tcgetattr(self._slave) == self.before
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """Take it away."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        os.close(self._master)
        os.close(self._slave)


@pytest.mark.parametrize("way", ["q", "SIGINT"])
def test_a_terminal_is_drawn_until_somebody_quits(gateway: GatewayProcess, way: str) -> None:
    """By a key, or by Ctrl-C; with 0."""
    terminal = Terminal("--admin", url(gateway), "--interval", "0.6")
    try:
        until(lambda: terminal.shows(b"one more look is needed"), "it draws nothing", 60)
        until(lambda: terminal.shows(b"requests/s"), "it draws no rates", 60)
        if way == "q":
            terminal.type(b"x")
            terminal.type(b"q")
        else:
            terminal.process.send_signal(signal.SIGINT)

        assert terminal.ended() == 0
        assert terminal.seen.rstrip().endswith(b"\x1b[?1049l")
    finally:
        terminal.close()


def test_a_gateway_that_goes_away_is_waited_for(origin: Backend, tmp_path: Path) -> None:
    """Its last figures stay, and say that they are old."""
    made = GatewayProcess(
        tmp_path,
        upstreams=[{"name": "there", "backends": [{"url": f"http://127.0.0.1:{origin.server_address[1]}"}]}],
        routes=[{"name": "there", "path": "/*", "upstream": "there"}],
    ).start()
    terminal = Terminal("--admin", f"http://127.0.0.1:{made.admin_port}", "--interval", "0.6")
    try:
        until(lambda: terminal.shows(b"failed at"), "it draws nothing", 60)
        made.stop()
        until(lambda: terminal.shows(b"these figures are old"), "it does not say so", 60)
        assert terminal.process.poll() is None
        terminal.type(b"q")
        assert terminal.ended() == 0
    finally:
        terminal.close()
        made.stop()


CONFIGURATION = """\
routes: [{path: /*, respond: {}}]
tests: [{request: "http://x/", expect: {status: 200}}]
"""
PRINTING = ("explain FILE http://x/", "lint FILE", "plan FILE FILE --request http://x/", "schema", "test -v FILE")


@pytest.mark.parametrize("line", PRINTING)
@pytest.mark.parametrize(("output", "code"), [("> /dev/full", 2), ("| true", 141), (">&-", None)])
def test_what_cannot_be_printed_is_no_finding(line: str, output: str, code: int | None, tmp_path: Path) -> None:
    """A full disk is 2, a reader that has gone is SIGPIPE's, and without an output the code is the usual one."""
    (tmp_path / "g.yaml").write_text(CONFIGURATION)
    command = f"{sys.executable} -P -m gateway.cli {line.replace('FILE', 'g.yaml')}"

    def ended(redirected: str) -> subprocess.CompletedProcess[str]:
        # The pipe's reader ends before the command has begun to print: it is waited for.
        first = command if redirected != "| true" else f"{{ sleep 0.3; exec {command}; }}"
        script = f"{first} {redirected}; exit ${{PIPESTATUS[0]}}"
        return subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": CODE},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    done = ended(output)

    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == (ended("> /dev/null").returncode if code is None else code)
