"""What docs/guides/kubernetes.md has readers write and type, as far as it goes without a cluster."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from gateway import config
from tests.deploy.sound import SECRETS, Resource, check, of_kind
from tests.deploy.tools import TOOLS, kustomize, needed, render

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guides" / "kubernetes.md").read_text()
CHART = ROOT / "deploy" / "helm" / "gateway"
VALUES = [
    yaml.safe_load(block)
    for block in re.findall(r"^```yaml\n(# values\.yaml\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]
TYPED = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]


def test_the_page_has_something_to_try() -> None:
    """The tests below look at something."""
    assert len(VALUES) == 4
    assert len(TYPED) == 6


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_values_are_admitted_and_their_configuration_loads(number: int, tmp_path: Path) -> None:
    """With what the chart has anyway."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    said = VALUES[number]
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump({**defaults["config"], **said["config"]}))

    jsonschema_rs.validate(json.loads((CHART / "values.schema.json").read_text()), _over(defaults, said))
    config.load(file, SECRETS)


def _over(defaults: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    return {
        **defaults,
        **{key: {**defaults[key], **value} if isinstance(value, dict) else value for key, value in said.items()},
    }


def test_places_that_the_page_names_exist() -> None:
    """Files, directories, overlays and components."""
    named = set(re.findall(r"\bdeploy/[\w/.-]*\w", PAGE)) - {"deploy/edge-gateway"}
    named |= {f"deploy/kubernetes/{each}" for each in re.findall(r"`((?:components|overlays)/\w+)`", PAGE)}

    assert len(named) >= 8
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


def test_the_settings_of_the_tables_are_those_that_are_shipped() -> None:
    """Times and sizes that the page explains."""
    pod = yaml.safe_load((ROOT / "deploy/kubernetes/base/deployment.yaml").read_text())["spec"]["template"]["spec"]
    settings = config.load(ROOT / "deploy/kubernetes/base/gateway.yaml", {})
    resources = pod["containers"][0]["resources"]

    assert f"`shutdown_delay` ({settings.timeouts.shutdown_delay:g} s)" in PAGE
    assert f"at most `shutdown` more ({settings.timeouts.shutdown:g} s)" in PAGE
    assert f"`terminationGracePeriodSeconds` ({pod['terminationGracePeriodSeconds']} s;" in PAGE
    for row, what in (
        ("`requests.cpu`", resources["requests"]["cpu"]),
        ("`limits.cpu`", resources["limits"]["cpu"]),
        ("`requests.memory`", resources["requests"]["memory"]),
        ("`limits.connections` (configuration)", settings.limits.connections),
        ("`limits.memory` (configuration)", "320MiB"),
        ("`limits.memory`", resources["limits"]["memory"]),
    ):
        assert f"| {row} | {what} |" in PAGE
    assert settings.limits.memory == 320 * 2**20


@needed
@pytest.mark.parametrize("number", range(len(VALUES)))
def test_the_chart_takes_the_values(number: int, tmp_path: Path) -> None:
    """Linted, rendered, and sound."""
    check(_of_the_chart(VALUES[number]), tmp_path)


@needed
@pytest.mark.parametrize("line", TYPED)
def test_a_command_does_what_the_page_says(line: str, tmp_path: Path) -> None:
    """Without a cluster: what would be applied is made, what is asked for is among it."""
    words = shlex.split(line)
    if words[:3] == ["kubectl", "apply", "-k"] or words[:2] == ["kubectl", "kustomize"]:
        assert kustomize(ROOT / words[-1])
    elif words[0] == "helm":
        assert words[:3] == ["helm", "upgrade", "--install"]
        assert words[-2:] == ["-f", "values.yaml"]
        assert _of_the_chart(VALUES[0], words[3], words[words.index("-n") + 1], ROOT / words[4])
    elif words[1:3] == ["create", "secret"]:
        (tmp_path / "secrets.env").write_text("JWT_SECRET='x'\n")
        command = [str(Path(TOOLS) / "bin" / "kubectl"), *words[1:], "--dry-run=client", "--output=yaml"]
        made = yaml.safe_load(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
        assert base64.b64decode(made["data"][".env"]) == b"JWT_SECRET='x'\n"
        assert made["metadata"]["name"] == VALUES[1]["secrets"]["existingSecret"]
    else:
        assert words[:3] == ["kubectl", "-n", "gateway"]
        kind, _, name = next(word for word in words if "/" in word).partition("/")
        small = [each for each in yaml.safe_load_all(kustomize(ROOT / "deploy/kubernetes/overlays/small")) if each]
        found = of_kind(small, {"deployment": "Deployment", "svc": "Service"}[kind])
        assert (name, "gateway") in {(each["metadata"]["name"], each["metadata"]["namespace"]) for each in found}


@needed
def test_names_in_the_text_are_those_of_the_release() -> None:
    """Pods of `helm upgrade --install edge`."""
    deployments = of_kind(_of_the_chart(VALUES[0]), "Deployment")

    assert set(re.findall(r"deploy/(edge[\w-]*)", PAGE)) == {deployments[0]["metadata"]["name"]}


def _of_the_chart(
    said: dict[str, Any], name: str = "edge", namespace: str = "web", chart: Path = CHART
) -> list[Resource]:
    made = render(chart, said, name, namespace)
    assert made["problems"] == []
    text = "\n---\n".join(each for file, each in made["manifests"].items() if not file.endswith(".txt"))
    return [each for each in yaml.safe_load_all(text) if each]
