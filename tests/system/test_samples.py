"""The samples in `etc`: each is right, does what its tests say, and serves."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from gateway import cli
from gateway.config import load
from tests.system.gateway_process import BY_RUN, CODE, PATIENCE, ROOT, until
from tests.system.ports import free_port

ETC = ROOT / "etc"
SAMPLES = sorted(path.name for path in ETC.glob("*.yaml") if path.name != "gateway.full.yaml")

POST: dict[str, Any] = {"method": "POST", "json": {}}
SERVED: dict[str, tuple[str, dict[str, Any], int]] = {
    "phase1.yaml": ("/", {}, 502),  # nobody listens at its backend
    "gateway.yaml": ("/api/any/1", POST, 405),
    "microservices.yaml": ("/api/catalog/1", POST, 405),
    "identity.yaml": ("/accounts/7", {}, 401),
    "edge.yaml": ("/shop", {"allow_redirects": False}, 308),
    "llm.yaml": ("/v1/chat/completions", POST, 401),
    "tenants.yaml": ("/api/items", {"headers": {"Host": "small.example.com"}}, 401),
}
"""A request that each answers without a backend, and how."""


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_right_and_does_what_its_tests_say(name: str) -> None:
    """Without a warning; and its tests touch every route and every rule."""
    checked = CliRunner().invoke(cli.main, ["check", str(ETC / name)])
    tested = CliRunner().invoke(cli.main, ["test", str(ETC / name)])

    assert (checked.exit_code, checked.stderr) == (0, ""), checked.output
    assert tested.exit_code == 0, tested.output
    assert "no test" not in tested.stdout, tested.stdout


@pytest.mark.parametrize("name", SAMPLES)
def test_it_serves(name: str) -> None:
    """As it is, but for its ports, which somebody else may have; it answers as its tests say that it does."""
    path, request, status = SERVED[name]
    with running(ETC / name) as (url, _):
        answer = requests.request(request.get("method", "GET"), url + path, timeout=PATIENCE, **_rest(request))

    assert answer.status_code == status, answer.text


def _rest(request: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key != "method"}


@contextmanager
def running(path: Path, backends: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """Run a gateway with a sample.

    Args:
        path: Of the sample.
        backends: URLs of the backends of each upstream; by default they are ports where nobody listens.

    Yields:
        The URL of its first listener, and the environment that it has.
    """
    settings = load(path, {})
    ports = [free_port() for _ in settings.listeners]
    admin = free_port()
    environ = {f"GATEWAY__LISTENERS__{n}__ENDPOINT": f"tcp:{port}:interface=127.0.0.1" for n, port in enumerate(ports)}
    for number, upstream in enumerate(settings.upstreams):
        for place in range(len(upstream.backends)):
            key = f"GATEWAY__UPSTREAMS__{number}__BACKENDS__{place}__URL"
            environ[key] = backends[place] if backends else f"http://127.0.0.1:{free_port()}"
    environ |= {"GATEWAY__ADMIN__ENDPOINT": f"tcp:{admin}:interface=127.0.0.1", "PYTHONPATH": CODE}
    process = subprocess.Popen(
        [*BY_RUN, str(path)],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: process.poll() is not None or _alive(admin), f"{path.name} does not come up")
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        yield f"http://127.0.0.1:{ports[0]}", environ
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)


def _alive(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=1).ok
    except requests.ConnectionError:
        return False


def test_each_is_in_the_table() -> None:
    """Who looks for one finds it."""
    text = (ETC / "README.md").read_text()

    assert [name for name in [*SAMPLES, "gateway.full.yaml"] if f"]({name})" not in text] == []
