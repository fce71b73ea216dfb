"""Manifests and chart as they lie there: what can be said without kubectl and Helm (with them: `test_rendered.py`)."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

import gateway
from gateway import config
from tests.deploy.pod_security import violations
from tests.deploy.sound import SECRETS, octets

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = DEPLOY / "kubernetes"
CHART = DEPLOY / "helm" / "gateway"
DEPLOYMENT = yaml.safe_load((MANIFESTS / "base" / "deployment.yaml").read_text())
CONFIGURATIONS = sorted(MANIFESTS.rglob("gateway.yaml"))
VALUES = sorted((CHART / "ci").glob("*.yaml"))


def name(path: Path) -> str:
    """Return what a test of a file is called by."""
    return str(path.relative_to(DEPLOY))


def merged(over: Any, under: Any) -> Any:
    """Merge values as Helm does: mappings are joined, all else replaces."""
    if not (isinstance(over, dict) and isinstance(under, dict)):
        return over
    return {**under, **{key: merged(value, under.get(key)) for key, value in over.items()}}


def values(path: Path | None) -> dict[str, Any]:
    """Return the values of the chart, with those of a file over them."""
    whole = yaml.safe_load((CHART / "values.yaml").read_text())
    result: dict[str, Any] = merged(yaml.safe_load(path.read_text()), whole) if path else whole
    return result


class Strict(yaml.SafeLoader):
    """Refuses a key that is there twice, as the API server does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(set(keys)) == len(keys), f"{node.start_mark}: a key is there twice"
        return super().construct_mapping(node, deep)


def plain() -> list[Path]:
    """Return every YAML file that is one before anything is rendered."""
    of_the_chart = [CHART / "Chart.yaml", CHART / "values.yaml", CHART / "files" / "gateway.rules.yml", *VALUES]
    return [*sorted(MANIFESTS.rglob("*.yaml")), *of_the_chart]


@pytest.mark.parametrize("path", plain(), ids=name)
def test_a_file_is_well_formed(path: Path) -> None:
    """One document, no key twice."""
    assert isinstance(yaml.load(path.read_text(), Strict), dict)


@pytest.mark.parametrize("path", sorted(MANIFESTS.rglob("kustomization.yaml")), ids=name)
def test_what_a_kustomization_names_is_there(path: Path) -> None:
    """Files and directories; and nothing lies beside it that it does not name."""
    said = yaml.safe_load(path.read_text())
    named = [*said.get("resources", []), *said.get("components", [])]
    for made in [*said.get("configMapGenerator", []), *said.get("secretGenerator", [])]:
        named += [file.rpartition("=")[2] for file in made["files"]]

    assert [each for each in named if not (path.parent / each).exists()] == []
    assert {file.name for file in path.parent.iterdir()} - {"kustomization.yaml"} == {
        each for each in named if not each.startswith("..")
    }


def test_versions_are_those_of_the_package() -> None:
    """Of the chart, of the image that it takes, and of the image of the manifests."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    tags = {
        image["newTag"]
        for path in MANIFESTS.rglob("kustomization.yaml")
        for image in yaml.safe_load(path.read_text()).get("images", [])
    }

    assert chart["version"] == chart["appVersion"] == gateway.__version__
    assert tags == {gateway.__version__}


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=name)
def test_a_configuration_of_the_manifests_loads(path: Path) -> None:
    """As a file, with the secrets that it asks for."""
    assert config.load(path, SECRETS).routes


def test_secrets_that_are_not_filled_in_stop_the_start(tmp_path: Path) -> None:
    """The overlay as it lies there has none: the gateway says which one is missing, and takes no empty one."""
    overlay = MANIFESTS / "overlays" / "production"
    (tmp_path / "gateway.yaml").write_text((overlay / "gateway.yaml").read_text())
    (tmp_path / ".env").write_text((overlay / "secrets.env").read_text())

    with pytest.raises(config.ConfigError, match=r"JWT_SECRET.*fill in secrets\.env"):
        config.load(tmp_path / "gateway.yaml", {})


@pytest.mark.parametrize("path", [None, *VALUES], ids=lambda path: name(path) if path else "values.yaml")
def test_values_are_admitted_by_the_schema_and_their_configuration_loads(path: Path | None, tmp_path: Path) -> None:
    """Those of the chart, and those of every example."""
    whole = values(path)
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(whole["config"]))
    for beside, content in whole["configFiles"].items():
        (tmp_path / beside).write_text(content)

    jsonschema_rs.validate(json.loads((CHART / "values.schema.json").read_text()), whole)
    config.load(file, {**SECRETS, **whole["secrets"]["values"]})


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("replicas", 3),
        ("replicaCount", "three"),
        ("image", {"repository": "gateway", "digest": "latest"}),
        ("config", {"listeners": [], "admin": {}, "rotes": []}),
        ("config", {"listeners": [], "admin": {}, "timeouts": {"shutdown": "soon"}}),
        ("secrets", {"values": {"NOT-A-NAME": "x"}}),
        ("configFiles", {"../gateway.yaml": "x"}),
        ("configFiles", {"gateway.yaml": "x"}),
        ("service", {"ports": [{"name": "http", "port": 80, "containerPort": 80}]}),
        ("service", {"ports": [{"name": "admin", "port": 80, "containerPort": 8080}]}),
        ("autoscaling", {"enabled": True, "targetCPUUtilizationPercentage": None}),
        ("podDisruptionBudget", {"maxUnavailable": 0}),
        ("metrics", {"prometheusRule": {"thresholds": {"gateway:threshold_memory:bytes": "1Gi"}}}),
    ],
)
def test_a_wrong_value_is_refused(key: str, wrong: Any) -> None:
    """By the schema, before anything is rendered."""
    schema = json.loads((CHART / "values.schema.json").read_text())

    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, {**values(None), key: wrong})


def test_the_schema_knows_every_value() -> None:
    """And the chart has a default for each that the schema knows."""
    known = yaml.safe_load((DEPLOY / "helm" / "values.schema.yaml").read_text())["properties"]

    assert known.keys() - {"global"} == values(None).keys()


def test_every_value_is_used_by_a_template() -> None:
    """A value that nobody reads would be taken for one that does something."""
    text = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    text += "".join(re.findall(r"with \.Values\.metrics\.(\w+)", text))

    assert [key for key in values(None) if not re.search(rf"\.Values\.{key}\b", text)] == []


def test_rules_are_those_of_etc_but_for_the_memory_of_a_pod() -> None:
    """Everywhere the same alerts; the one of memory comes before the container is killed."""
    etc = yaml.safe_load((ROOT / "etc" / "prometheus" / "gateway.rules.yml").read_text())["groups"]
    resource = yaml.safe_load((MANIFESTS / "components" / "monitoring" / "prometheusrule.yaml").read_text())
    chart = yaml.safe_load((CHART / "files" / "gateway.rules.yml").read_text())["groups"]
    limit = octets(DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"])

    assert resource["spec"]["groups"] == chart
    (memory,) = [rule for rule in chart[0]["rules"] if rule["record"] == "gateway:threshold_memory:bytes"]
    in_etc = next(rule for rule in etc[0]["rules"] if rule["record"] == memory["record"])
    assert float(memory["expr"][len("vector(") : -1]) < 0.8 * limit
    memory["expr"] = in_etc["expr"]
    assert chart == etc


def test_the_chart_and_the_manifests_ask_for_the_same() -> None:
    """Resources, probes and what a pod may do: measured once, written twice."""
    whole = values(None)
    pod = DEPLOYMENT["spec"]["template"]["spec"]
    container = pod["containers"][0]

    assert whole["resources"] == container["resources"]
    assert whole["podSecurityContext"] == pod["securityContext"]
    assert whole["securityContext"] == container["securityContext"]
    assert whole["strategy"] == DEPLOYMENT["spec"]["strategy"]
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert {key: value for key, value in container[kind].items() if key != "httpGet"} == whole[kind]


def test_pods_are_those_of_the_image() -> None:
    """Its user by number, which `runAsNonRoot` wants; its entry point is what the pod gives arguments to."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    pod = DEPLOYMENT["spec"]["template"]["spec"]
    context = pod["securityContext"]

    assert re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE) == [f"{context['runAsUser']}:{context['runAsGroup']}"]
    assert re.search(r"^ENTRYPOINT \[\".*/gateway\"\]$", dockerfile, re.MULTILINE)
    assert "command" not in pod["containers"][0]
    assert pod["containers"][0]["args"][0] == "run"


def test_pods_keep_to_the_restricted_standard() -> None:
    """The namespace of the overlays enforces it."""
    namespace = yaml.safe_load((MANIFESTS / "overlays" / "production" / "namespace.yaml").read_text())

    assert violations(DEPLOYMENT["spec"]["template"]["spec"]) == []
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize(
    ("of_the_container", "key", "value"),
    [
        (True, "allowPrivilegeEscalation", None),
        (True, "privileged", True),
        (True, "capabilities", {"drop": ["NET_RAW"]}),
        (True, "capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
        (True, "runAsUser", 0),
        (True, "runAsNonRoot", False),
        (True, "seccompProfile", {"type": "Unconfined"}),
        (False, "runAsNonRoot", None),
        (False, "seccompProfile", {}),
        (False, "sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    ],
)
def test_what_the_restricted_standard_forbids_is_found(of_the_container: bool, key: str, value: object) -> None:
    """Each rule, broken by itself: the test above can fail."""
    pod = copy.deepcopy(DEPLOYMENT["spec"]["template"]["spec"])
    (pod["containers"][0] if of_the_container else pod)["securityContext"][key] = value

    assert len(violations(pod)) == 1


def test_host_and_its_files_are_found() -> None:
    """What is beside the security contexts."""
    pod = copy.deepcopy(DEPLOYMENT["spec"]["template"]["spec"])
    pod["hostNetwork"] = True
    pod["volumes"].append({"name": "root", "hostPath": {"path": "/"}})
    pod["containers"][0]["ports"][0]["hostPort"] = 80

    assert len(violations(pod)) == 3


def test_discovery_may_do_what_it_does_and_no_more() -> None:
    """The verbs of the role are those of the requests that `gateway.discovery.kubernetes` makes."""
    role = yaml.safe_load((MANIFESTS / "components" / "discovery" / "role.yaml").read_text())
    source = (ROOT / "gateway" / "discovery" / "kubernetes.py").read_text()
    asked = re.findall(r"_asking\.(ask|watch)\(b\"(\w+)\", f\"\{self\._url\}\?", source)

    assert sorted(asked) == [("ask", "GET"), ("watch", "GET")]
    assert source.count("_asking.ask(") + source.count("_asking.watch(") == len(asked)
    assert role["rules"] == [
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}
    ]
