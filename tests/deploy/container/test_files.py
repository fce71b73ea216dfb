"""The files that containers are built and run with; the image itself is built and run in `test_image.py`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import config
from gateway.commands.new import starter
from tests.deploy.container import tools
from tests.system.gateway_process import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def copied() -> set[str]:
    """What the Dockerfile takes out of the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    return {name for line in lines for name in line.split()}


def test_the_dockerfile_has_no_faults() -> None:
    """As hadolint knows them; one that is let pass has its reason beside it."""
    done = tools.run("hadolint", "Dockerfile")

    assert done.returncode == 0, done.stdout
    ignored = re.findall(r"^(.*)\n# hadolint ignore=(.*)$", DOCKERFILE, re.MULTILINE)
    assert all(line.startswith("# ") for line, _ in ignored)


def test_builders_get_what_is_copied_and_nothing_else() -> None:
    """A secret beside the sources is not even read by the builder."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied()
    assert all((ROOT / name).exists() for name in copied())


def test_nothing_is_installed_in_an_image_but_what_is_locked() -> None:
    """Each installation takes a lock, by its hashes, or the wheel that was built before."""
    installs = re.findall(r"pip\b[^\n&]*? install [^\n&]*", DOCKERFILE)

    assert len(installs) == 4
    for line in installs:
        assert "${LOCKED} requirements/" in line or "--no-deps" in line, line
    assert "--require-hashes" in DOCKERFILE


def test_it_runs_as_a_number_and_without_a_shell() -> None:
    """What Kubernetes' `runAsNonRoot` asks for; words in brackets go to no shell."""
    final = DOCKERFILE.rpartition("\nFROM ")[2]

    assert re.search(r"^USER \d+:\d+$", final, re.MULTILINE)
    assert "\nRUN " not in final
    for instruction in ("CMD", "ENTRYPOINT", r"HEALTHCHECK .*CMD"):
        assert re.search(rf'^{instruction} \["', final, re.MULTILINE), instruction


def test_compose_reads_its_file() -> None:
    """As `docker compose up` would."""
    done = tools.run("docker-compose", "config", "--quiet")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("backend", ["http://127.0.0.1:9001", "https://example.org/base"])
def test_compose_reads_the_file_of_a_new_configuration(backend: str, tmp_path: Path) -> None:
    """What `gateway new` writes; the service is on the same machine, or elsewhere."""
    file = tmp_path / starter.COMPOSE
    file.write_text(starter.files(starter.Starter(8080, "/*", backend, None, 0))[starter.COMPOSE])

    done = tools.run("docker-compose", "--file", file, "config", "--quiet")

    assert done.returncode == 0, done.stderr


def test_what_compose_mounts_is_there() -> None:
    """Docker would make directories of what is not, and own them."""
    mounted = [volume.partition(":")[0] for one in SERVICES.values() for volume in one.get("volumes", [])]

    paths = [name for name in mounted if name.startswith(".")]
    assert len(paths) >= 4
    assert [name for name in paths if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", SERVICES)
def test_services_have_no_rights(name: str) -> None:
    """None can write to its root file system, or get what it has not."""
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_images_of_others_have_a_version(name: str) -> None:
    """`latest` is something else tomorrow."""
    image = SERVICES[name]["image"]

    assert image == "gateway" or re.search(r":v?\d", image)


def test_only_the_gateway_is_for_others() -> None:
    """The port of operators, and Prometheus, are published for this machine."""
    ports = {name: one.get("ports", []) for name, one in SERVICES.items()}

    assert [port for port in ports["gateway"] if not port.startswith("127.0.0.1:")] == ["8080:8080"]
    others = [port for name, published in ports.items() if name != "gateway" for port in published]
    assert all(port.startswith("127.0.0.1:") for port in others)


def test_the_guide_names_what_is_published() -> None:
    """By the ports of this machine; the path of the gateway is one of its routes'."""
    guide = (ROOT / "docs/guides/container.md").read_text().split("\n## Try it")[1].split("\n## ")[0]
    published = {port.split(":")[-2] for one in SERVICES.values() for port in one.get("ports", [])}
    served = yaml.safe_load((ROOT / "deploy/container/etc/gateway.yaml").read_text())
    named = re.findall(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", guide)

    assert {port for port, _ in named} == published
    assert any(dict(named)["8080"].startswith(route["path"].rstrip("*")) for route in served["routes"])
    assert "docs/guides/container.md" in (ROOT / "compose.yaml").read_text()


def test_the_gateway_of_compose_has_a_good_configuration() -> None:
    """It takes its backends and its Redis by the names of their services, and may drain before it is killed."""
    directory = next(volume for volume in SERVICES["gateway"]["volumes"]).partition(":")[0]
    settings = config.load(ROOT / directory, {})

    hosts = {str(backend.url).split("://")[1].split(":")[0] for one in settings.upstreams for backend in one.backends}
    assert settings.redis is not None
    hosts.add(str(settings.redis.url).split("://")[1].split(":")[0])
    assert hosts <= set(SERVICES)
    grace = float(SERVICES["gateway"]["stop_grace_period"].removesuffix("s"))
    assert grace > settings.timeouts.shutdown + settings.timeouts.shutdown_delay


def test_prometheus_scrapes_the_gateway() -> None:
    """By a name that the admin port answers to, as the job that rules and dashboards ask for, and it has the rules."""
    ours = yaml.safe_load((ROOT / "deploy/container/prometheus.yml").read_text())
    shipped = yaml.safe_load((ROOT / "etc/prometheus/prometheus.yml").read_text())
    admin = yaml.safe_load((ROOT / "deploy/container/etc/gateway.yaml").read_text())["admin"]

    (job,) = ours["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    host, _, port = target.partition(":")
    assert job["job_name"] == shipped["scrape_configs"][0]["job_name"]
    assert host in SERVICES
    assert host in admin["hosts"]
    assert admin["endpoint"] == f"tcp:{port}"
    assert ours["rule_files"] == shipped["rule_files"]
    assert any(volume.endswith("/etc/prometheus/gateway.rules.yml:ro") for volume in SERVICES["prometheus"]["volumes"])


def test_demo_backends_serve_other_containers() -> None:
    """By the command that compose gives them; the gateway's image has no Python but its own."""
    entrypoint = SERVICES["backends"]["entrypoint"]
    help_text = subprocess.run(
        [sys.executable, ROOT / "examples/demo_backends.py", "--help"], capture_output=True, text=True, check=True
    ).stdout

    assert entrypoint[2:] == ["--interface", "0.0.0.0"]
    assert "--interface" in help_text
