"""Application servers at UNIX sockets, and clients that come by one: with real processes, curl and sockets."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.app_server import app_server
from tests.system.backends import backend
from tests.system.gateway_process import GatewayProcess, one_upstream, running, until
from tests.system.ports import free_port


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short name: the path of a socket is 107 octets at most."""
    with tempfile.TemporaryDirectory(prefix="gw", dir="/tmp") as made:
        yield Path(made)


def test_an_application_server_at_a_socket(place: Path) -> None:
    """Requests, uploads, a restart and a WebSocket; a server that is gone is 502, and is checked."""
    path = place / "app.sock"
    said = one_upstream(f"unix:{path}:/v2")
    said["upstreams"][0] |= {"host_header": "app.internal", "health_check": {"interval": "100ms", "timeout": "100ms"}}
    with running(place, **said) as gateway:
        assert requests.get(f"{gateway.url}/", timeout=5).status_code in (502, 503)
        with app_server(path):
            until(lambda: requests.get(f"{gateway.url}/", timeout=5).status_code == 200)
            answer = requests.post(f"{gateway.url}/a?x=1", data=b"u" * 3_000_000, timeout=9).json()
            assert (answer["path"], answer["length"], answer["Host"]) == ("/v2/a?x=1", 3_000_000, ["app.internal"])
            first = answer["pid"]
            with socket.create_connection(("127.0.0.1", gateway.port)) as client:
                client.sendall(
                    b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                    b"\x81\x82\0\0\0\0hi"
                )
                received = b""
                while b"echo hi" not in received:
                    received += client.recv(1000)
        until(lambda: requests.get(f"{gateway.url}/", timeout=5).status_code == 503, "its checks do not fail")
        with app_server(path):
            until(lambda: requests.get(f"{gateway.url}/", timeout=5).status_code == 200)
            assert requests.get(f"{gateway.url}/", timeout=5).json()["pid"] != first
        assert gateway.stop() == -signal.SIGTERM


def test_a_server_whose_backlog_is_full_is_refused_and_costs_nothing(place: Path) -> None:
    """The kernel does not let a connection to a full UNIX socket wait, as it does with TCP."""
    path = place / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
        listening.bind(str(path))
        listening.listen(0)
        first.connect(str(path))
        with running(place, **one_upstream(f"unix:{path}")) as gateway:
            answer = requests.get(f"{gateway.url}/", timeout=5)

            assert (answer.status_code, answer.headers["Gateway-Reason"]) == (502, "upstream.connect")
            assert gateway.stop() == -signal.SIGTERM


GET = "GET /name HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"


def ask(path: Path, head: str = GET, *fields: str) -> str:
    """Ask at a socket, and return what comes back until the connection ends."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(9)
        client.connect(str(path))
        client.sendall((head + "".join(f"{field}\r\n" for field in fields) + "\r\n").encode())
        received = b""
        while data := client.recv(65536):
            received += data
    return received.decode()


def at(path: Path, *more: str, **said: Any) -> dict[str, Any]:
    """A configuration with a listener at a socket."""
    return {"listeners": [{"endpoint": ":".join([f"unix:{path}", *more])}], **said}


def mode_of(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def reload(gateway: GatewayProcess, **said: Any) -> None:
    """Put another configuration into force."""
    before = gateway.errors.count("Configuration applied")
    gateway.configure(**said)
    gateway.signal(signal.SIGHUP)
    until(lambda: gateway.errors.count("Configuration applied") > before, "it is not in force")


def test_curl_by_a_socket(place: Path) -> None:
    """A client has no address: none is invented, neither for the backend nor in the log; the file has its mode."""
    path = place / "gateway.sock"
    with (
        app_server(place / "app.sock"),
        running(place, **at(path, "mode=660", **one_upstream(f"unix:{place}/app.sock"))) as gateway,
    ):
        assert mode_of(path) == 0o660
        command = ["curl", "-sS", "--max-time", "9", "--unix-socket", str(path), "http://api.example/a"]
        seen = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        assert (seen["Host"], seen["X-Forwarded-For"], seen["X-Real-IP"]) == (["api.example"], ["unknown"], [])
        until(gateway.access_log.exists)
        assert gateway.logs[-1]["client_ip"] == ""
        assert sorted(one.name for one in place.glob("gateway.sock*")) == ["gateway.sock"]
        gateway.stop()
        assert not path.exists()


def test_a_proxy_at_the_socket_that_is_trusted_says_who_its_clients_are(place: Path) -> None:
    """Without that, address rules let nobody in; with it they go by what the proxy says, and so does the backend."""
    path, said = place / "gateway.sock", one_upstream(f"unix:{place}/app.sock")
    rules = {"ip_deny": ["192.0.2.0/24"]}
    client, denied = "X-Forwarded-For: 198.51.100.7", "X-Forwarded-For: 192.0.2.7"
    with app_server(place / "app.sock"), running(place, **at(path, **said, **rules)) as gateway:
        assert ask(path).startswith("HTTP/1.1 403 ")
        assert ask(path, GET, client).startswith("HTTP/1.1 403 ")

        reload(gateway, **at(path, **said, **rules, trusted_proxies=["unix:"]))

        assert ask(path, GET, denied).startswith("HTTP/1.1 403 ")
        assert ask(path).startswith("HTTP/1.1 403 ")  # the proxy itself has no address
        seen = json.loads(ask(path, GET, client).rpartition("\r\n")[2])
        assert (seen["X-Forwarded-For"], seen["X-Real-IP"]) == (["198.51.100.7"], ["198.51.100.7"])
        until(gateway.access_log.exists)
        until(lambda: gateway.logs[-1]["client_ip"] == "198.51.100.7")


@pytest.mark.skipif(shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None, reason="no nginx")
def test_behind_nginx_at_a_socket(place: Path) -> None:
    """As it is set up in front of application servers: `proxy_pass http://unix:…`."""
    path, port = place / "gateway.sock", free_port()
    (place / "nginx.conf").write_text(
        f"daemon off; user {getpass.getuser()}; error_log {place}/error.log; pid {place}/nginx.pid; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {place}/b; proxy_temp_path {place}/p;\n"
        f"fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{\n"
        f"proxy_pass http://unix:{path}; proxy_set_header Host $http_host;\n"
        f"proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }} }}\n"
    )
    said = at(path, **one_upstream(f"unix:{place}/app.sock"), trusted_proxies=["unix:"], ip_allow=["127.0.0.0/8"])
    with app_server(place / "app.sock"), running(place, **said):
        nginx = subprocess.Popen(
            ["nginx", "-c", place / "nginx.conf"], env={**os.environ, "PATH": "/usr/sbin:/usr/bin"}
        )
        try:
            until(lambda: answers(port), "nginx does not come up")
            answer = requests.post(f"http://127.0.0.1:{port}/a", data=b"u" * 300_000, timeout=9).json()
        finally:
            nginx.terminate()
            nginx.wait(9)

    assert (answer["length"], answer["Host"]) == (300_000, [f"127.0.0.1:{port}"])
    assert answer["X-Forwarded-For"] == ["127.0.0.1"]


def test_what_a_crash_has_left_is_replaced(place: Path) -> None:
    """The file is there, and nobody listens; whoever had it had the same process id, for all that is known."""
    path = place / "gateway.sock"
    with backend("one") as one:
        said = at(path, **one_upstream(one.url))
        with running(place, **said) as gateway:
            gateway.signal(signal.SIGKILL)
            gateway.wait()
        assert path.is_socket()

        with running(place, **said):
            assert ask(path).endswith("one")


def test_a_start_that_fails_names_the_port_that_it_failed_for_and_leaves_no_file(place: Path) -> None:
    """Not the one that it had opened already."""
    path = place / "gateway.sock"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        listeners = [{"endpoint": f"unix:{place}/{name}.sock"} for name in ("one", "two")]
        admin, more = {"admin": {"endpoint": endpoint}}, {"listeners": [*listeners, {"endpoint": endpoint}]}
        for said, key in ((admin, "admin.endpoint"), (more, "listeners[2].endpoint")):
            gateway = GatewayProcess(place, **{"listeners": listeners, **one_upstream(f"unix:{path}"), **said})
            gateway.start(wait=False)
            assert gateway.wait() not in (0, None)

            last = gateway.errors.splitlines()[-1]
            assert re.search(
                rf"cannot listen on {endpoint}: address already in use \(.*:\d+:\d+: {re.escape(key)}\)$", last
            )
            assert list(place.glob("*.sock")) == []


@pytest.mark.parametrize("what", ["socket", "file"])
def test_what_is_another_s_is_not_taken(place: Path, what: str) -> None:
    """A process that listens there, whether it has room or not, or a file: the gateway says so and does not start."""
    path = place / "gateway.sock"
    with backend("one") as one, socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
        if what == "file":
            path.write_text("mine")
        else:
            listening.bind(str(path))
            listening.listen(0)
            first.connect(str(path))
        gateway = GatewayProcess(place, **at(path, **one_upstream(one.url)))
        gateway.start(wait=False)
        assert gateway.wait() not in (0, None)

        assert f"cannot listen on unix:{path}: address already in use" in gateway.errors
        assert path.read_text() == "mine" if what == "file" else path.is_socket()


def test_a_second_gateway_does_not_take_the_socket_of_the_first(place: Path) -> None:
    """Nor does it take the file away when it gives up."""
    path, other = place / "gateway.sock", place / "other"
    other.mkdir()
    with backend("one") as one:
        said = at(path, **one_upstream(one.url))
        with running(place, **said):
            second = GatewayProcess(other, **said)
            second.start(wait=False)
            assert second.wait() not in (0, None)
            assert ask(path).endswith("one")


def test_a_reload_that_changes_the_mode_loses_nobody(place: Path) -> None:
    """The same socket goes on with another mode; a change that is given up leaves the mode as it was."""
    path, stop, lost = place / "gateway.sock", threading.Event(), list[str]()

    def keep_asking() -> None:
        while not stop.is_set():
            try:
                answer = ask(path)
            except OSError as error:
                lost.append(repr(error))
            else:
                if not answer.endswith("one"):
                    lost.append(answer)

    with backend("one") as one:
        said = one_upstream(one.url)
        with running(place, **at(path, "mode=666", **said)) as gateway:
            asking = threading.Thread(target=keep_asking)
            asking.start()
            try:
                for mode in (0o660, 0o600, 0o666):
                    reload(gateway, **at(path, f"mode={mode:o}", **said))
                    until(lambda mode=mode: mode_of(path) == mode, "the mode does not change")
                with socket.create_server(("127.0.0.1", 0)) as taken:
                    bad = at(path, "mode=600", **said)
                    bad["listeners"].append({"endpoint": f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"})
                    gateway.configure(**bad)
                    gateway.signal(signal.SIGHUP)
                    until(lambda: "address already in use" in gateway.errors)
                assert mode_of(path) == 0o666
                reload(gateway, **at(path, "mode=640", **said))
                until(lambda: mode_of(path) == 0o640)
            finally:
                stop.set()
                asking.join()
            assert lost == []
            reload(gateway, **said)
            until(lambda: not path.exists(), "a listener that is gone leaves its file")


def test_a_file_that_was_put_in_its_place_is_not_removed(place: Path) -> None:
    """It is somebody else's."""
    path = place / "gateway.sock"
    with backend("one") as one, running(place, **at(path, **one_upstream(one.url))) as gateway:
        path.unlink()
        path.write_text("mine")
        gateway.stop()
    assert path.read_text() == "mine"


def test_who_is_being_answered_is_answered_in_a_drain(place: Path) -> None:
    """The file is gone, and the connection is not."""
    path = place / "gateway.sock"
    with backend("one") as one, running(place, **at(path, **one_upstream(one.url))) as gateway:
        answers: list[str] = []
        head = "GET /slow/1 HTTP/1.1\r\nHost: h\r\n"
        asking = threading.Thread(target=lambda: answers.append(ask(path, head)))
        asking.start()
        until(lambda: one.waiting)
        gateway.signal(signal.SIGTERM)
        until(lambda: not path.exists())
        asking.join()
        gateway.wait()

    assert answers[0].startswith("HTTP/1.1 200 ")
    assert "\r\nConnection: close\r\n" in answers[0]


def test_the_admin_listener_at_a_socket(place: Path) -> None:
    """As any other: curl asks it as `localhost`."""
    path = place / "admin.sock"
    with backend("one") as one, running(place, **one_upstream(one.url)) as gateway:
        reload(gateway, **one_upstream(one.url), admin={"endpoint": f"unix:{path}:mode=600"})
        command = ["curl", "-sS", "--max-time", "9", "--unix-socket", str(path), "http://localhost/upstreams"]
        seen = subprocess.run(command, capture_output=True, check=True).stdout

    assert one.url.encode() in seen


def answers(port: int) -> bool:
    """Whether something answers at a port."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
