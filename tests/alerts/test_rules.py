"""The rules of `etc/prometheus`: Prometheus takes them, they say who and where, and they fire when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config.records import RECORD_FIELDS
from gateway.errors import reasons
from gateway.telemetry.catalog import METRICS
from gateway.telemetry.events import EVENTS
from tests.system.gateway_process import ROOT

PLACE = ROOT / "etc" / "prometheus"
RULES = [
    rule for group in yaml.safe_load((PLACE / "gateway.rules.yml").read_text())["groups"] for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
NAMES = sorted({rule["alert"] for rule in ALERTS})
OTHER_WORDS = {"await", "gateway", "kid", "mkdir", "si", "so", "st", "stale", "waiting", "warning"}
"""Words that runbook pages set as code and that are not ours: of Python, tokens, shells, `vmstat`, Prometheus."""
HEADINGS = ["What it means", "What clients see", "How to look", "What to do", "How to try it"]
WHO = {"instance", "route", "upstream"}
"""A summary names one of these, so that whoever is called knows where to go."""


def promtool(*arguments: str) -> str:
    """Have Prometheus' own tool judge something; returns what it says."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool on PATH: `make test` installs one")
    done = subprocess.run([program, *arguments], cwd=PLACE, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_rules() -> None:
    """All of them."""
    assert f"SUCCESS: {len(RULES)} rules found" in promtool("check", "rules", "gateway.rules.yml")


def test_the_configurations_beside_them_are_good() -> None:
    """Of Prometheus, and of its alertmanager."""
    assert "SUCCESS: 1 rule files found" in promtool("check", "config", "prometheus.yml")
    program = shutil.which("amtool")
    if program is None:
        pytest.skip("no amtool on PATH: `make test` installs one")
    done = subprocess.run(
        [program, "check-config", "alertmanager.yml"],
        cwd=PLACE,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    """By the unit tests beside the rules, which operators run too when they change something."""
    assert "SUCCESS" in promtool("test", "rules", "gateway.test.yml")


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_tested_both_ways(name: str) -> None:
    """Each of its severities fires once, and there is a moment at which nothing of it does."""
    asked = [
        case.get("exp_alerts", [])
        for test in yaml.safe_load((PLACE / "gateway.test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == name
    ]
    severities = {alert["labels"]["severity"] for alert in ALERTS if alert["alert"] == name}

    assert {alert["exp_labels"]["severity"] for alerts in asked for alert in alerts} == severities
    assert [] in asked


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_an_alert_says_how_bad_it_is_where_and_what_to_do(alert: dict[str, Any]) -> None:
    """Who is called at night reads the summary, then the page."""
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert WHO & set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"]))
    dashed = re.sub(r"(?<!^)(?=[A-Z])", "-", alert["alert"]).lower()
    assert alert["annotations"]["runbook_url"] == f"docs/runbook/{dashed}.md"


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_has_its_page(name: str) -> None:
    """With all that somebody who is called has to know, in the same order everywhere; the list of pages names it."""
    url = next(alert["annotations"]["runbook_url"] for alert in ALERTS if alert["alert"] == name)
    text = (ROOT / url).read_text()

    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert f"({Path(url).name})" in (ROOT / "docs/runbook/index.md").read_text()


def test_there_is_no_page_of_an_alert_that_is_gone() -> None:
    """Nobody would find it by its alert."""
    pages = {path.name for path in (ROOT / "docs" / "runbook").glob("*.md")} - {"index.md"}

    assert pages == {Path(alert["annotations"]["runbook_url"]).name for alert in ALERTS}


def test_rules_and_runbook_ask_for_metrics_that_there_are() -> None:
    """Of the catalog, or of another rule; a name that is misspelled would be an alert that never fires."""
    known = {spec.name for spec in METRICS} | {spec.alias for spec in METRICS}
    texts = [rule["expr"] for rule in RULES] + [page.read_text() for page in (ROOT / "docs/runbook").glob("*.md")]
    recorded = {rule["record"] for rule in RULES if "record" in rule}

    asked = {name for text in texts for name in re.findall(r"\b(?:\w+:)?gateway_\w+(?::\w+)?|\bgateway:\w+:\w+", text)}

    assert {name for name in asked if re.sub("_(bucket|sum|count)$", "", name) not in known | recorded} == set()


def _known_words() -> set[str]:
    """Names of keys and of their values, of metrics and labels, of members of the log, of events, of reasons."""
    words: set[str] = {*RECORD_FIELDS, *(event.name for event in EVENTS), *(kind.reason for kind in reasons())}
    for spec in METRICS:
        words |= {spec.name, *spec.labels}

    def walk(schema: Any) -> None:
        if isinstance(schema, dict):
            words.update(schema["properties"] if isinstance(schema.get("properties"), dict) else ())
            words.update(value for value in schema.get("enum", ()) if isinstance(value, str))
        for below in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
            walk(below)

    walk(json.loads((ROOT / "etc" / "gateway.schema.json").read_text()))
    return words


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "runbook").glob("*.md")), ids=lambda page: page.stem)
def test_what_a_runbook_page_names_is_there(page: Path) -> None:
    """At night nobody has the time to find out what a key is called that there is not."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    named = re.findall(r"`([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*)(?:: [^`]*)?`", text)
    known = _known_words() | OTHER_WORDS

    assert [word for word in named if word not in known and not known.issuperset(word.split("."))] == []
