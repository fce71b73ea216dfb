"""A Prometheus of a test's own, and the alertmanager that it tells: started, asked, ended."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.system.gateway_process import PATIENCE, ROOT, until
from tests.system.ports import free_port

PROGRAM = shutil.which("prometheus")
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
PLACE = ROOT / "etc" / "prometheus"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def shortened(rules: str, factor: float, others: Mapping[str, float]) -> str:
    """Make the times of rules shorter, so that what takes minutes takes seconds.

    Args:
        rules: The text of a file of rules.
        factor: By how much.
        others: By how much for some alerts, by their names.
    """
    read = yaml.safe_load(rules)
    for rule in (rule for group in read["groups"] for rule in group["rules"]):
        by = others.get(rule.get("alert", ""), factor)
        for duration in set(re.findall(r"\[(\d+[smhd])\]", rule["expr"])):
            rule["expr"] = rule["expr"].replace(f"[{duration}]", f"[{_shorter(duration, by)}]")
        if "for" in rule:
            rule["for"] = _shorter(rule["for"], by)
    return yaml.safe_dump(read)


def _shorter(duration: str, factor: float) -> str:
    return f"{int(1000 * int(duration[:-1]) * UNITS[duration[-1]] / factor)}ms"


class PrometheusServer:
    """One `prometheus`.

    Args:
        directory: Where it keeps its files.
        targets: Addresses of what it scrapes as the job `gateway`.
        rules: Text of its rules.
        alertmanagers: Addresses of those that it tells.

    Attributes:
        url: Where it is asked.
    """

    def __init__(
        self,
        directory: Path,
        targets: Sequence[str],
        rules: str,
        alertmanagers: Sequence[str] = (),
        every: str = "500ms",
    ) -> None:
        assert PROGRAM is not None, "no prometheus on PATH: `make test` installs one"
        self._directory = directory
        self.url = f"http://127.0.0.1:{free_port()}"
        (directory / "rules.yml").write_text(rules)
        configuration = yaml.safe_load((PLACE / "prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": every, "evaluation_interval": "1s"}
        configuration["rule_files"] = ["rules.yml"]
        configuration["scrape_configs"][0]["static_configs"] = [{"targets": list(targets)}]
        configuration["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": list(alertmanagers)}]}]
        (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [
            str(PROGRAM),
            f"--config.file={self._directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--enable-feature=exemplar-storage",
        ]
        self._process = _start(command, self._directory / "prometheus.log")
        until(self._answers, "Prometheus does not answer", 30)

    def stop(self) -> None:
        """End it."""
        _stop(self._process)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Ask for what is now: series with a `metric` and a `value`; a constant is one series."""
        found = self.ask("query", query=expr)
        return [{"metric": {}, "value": found["result"]}] if found["resultType"] == "scalar" else found["result"]

    def figures(self, expr: str) -> list[float]:
        """Ask for what is now; returns the figures that are some."""
        values = (float(series["value"][1]) for series in self.query(expr))
        return [value for value in values if not math.isnan(value)]

    def firing(self) -> set[tuple[str, str]]:
        """Return which alerts fire: their names and severities."""
        alerts = self.ask("alerts")["alerts"]
        return {
            (each["labels"]["alertname"], each["labels"]["severity"]) for each in alerts if each["state"] == "firing"
        }

    def ask(self, what: str, **parameters: str) -> Any:
        """Ask its API; returns `data`."""
        asked = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "prometheus.log").read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def prometheus_server(*arguments: Any, **options: Any) -> Iterator[PrometheusServer]:
    """Run a Prometheus as long as the block runs."""
    server = PrometheusServer(*arguments, **options)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def alertmanager(directory: Path, told: str) -> Iterator[str]:
    """Run an alertmanager by our configuration, which tells at once; yields its address.

    Args:
        directory: Where it keeps its files.
        told: URL of those whom it tells, in place of that in the file.
    """
    assert ALERTMANAGER is not None, "no prometheus-alertmanager on PATH: `make test` installs one"
    text = (PLACE / "alertmanager.yml").read_text().replace("http://127.0.0.1:9095", told)
    text = text.replace("group_wait: 30s", "group_wait: 1s").replace("group_interval: 5m", "group_interval: 1s")
    (directory / "alertmanager.yml").write_text(text)
    address = f"127.0.0.1:{free_port()}"
    command = [
        ALERTMANAGER,
        f"--config.file={directory / 'alertmanager.yml'}",
        f"--storage.path={directory / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    process = _start(command, directory / "alertmanager.log")
    try:
        yield address
    finally:
        _stop(process)


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as written:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=written, stderr=written)


def _stop(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.kill()
        process.wait(PATIENCE)
