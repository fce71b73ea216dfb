"""Write what the manifests and the chart have from elsewhere in these sources, as `make docs` does; a test compares.

kustomize and Helm read nothing outside of their own directories, so each has its copy of the rules for Prometheus. They
are the same everywhere but for one threshold: the memory of a pod has a limit, past which it is killed, and an alert
has to come before that. The schema of the chart's values has that of the configuration in it: what is wrong is said by
Helm, before it is in the cluster.
"""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[1]
RULES: Final = ROOT / "etc" / "prometheus" / "gateway.rules.yml"
KUSTOMIZE: Final = ROOT / "deploy" / "kubernetes" / "components" / "monitoring" / "prometheusrule.yaml"
CHART: Final = ROOT / "deploy" / "helm" / "gateway" / "files" / "gateway.rules.yml"

CONFIGURATION: Final = ROOT / "etc" / "gateway.schema.json"
VALUES: Final = ROOT / "deploy" / "helm" / "values.schema.yaml"
SCHEMA: Final = ROOT / "deploy" / "helm" / "gateway" / "values.schema.json"

ELSEWHERE: Final = "expr: vector(1e9)"
IN_A_POD: Final = "expr: vector(4e8)"
"""Octets: three quarters of the limit of the container (`resources.limits.memory`, 512Mi)."""

HEAD: Final = """\
# Made by `make docs` from etc/prometheus/gateway.rules.yml: change that, not this.
"""
RESOURCE: Final = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: gateway
spec:
"""


def rules() -> str:
    """Return the groups of rules, as YAML.

    Raises:
        ValueError: The threshold of memory is not where it was, or there are several.
    """
    text = RULES.read_text()
    groups = text[text.index("\ngroups:\n") + 1 :]
    if groups.count(ELSEWHERE) != 1:
        raise ValueError(f"{RULES}: expected {ELSEWHERE!r} once, as the threshold of memory")
    return groups.replace(ELSEWHERE, IN_A_POD)


def resource() -> str:
    """Return the PrometheusRule of the kustomize component."""
    return HEAD + RESOURCE + indent(rules(), "  ")


def file_of_the_chart() -> str:
    """Return the file from which the chart makes its PrometheusRule."""
    return HEAD + rules()


def schema() -> str:
    """Return the schema of the chart's values as JSON: `values.schema.yaml`, the configuration's as `config`."""
    configuration: dict[str, Any] = _for_helm(json.loads(CONFIGURATION.read_text()))
    values: dict[str, Any] = yaml.safe_load(VALUES.read_text())
    definitions = configuration.pop("$defs")
    del configuration["$schema"]
    values["properties"]["config"] |= configuration
    values["$defs"] = values.get("$defs", {}) | definitions
    # A key a line: two changes of the configuration's schema rarely touch the same one.
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _for_helm(said: Any) -> Any:
    """Return what a schema admits, without its words, examples and defaults, and without patterns that look ahead.

    Helm is written in Go, which does not know these. The gateway has its own defaults.
    """
    if isinstance(said, list):
        return [_for_helm(each) for each in said]
    if not isinstance(said, dict):
        return said
    kept = {key: each for key, each in said.items() if key not in ("default", "description", "examples", "title")}
    if "(?!" in kept.get("pattern", ""):
        del kept["pattern"]
    for key, each in kept.items():
        # In these the keys are names, which may be called `default` or `title`.
        by_name = key in ("$defs", "properties", "patternProperties")
        kept[key] = {name: _for_helm(one) for name, one in each.items()} if by_name else _for_helm(each)
    if "patternProperties" in kept:
        kept["patternProperties"] = {
            "^" if "(?!" in name else name: each for name, each in kept["patternProperties"].items()
        }
    return kept


if __name__ == "__main__":
    KUSTOMIZE.write_text(resource())
    CHART.write_text(file_of_the_chart())
    SCHEMA.write_text(schema())
