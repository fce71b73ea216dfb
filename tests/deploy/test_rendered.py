"""What kubectl and Helm make of manifests and chart: linted, validated, and its configuration run by a real gateway."""

from __future__ import annotations

import base64
import copy
import functools
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from gateway.config import dotenv
from tests.deploy.sound import SECRETS, Resource, check, of_kind, write_configuration
from tests.deploy.tools import kustomize, needed, problems_of, render
from tests.pki import Authority, key_pem, pem
from tests.system.gateway_process import BY_RUN, GatewayProcess, until
from tests.system.mounted import Mounted
from tests.system.ports import free_port

pytestmark = [needed, pytest.mark.timeout(180)]

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm" / "gateway"
OVERLAYS = [f"kubernetes/{name}" for name in ("base", "overlays/small", "overlays/production")]
VALUES = [f"helm/gateway/{path.relative_to(CHART)}" for path in sorted((CHART / "ci").glob("*.yaml"))]
DEFAULTS = "helm/gateway/values.yaml"
ALL = [*OVERLAYS, DEFAULTS, *VALUES]


def values(what: str) -> dict[str, Any]:
    """Return the values of a file; none for those that the chart has anyway."""
    said: dict[str, Any] = {} if what == DEFAULTS else yaml.safe_load((DEPLOY / what).read_text())
    return said


@functools.cache
def applied(what: str) -> list[Resource]:
    """Return the resources that an overlay, or a file of values, becomes."""
    if what in OVERLAYS:
        text = kustomize(DEPLOY / what)
    else:
        made = render(CHART, values(what))
        assert made["problems"] == []
        text = "\n---\n".join(each for name, each in made["manifests"].items() if not name.endswith(".txt"))
    return [each for each in yaml.safe_load_all(text) if each]


def one(what: str, kind: str) -> Any:
    """Return the only resource of a kind."""
    (found,) = of_kind(applied(what), kind)
    return found


@pytest.mark.parametrize("what", ALL)
def test_the_schemas_of_kubernetes_admit_it(what: str) -> None:
    """Strictly: no field that it does not know; by the oldest release that the chart admits, and by the newest."""
    assert problems_of(applied(what)) == []


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    """The test above can fail."""
    wrong = yaml.safe_load(yaml.safe_dump(one(DEFAULTS, "Deployment")))
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 30

    assert len(problems_of([wrong])) == 2


@pytest.mark.parametrize("what", ALL)
def test_it_is_sound(what: str, tmp_path: Path) -> None:
    """Rights, names, ports, times and memory fit each other and the configuration."""
    check(applied(what), tmp_path)


def _pod(resources: list[Resource]) -> Any:
    return of_kind(resources, "Deployment")[0]["spec"]["template"]["spec"]


def _in_the_configuration(before: str, after: str) -> Callable[[list[Resource]], object]:
    def change(resources: list[Resource]) -> None:
        (found,) = of_kind(resources, "ConfigMap")
        assert before in found["data"]["gateway.yaml"]
        found["data"]["gateway.yaml"] = found["data"]["gateway.yaml"].replace(before, after)

    return change


UNSOUND: dict[str, Callable[[list[Resource]], object]] = {
    "no delay": _in_the_configuration("shutdown_delay: 15s", "shutdown_delay: 0s"),
    "a longer drain than grace": _in_the_configuration("shutdown: 30s", "shutdown: 45s"),
    "a longer hook than grace": lambda all_: _pod(all_)["containers"][0].update(
        lifecycle={"preStop": {"sleep": {"seconds": 20}}}
    ),
    "more memory than the limit": _in_the_configuration("memory: 320MiB", "memory: 400MiB"),
    "more connections than memory": _in_the_configuration("connections: 5000", "connections: 9000"),
    "an admin port for the pod alone": _in_the_configuration("tcp:9090", "tcp:9090:interface=127.0.0.1"),
    "a port that nobody listens at": _in_the_configuration("tcp:8080", "tcp:8081"),
    "tokens in the clear": _in_the_configuration("route: {listeners: [secure]}", "route: {}"),
    "a mount that is never updated": lambda all_: _pod(all_)["containers"][0]["volumeMounts"][0].update(subPath="x"),
    "a root that can be written": lambda all_: _pod(all_)["containers"][0]["securityContext"].update(
        readOnlyRootFilesystem=False
    ),
    "a token that nobody needs": lambda all_: all_.remove(of_kind(all_, "Role")[0]),
    "more rights": lambda all_: of_kind(all_, "Role")[0]["rules"][0]["verbs"].append("get"),
    "rights of another": lambda all_: of_kind(all_, "RoleBinding")[0]["subjects"][0].update(name="default"),
    "a Service of nobody": lambda all_: of_kind(all_, "Service")[0]["spec"]["selector"].update(tier="front"),
    "a budget for everybody": lambda all_: of_kind(all_, "PodDisruptionBudget")[0]["spec"]["selector"].clear(),
    "replicas beside an autoscaler": lambda all_: of_kind(all_, "Deployment")[0]["spec"].update(replicas=2),
    "names that cannot be asked for": lambda all_: of_kind(all_, "NetworkPolicy")[0]["spec"]["egress"][0]["to"][0][
        "podSelector"
    ]["matchLabels"].update({"app.kubernetes.io/name": "gateway"}),
    "another job than that of the rules": lambda all_: of_kind(all_, "ServiceMonitor")[0]["spec"].pop("jobLabel"),
}


@pytest.mark.parametrize("fault", UNSOUND)
def test_what_is_not_sound_is_found(fault: str, tmp_path: Path) -> None:
    """The test above can fail: each of these was, or could be, a mistake in an overlay."""
    resources = copy.deepcopy(applied("kubernetes/overlays/production"))
    UNSOUND[fault](resources)

    with pytest.raises((AssertionError, KeyError)):
        check(resources, tmp_path)


@pytest.mark.parametrize("what", ALL)
def test_a_real_gateway_starts_with_it(what: str, tmp_path: Path) -> None:
    """By the arguments of the container, in a volume as the kubelet mounts it, with the probes of the manifest."""
    container = one(what, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    written = write_configuration(applied(what), tmp_path / "written", SECRETS)
    ports = {port["containerPort"]: free_port() for port in container["ports"]}
    certificate, key = Authority().issue("localhost")
    Mounted(tmp_path / "tls", {"tls.crt": pem(certificate), "tls.key": key_pem(key)})
    files = {path.name: path.read_text() for path in written.parent.iterdir()}
    for before, after in ports.items():
        files["gateway.yaml"] = files["gateway.yaml"].replace(f":{before}", f":{after}")
    files["gateway.yaml"] = files["gateway.yaml"].replace("/etc/gateway-tls", str(tmp_path / "tls"))
    volume = Mounted(tmp_path / "etc", files)
    arguments = [part.replace("/etc/gateway", str(volume.place)) for part in container["args"]]
    arguments = [part.replace("/tmp/", f"{tmp_path}/") for part in arguments]
    named = {port["name"]: ports[port["containerPort"]] for port in container["ports"]}

    gateway = GatewayProcess(tmp_path)
    gateway.admin_port = named["admin"]
    command = [*BY_RUN[:-1], *arguments]
    gateway.config = volume.place / "gateway.yaml"
    try:
        gateway.start(wait=False, command=command)
        for probe in ("startupProbe", "livenessProbe"):
            path = container[probe]["httpGet"]["path"]
            until(functools.partial(_is_200, gateway, path), f"{probe}: {gateway.errors}", 60)
        assert requests.get(_at(gateway, container["readinessProbe"]), timeout=5).status_code in (200, 503)
        if "name: plain" in files["gateway.yaml"]:
            for path in ("/users/7", "/api/7", "/"):
                url = f"http://127.0.0.1:{named['http']}{path}"
                assert requests.get(url, timeout=5, allow_redirects=False).status_code == 308
    finally:
        gateway.signal(signal.SIGTERM)
        until(lambda: "Received SIGTERM" in gateway.errors)
        gateway.stop()  # the second signal cuts the delay short
    assert "Traceback" not in gateway.errors


def _is_200(gateway: GatewayProcess, path: str) -> bool:
    assert gateway.process is not None
    assert gateway.process.poll() is None, gateway.errors
    try:
        return requests.get(f"http://127.0.0.1:{gateway.admin_port}{path}", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def _at(gateway: GatewayProcess, probe: dict[str, Any]) -> str:
    return f"http://127.0.0.1:{gateway.admin_port}{probe['httpGet']['path']}"


def test_secrets_arrive_as_they_were_written() -> None:
    """Whatever is in them: quotes, backslashes, signs of comments and of shells."""
    what = "helm/gateway/ci/redis-values.yaml"
    problems: list[Any] = []

    found = dotenv.parse(base64.b64decode(one(what, "Secret")["data"][".env"]).decode(), ".env", problems)

    assert (found, problems) == (values(what)["secrets"]["values"], [])


def test_large_numbers_stay_numbers() -> None:
    """Helm hands on floating ones: 10000000 must not become 1e+07, which is a text to Python's YAML."""
    text = one("helm/gateway/ci/redis-values.yaml", "ConfigMap")["data"]["gateway.yaml"]

    assert yaml.safe_load(text)["rate_limits"][0]["limit"] == 10_000_000


def test_a_change_of_the_configuration_restarts_no_pod() -> None:
    """Nothing of the pods depends on the ConfigMap or the Secret, but for the time that they get to end."""
    what = "helm/gateway/ci/redis-values.yaml"
    changed = values(what)
    changed["config"]["routes"] = []
    changed["secrets"]["values"]["JWT_SECRET"] = "another one, long enough to be taken"
    text = "\n---\n".join(render(CHART, changed)["manifests"].values())
    deployments = [each for each in yaml.safe_load_all(_without_notes(changed)) if each]

    assert "another one" not in text
    assert of_kind(deployments, "Deployment") == [one(what, "Deployment")]
    assert of_kind(deployments, "ConfigMap") != [one(what, "ConfigMap")]


def _without_notes(said: dict[str, Any]) -> str:
    made = render(CHART, said)
    assert made["problems"] == []
    return "\n---\n".join(each for name, each in made["manifests"].items() if not name.endswith(".txt"))


@pytest.mark.parametrize(
    ("timeouts", "seconds"),
    [
        ({"shutdown_delay": "1m30s", "shutdown": 45}, 145),
        ({"shutdown_delay": "250ms", "shutdown": "1.5s"}, 13),
        ({"shutdown_delay": 0, "shutdown": "1h"}, 3610),
    ],
)
def test_the_grace_period_follows_the_configuration(timeouts: dict[str, Any], seconds: int) -> None:
    """Delay and drain, each rounded up, and ten seconds."""
    (deployment,) = of_kind(
        [each for each in yaml.safe_load_all(_without_notes({"config": {"timeouts": timeouts}})) if each], "Deployment"
    )

    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == seconds


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"config": {"rotes": []}}, "rotes"),
        ({"config": {"timeouts": {"shutdown": "${DRAIN}"}}}, "set terminationGracePeriodSeconds"),
        ({"tls": {"certificate": {"enabled": True}}}, "tls.secretName"),
        (
            {"metrics": {"prometheusRule": {"enabled": True, "thresholds": {"memory": 1}}}},
            "expected one of gateway:threshold_error_budget:ratio",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_words(said: dict[str, Any], words: str) -> None:
    """By Helm, before it is in the cluster."""
    problems = render(CHART, said)["problems"]

    assert words in "".join(problems)


def test_runbook_and_thresholds_can_be_set(tmp_path: Path) -> None:
    """And the rules are still some that Prometheus takes."""
    groups = one("helm/gateway/ci/everything-values.yaml", "PrometheusRule")["spec"]["groups"]
    thresholds = {rule["record"]: rule["expr"] for rule in groups[0]["rules"]}
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": groups}))

    assert float(thresholds["gateway:threshold_memory:bytes"][7:-1]) == 8e8
    assert all(
        rule["annotations"]["runbook_url"].startswith("https://wiki.example.com/gateway/gateway-") for rule in alerts
    )
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert "SUCCESS" in done.stdout, done.stdout + done.stderr


def test_a_release_of_the_same_name_elsewhere_may_read_the_same_endpoints() -> None:
    """Roles in the namespaces of services are called by the namespace of the release, too."""
    said = {"discovery": {"namespaces": ["shop"]}}
    names = set()
    for namespace in ("blue", "green"):
        made = render(CHART, said, namespace=namespace)["manifests"]["gateway/templates/rbac.yaml"]
        names |= {each["metadata"]["name"] for each in yaml.safe_load_all(made) if each}

    assert len(names) == 2
