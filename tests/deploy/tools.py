"""The tools of the group `deploy`, where `make test-deploy` has installed them; elsewhere tests of them are left out.

They live in a directory of their own (`GATEWAY_DEPLOY_TOOLS`), away from what the gateway runs with, so those in Python
are run by processes that have it on their path: this file is also what runs there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOOLS = os.environ.get("GATEWAY_DEPLOY_TOOLS", "")
needed = pytest.mark.skipif(not TOOLS, reason="Helm and kubectl are installed by `make test-deploy`")

OLDEST = "1.30.0"
"""The first Kubernetes that the chart admits (`kubeVersion`)."""


def render(chart: Path, values: dict[str, Any], name: str = "edge", namespace: str = "web") -> dict[str, Any]:
    """Lint the chart strictly with some values, and render it.

    Returns:
        `problems`, of the linter or in place of a result; `manifests`, text by template.
    """
    question = {"chart": str(chart), "values": values, "name": name, "namespace": namespace}
    made: dict[str, Any] = _ask("render", question)
    return made


def problems_of(resources: list[dict[str, Any]]) -> list[str]:
    """Return what the schemas of Kubernetes' API, its oldest and its newest, have against resources."""
    found: list[str] = _ask("validate", {"resources": resources})
    return found


def kustomize(directory: Path) -> str:
    """Return what `kubectl kustomize` makes of a directory."""
    done = subprocess.run(
        [Path(TOOLS) / "bin" / "kubectl", "kustomize", directory], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _ask(what: str, question: dict[str, Any]) -> Any:
    done = subprocess.run(
        [sys.executable, __file__, what],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": TOOLS},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _render(question: dict[str, Any]) -> dict[str, Any]:
    from helm_python import Chart
    from helm_python.chart import lint
    from helm_python.errors import HelmError

    chart, values = question["chart"], question["values"]
    report = lint(chart, values, strict=True)
    problems = [*report["errors"], *(each["error"] for each in report["messages"] if each["severity"] > 1)]
    try:
        with Chart.load(chart) as loaded:
            manifests = loaded.render(values, name=question["name"], namespace=question["namespace"])
    except HelmError as error:
        return {"problems": [*problems, str(error)], "manifests": {}}
    return {"problems": problems, "manifests": manifests}


def _validate(question: dict[str, Any]) -> list[str]:
    import kubernetes_validate

    problems = []
    for resource in question["resources"]:
        for version in (OLDEST, kubernetes_validate.latest_version()):
            try:
                kubernetes_validate.validate(resource, version, strict=True)
            except kubernetes_validate.SchemaNotFoundError:
                # Kinds that others bring (Prometheus Operator, cert-manager) have no schema there.
                problems += [f"{resource['kind']} is not known"] if "k8s.io" in resource["apiVersion"] else []
            except kubernetes_validate.ValidationError as error:
                problems.append(f"{version}: {resource['kind']}: {error}")
    return problems


if __name__ == "__main__":
    ask = {"render": _render, "validate": _validate}[sys.argv[1]]
    sys.stdout.write(json.dumps(ask(json.load(sys.stdin))))
