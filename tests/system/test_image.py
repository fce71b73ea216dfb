"""The image is built and run, where it can be: `make test-image`.

It takes minutes, most of them the compiler's, so `make test` leaves it out.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from packaging.utils import canonicalize_name

from tests.deploy.container import tools
from tests.system import images
from tests.system.backends import backend
from tests.system.containers import HARDENED, Container
from tests.system.gateway_process import ROOT, until
from tests.system.guides import Guide
from tests.system.package_index import pins
from tests.system.ports import free_port

REASON = images.missing() if os.environ.get("GATEWAY_IMAGE") else "takes minutes: `make test-image` builds and runs it"
pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON), pytest.mark.timeout(3600)]

NOBODY = "65532"
MOST = 160e6
"""Bytes that all layers may have together, unpacked."""


@pytest.fixture(scope="module", autouse=True)
def image() -> dict[str, Any]:
    """The image, built of what is in the checkout."""
    images.make_bases()
    images.build("gateway", "--layers")
    return images.inspect("gateway")


@pytest.fixture(scope="module")
def origins() -> Iterator[tuple[int, int]]:
    """The ports of two backends on the host."""
    with backend("app") as one, backend() as other:
        yield one.server_address[1], other.server_address[1]


@pytest.fixture
def container(image: dict[str, Any], origins: tuple[int, int], tmp_path: Path) -> Iterator[Container]:
    """A container that serves."""
    made = Container(tmp_path, origins, added="timeouts: {shutdown_delay: 1s, shutdown: 10s}\n")
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def root(image: dict[str, Any]) -> Iterator[Path]:
    """The files of the image."""
    there = Path(images.podman("image", "mount", "gateway").stdout.strip())
    yield there
    images.podman("image", "unmount", "gateway")


def test_it_serves_as_nobody(container: Container) -> None:
    """Compiled, as the first process, with no rights and none to be had, on a file system that is read only."""
    assert container.status("NSpid").split()[-1] == "1"
    assert set(container.status("Uid").split()) == set(container.status("Gid").split()) == {NOBODY}
    assert int(container.status("CapEff"), 16) == int(container.status("CapBnd"), 16) == 0
    assert container.status("NoNewPrivs") == "1"
    assert "(compiled)" in container.logs()
    assert requests.get(f"{container.url}/ready", timeout=10).status_code == 200


def test_it_is_small_and_quick(container: Container, image: dict[str, Any]) -> None:
    """R-PERF-05: under 100 MB of memory; the figures are in docs/guides/container.md."""
    resident = int(container.status("VmRSS").split()[0]) / 1024

    assert resident < 100
    assert image["Size"] < MOST


def test_a_changed_file_is_served_after_sighup(container: Container) -> None:
    """And said in the log, by whom it was asked for."""
    text = (container.configuration / "gateway.yaml").read_text()
    container.configure(text.replace("path: /api/users/*", "path: /api/people/*"))
    container.signal("HUP")

    until(lambda: requests.get(f"{container.url}/api/people/7", timeout=10).status_code == 200)
    until(lambda: re.search(r"version 2-\w+ changes .*\((SIGHUP|watch)\)", container.logs()))


def test_a_stop_under_load_loses_no_request(container: Container) -> None:
    """Clients ask until readiness says 503, as a load balancer has them; all that was asked is answered with 200."""
    answers: list[int | str] = []
    load = [threading.Thread(target=ask_until_it_drains, args=(container, answers)) for _ in range(8)]
    for thread in load:
        thread.start()
    until(lambda: len(answers) > 200)

    container.signal("TERM")
    code = container.wait()
    for thread in load:
        thread.join()

    assert set(answers) == {200}
    assert code == 0, "the first process of a container cannot end by a signal"


def ask_until_it_drains(container: Container, answers: list[int | str]) -> None:
    """Ask by connections that are kept; note statuses, and what went wrong."""
    with requests.Session() as client:
        while True:
            try:
                answers.append(client.get(f"{container.url}/api/users/slow/0.02", timeout=10).status_code)
                if client.get(f"{container.admin}/ready", timeout=10).status_code == 503:
                    return
            except requests.RequestException as error:
                answers.append(repr(error))
                return


def test_sigusr2_hands_over_inside_the_container(container: Container) -> None:
    """Another process serves with the same sockets; the first one stays, or the container would end."""
    container.signal("USR2")

    until(lambda: "process 1" not in requests.get(f"{container.admin}/health", timeout=10).text)
    until(lambda: container.execute("gateway", "health").returncode == 0)
    assert requests.get(f"{container.url}/api/users/7", timeout=10).status_code == 200
    assert container.pid == int(images.podman("inspect", "--format", "{{.State.Pid}}", container.name).stdout)


def test_its_healthcheck(container: Container, image: dict[str, Any]) -> None:
    """Healthy while it serves; not where nobody answers at the admin port that it is told."""
    assert image["Healthcheck"]["Test"] == ["CMD", "/opt/gateway/bin/gateway", "health", "--live"]
    assert container.healthcheck() == 0

    assert container.execute("gateway", "health", "--live", "--admin", "http://127.0.0.1:1").returncode == 1

    os.kill(container.pid, signal.SIGSTOP)  # it hangs
    try:
        assert container.healthcheck() != 0
    finally:
        os.kill(container.pid, signal.SIGCONT)


def test_nothing_is_written(origins: tuple[int, int], tmp_path: Path) -> None:
    """Where it might be: after requests, a reload and a stop only what podman has put there differs from the image."""
    container = Container(tmp_path, origins, options=HARDENED[1:])
    try:
        for _ in range(10):
            requests.post(f"{container.url}/api/orders", data=b"x" * 1_000_000, timeout=10)
        container.signal("HUP")
        until(lambda: "SIGHUP" in container.logs())
        container.signal("TERM")
        container.wait()
        differences = images.podman("diff", container.name).stdout.splitlines()
    finally:
        container.remove()

    assert [line for line in differences if not re.fullmatch(r"[CA] /(etc|run|proc|sys|dev)(/[\w.]+)?", line)] == []


def test_without_a_configuration_it_says_what_is_missing(image: dict[str, Any]) -> None:
    """One line, and no traceback."""
    done = images.podman("run", "--rm", "gateway", check=False)

    assert done.returncode == 1
    assert "/etc/gateway" in done.stderr
    assert "Traceback" not in done.stderr


def test_there_is_no_shell_and_no_installer(root: Path) -> None:
    """Nothing in it starts other programs for whoever gets in, or gets more rights than it has."""
    programs = {path.name for place in ("usr/bin", "usr/sbin") for path in (root / place).glob("*")}
    shells = {"sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "curl", "wget", "perl"}
    assert programs & shells == set()

    packages = {path.name.partition("-")[0] for path in (root / "opt/gateway").rglob("*.dist-info")}
    assert packages & {"pip", "setuptools", "mypy", "cyclonedx_bom"} == set()

    special = [
        path for path in root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o6000 and path.is_file()
    ]
    assert special == []


def test_it_is_made_of_what_is_locked(root: Path) -> None:
    """The bill of materials fits its schema, and has all that the lock pins for this machine, and Debian's packages."""
    document = root / "opt/gateway/sbom.cdx.json"
    assert tools.invalid(document.read_text()) == ""

    bill = json.loads(document.read_text())
    assert bill["metadata"]["component"]["version"] == images.version()
    parts = [(canonicalize_name(part["name"]), part["version"], part["purl"]) for part in bill["components"]]
    python = {(name, version) for name, version, purl in parts if purl.startswith("pkg:pypi/")}
    locked = {(pin.name, pin.version) for pin in pins(ROOT / "requirements/runtime.lock") if pin.wanted}
    assert python == {(name, version) for name, version in locked if name != "setuptools"}
    assert {name for name, _, purl in parts if purl.startswith("pkg:deb/debian/")} >= {"libc6", "python3-13-minimal"}


def test_its_labels(image: dict[str, Any]) -> None:
    """Tools read what it is, of which version, and made from which commit."""
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in image["Labels"].items()}

    assert labels["version"] == images.version()
    assert re.fullmatch("[0-9a-f]{40}", labels["revision"])
    assert {"title", "description", "licenses", "created"} <= set(labels)


def test_built_again_it_is_the_same(image: dict[str, Any]) -> None:
    """To the byte, in each layer, with the same settings, by the same steps.

    Not so its identifier: in Docker's format, without which there is no HEALTHCHECK, buildah notes the containers that
    it has built in, and their numbers are random.
    """
    images.build("again", "--layers", "--no-cache")

    again = images.inspect("again")
    assert again["RootFS"]["Layers"] == image["RootFS"]["Layers"]
    assert again["Config"] == image["Config"]
    assert steps(again) == steps(image)


def steps(image: dict[str, Any]) -> list[tuple[str, str]]:
    """Return when and how each layer, or setting, was made."""
    return [(step["created"], step["created_by"]) for step in image["History"]]


@pytest.mark.usefixtures("image")
def test_the_guide(origins: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/guides/container.md, as it stands there; its `docker` is podman."""
    for name, value in images.environment().items():
        monkeypatch.setenv(name, value)
    ports = {8080: free_port(), 9090: free_port(), 9001: origins[0]}
    guide = Guide("docs/guides/container.md", tmp_path, ports)
    try:
        assert guide.follow() >= 18
    finally:
        guide.stop()
        images.podman("rm", "--force", "--time", "0", "gateway", "parts", check=False)
