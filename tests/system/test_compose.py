"""compose.yaml is started, all of it, where images can be built: `make test-image`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import yaml

from tests.system import images
from tests.system.composed import PROMETHEUS, Composed, composed, make_stand_ins, missing
from tests.system.gateway_process import ROOT, until

REASON = missing() if os.environ.get("GATEWAY_IMAGE") else "takes minutes: `make test-image` starts it"
pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON), pytest.mark.timeout(3600)]

GATEWAY = "127.0.0.1:8080"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """All of them, the gateway built of what is in the checkout."""
    images.make_bases()
    images.build("gateway", "--layers")
    make_stand_ins()
    with composed(tmp_path_factory.mktemp("compose")) as started:
        until(lambda: started.get(f"{GATEWAY}/api/users/7"), "the gateway does not answer")
        yield started


def test_both_backends_answer_through_the_gateway(services: Composed) -> None:
    """By the routes of deploy/container/etc, found by the names of their service."""
    assert services.get(f"{GATEWAY}/api/users/7")["path"] == "/api/users/7"
    assert services.get(f"{GATEWAY}/api/orders/7")["path"] == "/api/orders/7"


def test_limits_are_counted_in_its_redis(services: Composed) -> None:
    """Redis has keys as soon as a request was limited, so a second gateway would count with the first."""
    services.get(f"{GATEWAY}/api/users/7")

    until(lambda: services.execute("redis", "redis-cli", "dbsize").stdout.strip() not in ("", "0"))


def test_prometheus_has_figures_of_the_gateway(services: Composed) -> None:
    """It scrapes the admin port by the name of the service, which that port has to admit."""
    query = f"{PROMETHEUS}/api/v1/query?query=gateway_requests_total"
    until(lambda: services.get(query).get("data", {}).get("result"), "nothing was scraped")

    (target,) = services.get(f"{PROMETHEUS}/api/v1/targets")["data"]["activeTargets"]
    assert (target["scrapeUrl"], target["health"]) == ("http://gateway:9090/metrics", "up")


def test_prometheus_has_all_rules(services: Composed) -> None:
    """Those of etc/prometheus, each read without a complaint, and none fires: everything is up."""
    groups = services.get(f"{PROMETHEUS}/api/v1/rules")["data"]["groups"]
    shipped = yaml.safe_load((ROOT / "etc/prometheus/gateway.rules.yml").read_text())["groups"]

    assert {rule["name"] for group in groups for rule in group["rules"]} == {
        rule.get("alert") or rule["record"] for group in shipped for rule in group["rules"]
    }
    assert [rule for group in groups for rule in group["rules"] if rule.get("state") == "firing"] == []


@pytest.mark.parametrize("service", ["redis", "gateway"])
def test_services_are_healthy_by_their_own_checks(services: Composed, service: str) -> None:
    """Redis' check is what the gateway waits for; Docker asks both every few seconds."""
    until(lambda: services.healthcheck(service) == 0)


def test_it_serves_the_configuration_that_is_mounted(services: Composed) -> None:
    """deploy/container/etc is where the gateway looks."""
    assert "redis://redis:6379/0" in services.execute("gateway", "gateway", "config", "/etc/gateway").stdout


def test_the_gateway_ends_as_it_is_told(services: Composed) -> None:
    """After its drain, with 0, within the time that compose.yaml gives it; and it can be started again."""
    name = services.container("gateway")

    services.compose("stop", "gateway")
    code, logs = images.podman("inspect", "--format", "{{.State.ExitCode}}", name).stdout, images.podman("logs", name)
    services.compose("start", "gateway")

    assert code.strip() == "0"
    assert "Stopped" in logs.stdout + logs.stderr
    until(lambda: services.get(f"{GATEWAY}/api/users/7"), "the gateway does not answer any more")
