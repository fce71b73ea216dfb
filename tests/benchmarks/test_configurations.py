"""Peers take the configurations that are written for them, where they are installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks import tokens
from benchmarks.peers import find
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.caching import CachingNginx
from benchmarks.proxies.caddy import Caddy
from benchmarks.proxies.chained import ChainedEnvoy
from benchmarks.proxies.changing import ChangingCaddy, ChangingEnvoy, ChangingGateway, paths
from benchmarks.proxies.compressing import CompressingEnvoy, CompressingNginx
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.haproxy import HAProxy
from benchmarks.proxies.nginx import Nginx
from benchmarks.proxies.rewriting import ScriptedNginx
from benchmarks.proxies.traced import TracedEnvoy
from benchmarks.proxies.verifying import VerifyingEnvoy
from benchmarks.workload import Task, make_certificate

CHECKS = {"envoy": ["--mode", "validate"], "nginx": ["-t"], "haproxy": ["-c"], "caddy": []}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "kind", [Envoy, ChainedEnvoy, CompressingEnvoy, Nginx, ScriptedNginx, CompressingNginx, CachingNginx, HAProxy]
)
def test_a_configuration_is_taken(tmp_path: Path, kind: type[Proxy], tls: bool) -> None:
    """By the program itself, which does not start."""
    expect_taken(kind(), Task(20001, 20002, 20003, tmp_path, make_certificate(tmp_path) if tls else None))


@pytest.mark.parametrize("backend", [False, True], ids=["to-http1", "to-http2"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind", [Envoy, Nginx, HAProxy, Caddy])
def test_http2_is_configured_in_words_that_a_proxy_knows(
    tmp_path: Path, kind: type[Proxy], tls: bool, backend: bool
) -> None:
    """On either side; nginx speaks it with clients only."""
    certificate = make_certificate(tmp_path) if tls else None
    task = Task(20001, 20002, 20003, tmp_path, certificate, http2=True, http2_backend=backend)
    proxy = kind()
    if proxy.can(task):
        expect_taken(proxy, task)
    assert proxy.can(task) is (kind is not Nginx or not backend)


@pytest.mark.parametrize("ratio", [1.0, 0.01])
def test_envoy_takes_its_tracer(tmp_path: Path, ratio: float) -> None:
    """At either share."""
    expect_taken(TracedEnvoy("envoy+traced", ratio), Task(20001, 20002, 20003, tmp_path))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_envoy_takes_the_keys_of_tokens(tmp_path: Path, algorithm: str) -> None:
    """As JWK."""
    expect_taken(VerifyingEnvoy(tokens.make(algorithm, 1, tmp_path)), Task(20001, 20002, 20003, tmp_path))


@pytest.mark.parametrize("kind", [ChangingEnvoy, ChangingCaddy])
def test_routes_that_change_are_taken(tmp_path: Path, kind: type[Proxy]) -> None:
    """By the program itself, which does not start."""
    expect_taken(kind(), Task(20001, 20002, 20003, tmp_path, routes=3))


def test_the_last_route_of_the_gateway_changes(tmp_path: Path) -> None:
    """And no other one."""
    task = Task(20001, 20002, 20003, tmp_path, routes=3)
    made = ChangingGateway("gateway", tmp_path).configuration(task, 7)["routes"]

    assert [route["path"] for route in made] == [f"{path}*" for path in paths(3, 7)]
    assert paths(3, 7)[:2] == paths(3, 8)[:2]
    assert paths(3, 7)[2] == "/api/changed-7/"


def expect_taken(proxy: Proxy, task: Task) -> None:
    """Have the program check what is written for it."""
    program, *modules = proxy.needs
    if any(find(one) is None for one in (program, *modules)):
        pytest.skip(f"there is no {' or no '.join(proxy.needs)}")
    prepared = proxy.prepare(task)
    command = [*prepared.argv, *CHECKS[program]]
    if program == "caddy":
        command = [prepared.argv[0], "validate", *prepared.argv[2:]]
    ended = subprocess.run(
        command, env={**os.environ, **prepared.env}, capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
