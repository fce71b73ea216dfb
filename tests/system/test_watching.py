"""Files that change under a running gateway, with the kernel's own notifications; and what it leaves lying about."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
import requests

from tests.pki import Authority
from tests.system import backends
from tests.system.gateway_process import BY_RUN, GatewayProcess, one_upstream, running, until


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as server:
        yield server


def test_every_swap_of_a_config_map_is_seen(tmp_path: Path, origin: backends.Backend) -> None:
    """As Kubernetes does it: a new directory, the link swapped, the directory before it deleted; time and again."""
    mount = tmp_path / "mount"
    mount.mkdir()
    gateway = GatewayProcess(tmp_path, **one_upstream(origin.url, path="/0/*"))
    whole = json.loads(gateway.config.read_text())
    _swap(mount, 0, {**whole, **one_upstream(origin.url, path="/0/*")})
    (mount / "gateway.json").symlink_to("..data/gateway.json")
    gateway.config = mount / "gateway.json"
    try:
        gateway.start()
        for number in range(1, 5):
            _swap(mount, number, {**whole, **one_upstream(origin.url, path=f"/{number}/*")})
            until(
                lambda number=number: requests.get(f"{gateway.url}/{number}/1", timeout=5).status_code == 200,
                f"swap {number} was not seen",
                patience=4,  # seconds: the look that does not wait for the kernel comes every five
            )
    finally:
        gateway.stop()
    assert "Traceback" not in gateway.errors


def _swap(mount: Path, number: int, configuration: object) -> None:
    fresh = mount / f"..2026_{number}"
    fresh.mkdir()
    (fresh / "gateway.json").write_text(json.dumps(configuration))
    (mount / "..data_tmp").symlink_to(fresh.name)
    (mount / "..data_tmp").replace(mount / "..data")
    if number:
        shutil.rmtree(mount / f"..2026_{number - 1}")


def test_renewed_certificates_are_put_into_force(tmp_path: Path, origin: backends.Backend) -> None:
    """As certbot does it, once more and once more: nobody sends a signal."""
    authority = Authority()
    trusted = ssl.create_default_context(cafile=str(authority.write(tmp_path / "ca.pem")))
    live, archive = tmp_path / "live", tmp_path / "archive"
    live.mkdir()
    archive.mkdir()
    _renew(authority, live, archive, 0)
    gateway = GatewayProcess(tmp_path)
    endpoint = f"ssl:{gateway.port}:interface=127.0.0.1:privateKey={live}/cert.pem:certKey={live}/cert.pem"
    gateway.configure(**one_upstream(origin.url), listeners=[{"endpoint": endpoint}])
    try:
        gateway.start()
        for number in range(1, 4):
            before = _serial(gateway.port, trusted)
            _renew(authority, live, archive, number)
            until(
                lambda before=before: _serial(gateway.port, trusted) != before,
                f"renewal {number} was not seen",
                patience=4,
            )
    finally:
        gateway.stop()


def _renew(authority: Authority, live: Path, archive: Path, number: int) -> None:
    authority.write_identity(archive / f"cert{number}.pem", "localhost")
    (live / "fresh").symlink_to(archive / f"cert{number}.pem")
    (live / "fresh").replace(live / "cert.pem")


def _serial(port: int, trusted: ssl.SSLContext) -> object:
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        trusted.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        certificate = client.getpeercert()
    assert certificate is not None
    return certificate["serialNumber"]


def test_variables_are_watched(tmp_path: Path, origin: backends.Backend) -> None:
    """The `.env` beside the configuration, one that was not there before."""
    with running(tmp_path, **one_upstream(origin.url, path="${WHERE:-/a/*}")) as gateway:
        assert requests.get(f"{gateway.url}/a/1", timeout=5).status_code == 200
        (tmp_path / ".env").write_text("WHERE=/b/*\n")

        until(lambda: requests.get(f"{gateway.url}/b/1", timeout=5).status_code == 200, patience=4)


def test_a_file_of_users_is_watched(tmp_path: Path, origin: backends.Backend) -> None:
    """Its name is relative to the configuration; a good password takes the place of another, and nonsense of none."""
    users = tmp_path / "htpasswd"
    lines = {one: bcrypt.hashpw(one.encode(), bcrypt.gensalt(4)).decode() for one in ("old", "new")}
    users.write_text(f"alice:{lines['old']}\n")
    gateway = GatewayProcess(tmp_path)
    one = one_upstream(origin.url)
    one["routes"][0]["auth"] = {"type": "basic"}
    gateway.configure(**one, auth={"basic": {"users_file": "htpasswd"}})

    def status(password: str) -> int:
        return requests.get(f"{gateway.url}/1", auth=("alice", password), timeout=5).status_code

    try:
        gateway.start()
        assert (status("old"), status("new")) == (200, 401)

        users.write_text(f"alice:{lines['new']}\n")
        until(lambda: status("old") == 401, "the new file is not in force")
        assert status("new") == 200

        users.write_text("alice:new\n")
        until(lambda: "found a password as it is" in gateway.errors, "nobody has told of the bad file")
        assert status("new") == 200
    finally:
        gateway.stop()


def test_files_that_clients_get_are_watched(tmp_path: Path) -> None:
    """The content of a fixed answer and a page for errors; one that is gone changes nothing."""
    fixed, page = tmp_path / "fixed.bin", tmp_path / "404.html"
    fixed.write_bytes(b"one")
    page.write_text("<p>one ${status}")
    routes = [{"path": "/fixed", "respond": {"file": "fixed.bin"}}]
    with running(tmp_path, routes=routes, error_pages={"404": "404.html"}) as gateway:

        def nowhere() -> str:
            return requests.get(f"{gateway.url}/nowhere", headers={"Accept": "text/html"}, timeout=5).text

        assert requests.get(f"{gateway.url}/fixed", timeout=5).content == b"one"
        assert nowhere() == "<p>one 404"
        long = bytes(range(256)) * 50_000
        (tmp_path / "fresh").write_bytes(long)
        (tmp_path / "fresh").replace(fixed)
        until(lambda: requests.get(f"{gateway.url}/fixed", timeout=5).content == long, patience=4)
        page.write_text("<p>two ${status}")
        until(lambda: nowhere() == "<p>two 404", patience=4)
        page.unlink()
        until(lambda: ".html: expected a file that can be read" in gateway.errors)
        assert nowhere() == "<p>two 404"


def test_run_leaves_nothing_and_stumbles_over_nothing(tmp_path: Path, origin: backends.Backend) -> None:
    """No file in its working directory, which may not be written to; a PID file of somebody alive is another's."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "twistd.pid").write_text(str(os.getpid()))
    place.chmod(0o555)  # root writes all the same: hence the look at what is there afterwards
    gateway = GatewayProcess(tmp_path, **one_upstream(origin.url))
    try:
        gateway.start(command=BY_RUN, directory=place)

        assert requests.get(f"{gateway.url}/name", timeout=5).status_code == 200
    finally:
        gateway.stop()
        place.chmod(0o755)
    assert [each.name for each in place.iterdir()] == ["twistd.pid"]
    assert (place / "twistd.pid").read_text() == str(os.getpid())
