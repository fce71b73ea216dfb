"""What the guides say can be done is done, as it stands there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.collector import Jaeger
from tests.log_receivers import Elasticsearch, Loki
from tests.registries.etcd_server import PROGRAM, etcd_server
from tests.system.authority import authority_server
from tests.system.backends import backend, httpbin
from tests.system.gateway_process import ROOT
from tests.system.guides import Guide
from tests.system.log_server import served
from tests.system.ports import free_port
from tests.system.prometheus_server import PROGRAM as PROMETHEUS
from tests.system.redis_server import redis_server


def test_ten_minutes(tmp_path: Path) -> None:
    """The tutorial: from nothing to a gateway that balances, survives, asks, limits and tells."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    work = tmp_path / "build/tutorial"
    work.mkdir(parents=True)
    guide = Guide("docs/tutorial.md", work, {port: free_port() for port in (8080, 9090, 9001, 9002, 9003)})
    try:
        assert guide.follow() >= 28
    finally:
        guide.stop()
        for file in work.glob("*.pid"):  # where the page was not followed to its end
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGTERM)


def test_issue_tokens(tmp_path: Path) -> None:
    """From a secret to a revoked token, and with other authorities."""
    with backend() as origin, authority_server() as authority:
        ports = {
            8080: free_port(),
            9090: free_port(),
            9001: origin.server_address[1],
            9091: authority.server_address[1],
        }
        guide = Guide("docs/guides/oauth.md", tmp_path, ports)
        try:
            assert guide.follow() >= 15
        finally:
            guide.stop()


def test_protect_a_route_with_jwt(tmp_path: Path) -> None:
    """By secret, by public key, and what an operator can end before time."""
    with backend() as origin:
        guide = Guide(
            "docs/guides/jwt.md", tmp_path, {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        )
        try:
            assert guide.follow() >= 24
        finally:
            guide.stop()


def test_limit_how_much_callers_may_ask_for(tmp_path: Path) -> None:
    """By user, counted in Redis."""
    with backend() as origin, redis_server(tmp_path) as redis:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1], 6379: redis.port}
        guide = Guide("docs/guides/rate-limits.md", tmp_path, ports)
        try:
            assert guide.follow() >= 10
        finally:
            guide.stop()


def test_let_in_by_certificate_or_by_address(tmp_path: Path) -> None:
    """With certificates made on the spot."""
    with backend() as origin:
        ports = {8443: free_port(), 8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/access.md", tmp_path, ports)
        try:
            assert guide.follow() >= 15
        finally:
            guide.stop()


def test_test_your_configuration(tmp_path: Path) -> None:
    """With a failure, and the exit codes."""
    with backend() as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/testing.md", tmp_path, ports)
        try:
            assert guide.follow() >= 6
        finally:
            guide.stop()


def test_begin_with_a_configuration_of_your_own(tmp_path: Path) -> None:
    """Written, looked at, tested, explained; the schema beside it."""
    guide = Guide("docs/guides/first-configuration.md", tmp_path, {})
    try:
        assert guide.follow() == 9
    finally:
        guide.stop()


@pytest.mark.parametrize(
    ("page", "commands"),
    [
        ("README.md", 5),
        ("docs/guides/moving.md", 6),
        ("docs/guides/review-a-change.md", 10),
        ("docs/guides/testing-in-ci.md", 7),
        ("docs/guides/moving-proxies.md", 5),
    ],
)
def test_pages_that_need_no_gateway(page: str, commands: int, tmp_path: Path) -> None:
    """The tour, what a change will do, and what CI asks: all of it in memory."""
    guide = Guide(page, tmp_path, {})
    try:
        assert guide.follow() == commands
    finally:
        guide.stop()


@pytest.mark.timeout(240)
def test_simulate_an_hour_of_traffic(tmp_path: Path) -> None:
    """From a third of the requests lost to none, and as a check."""
    guide = Guide("docs/guides/simulate.md", tmp_path, {8080: free_port(), 9090: free_port()})
    try:
        assert guide.follow() >= 9
    finally:
        guide.stop()


def test_replay_an_access_log(tmp_path: Path) -> None:
    """One that the gateway has written, and one of nginx's."""
    with backend() as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/replay.md", tmp_path, ports)
        try:
            assert guide.follow() >= 9
        finally:
            guide.stop()


def test_compress_answers(tmp_path: Path) -> None:
    """As curl sees it."""
    with backend() as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/compression.md", tmp_path, ports)
        try:
            assert guide.follow() >= 3
        finally:
            guide.stop()


def test_find_backends(tmp_path: Path) -> None:
    """In a file, etcd, a double of Consul, and a name server."""
    if PROGRAM is None:
        pytest.skip("no etcd on PATH")
    command = [sys.executable, "-m", "tests.registries.run"]
    registries = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert registries.stdout is not None
        consul, names = (int(registries.stdout.readline().split()[1]) for _ in range(2))
        with backend() as origin, etcd_server(tmp_path) as etcd:
            ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1], 8500: consul, 5353: names}
            ports[2379] = int(etcd.url.rpartition(":")[2])
            guide = Guide("docs/guides/discovery.md", tmp_path, ports)
            try:
                assert guide.follow() >= 13
            finally:
                guide.stop()
    finally:
        registries.kill()
        registries.communicate()


def test_keep_answers(tmp_path: Path) -> None:
    """In memory and in Redis; what is forgotten is asked for again."""
    with backend() as origin, redis_server(tmp_path) as redis:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1], 6379: redis.port}
        guide = Guide("docs/guides/cache.md", tmp_path, ports)
        try:
            assert guide.follow() >= 11
        finally:
            guide.stop()


def test_pages_of_other_origins(tmp_path: Path) -> None:
    """What a browser asks before and after a call."""
    with backend() as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/browsers.md", tmp_path, ports)
        try:
            assert guide.follow() >= 4
        finally:
            guide.stop()


def test_change_requests_and_answers(tmp_path: Path) -> None:
    """With a backend that answers with what it was asked."""
    with httpbin() as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: int(origin.rpartition(":")[2])}
        guide = Guide("docs/guides/transformations.md", tmp_path, ports)
        try:
            assert guide.follow() >= 8
        finally:
            guide.stop()


def test_try_a_new_version(tmp_path: Path) -> None:
    """By weight, by caller, with a growing share, and for those who ask for it."""
    with backend("stable") as stable, backend("canary") as canary:
        ports = {
            8080: free_port(),
            9090: free_port(),
            9001: stable.server_address[1],
            9002: canary.server_address[1],
        }
        guide = Guide("docs/guides/canary.md", tmp_path, ports)
        try:
            assert guide.follow() >= 7
        finally:
            guide.stop()


def test_one_answer_from_many_backends(tmp_path: Path) -> None:
    """With backends that serve files."""
    guide = Guide("docs/guides/aggregation.md", tmp_path, {port: free_port() for port in (8080, 9090, 9001, 9002)})
    try:
        assert guide.follow() >= 9
    finally:
        guide.stop()
        for file in tmp_path.glob("*.pid"):  # what the page has ended already is not there any more
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGTERM)


def test_a_password_for_a_dashboard(tmp_path: Path) -> None:
    """From an empty file to a browser's question."""
    with backend() as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/passwords.md", tmp_path, ports)
        try:
            assert guide.follow() >= 6
        finally:
            guide.stop()


def test_issue_api_keys(tmp_path: Path) -> None:
    """From `create` to `revoke`, which counts at once."""
    with backend() as origin, redis_server(tmp_path) as redis:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1], 6379: redis.port}
        guide = Guide("docs/guides/api-keys.md", tmp_path, ports)
        try:
            assert guide.follow() >= 9
        finally:
            guide.stop()


def test_speak_http2(tmp_path: Path) -> None:
    """By ALPN and by prior knowledge, beside HTTP/1.1."""
    with backend() as origin:
        ports = {8443: free_port(), 8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/http2.md", tmp_path, ports)
        try:
            assert guide.follow() >= 6
        finally:
            guide.stop()


def test_upgrade_without_losing_a_request(tmp_path: Path) -> None:
    """A version that comes up, and one that does not."""
    with backend("app") as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/upgrade.md", tmp_path, ports)
        try:
            assert guide.follow() >= 9
        finally:
            guide.stop()


@pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus on PATH: `make test` installs one")
@pytest.mark.timeout(300)  # pictures are taken
def test_dashboards_and_alerts(tmp_path: Path) -> None:
    """A Prometheus scrapes a gateway by the rules that are shipped, and is drawn."""
    for place in ("etc", "dashboards"):
        (tmp_path / place).symlink_to(ROOT / place)
    with backend("app") as origin:
        ports = {port: free_port() for port in (8080, 9090, 9091)}
        guide = Guide("docs/guides/dashboards.md", tmp_path, {**ports, 9001: origin.server_address[1]})
        try:
            assert guide.follow() >= 12
        finally:
            with contextlib.suppress(OSError, ValueError):
                os.kill(int((tmp_path / "prometheus.pid").read_text()), signal.SIGTERM)
            guide.stop()


def test_use_all_cores(tmp_path: Path) -> None:
    """Two processes that are one gateway."""
    with backend("app") as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/processes.md", tmp_path, ports)
        try:
            assert guide.follow() >= 6
        finally:
            guide.stop()


def test_write_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tested, run, broken; where the gateway is installed, its fixture is found without being named."""
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_gateway")
    with backend() as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/plugins.md", tmp_path, ports)
        try:
            assert guide.follow() >= 11
        finally:
            guide.stop()


def test_change_routes_by_api(tmp_path: Path) -> None:
    """One route, everything, a restart, and back again."""
    with backend() as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        guide = Guide("docs/guides/change-by-api.md", tmp_path, ports)
        try:
            assert guide.follow() >= 18
        finally:
            guide.stop()


def test_send_logs(tmp_path: Path) -> None:
    """To Loki and to Elasticsearch, which look at every field."""
    with backend() as origin, served(Loki()) as loki, served(Elasticsearch()) as elasticsearch:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1], 3100: loki, 9200: elasticsearch}
        guide = Guide("docs/guides/logs.md", tmp_path, ports)
        try:
            assert guide.follow() >= 5
        finally:
            guide.stop()


def test_find_the_cause(tmp_path: Path) -> None:
    """Of a request that failed, of one that no route took, and of one that went well; and what happens now."""
    with backend() as origin:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
        ports |= {9002: free_port(), 9003: free_port()}
        guide = Guide("docs/guides/find-the-cause.md", tmp_path, ports)
        try:
            assert guide.follow() >= 9
        finally:
            guide.stop()


def test_see_a_request_from_end_to_end(tmp_path: Path) -> None:
    """In Jaeger, by a double that reads what it gets with OpenTelemetry's own messages."""
    jaeger = Jaeger()
    with backend() as origin, served(jaeger.otlp) as otlp, served(jaeger.query) as query:
        ports = {8080: free_port(), 9090: free_port(), 9001: origin.server_address[1], 4318: otlp, 16686: query}
        guide = Guide("docs/guides/tracing.md", tmp_path, ports)
        try:
            assert guide.follow() >= 6
        finally:
            guide.stop()
