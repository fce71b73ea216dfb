"""Workflows and what they release: least rights, and nothing taken by a name that may mean something else tomorrow."""

from __future__ import annotations

import configparser
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from gateway import __version__
from tests.deploy.test_manifests import Strict
from tests.system.package_index import pins

ROOT = Path(__file__).parents[1]
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.stem: yaml.load(path.read_text(), Strict) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))
}
RELEASE = WORKFLOWS["release"]
BUILDING: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]
METADATA = configparser.ConfigParser()
METADATA.read(ROOT / "setup.cfg")
PYTHONS = re.findall(r"Python :: (3\.\d+)$", METADATA["metadata"]["classifiers"], re.MULTILINE)

PUBLISHING = {
    "locks.propose": {"contents", "pull-requests", "actions"},
    "release.pypi": {"id-token"},
    "release.release": {"contents", "id-token", "attestations"},
}
"""Jobs that may write, and what."""


def jobs() -> dict[str, dict[str, Any]]:
    """All jobs of all workflows, by `workflow.job`."""
    return {f"{name}.{job}": what for name, workflow in WORKFLOWS.items() for job, what in workflow["jobs"].items()}


STEPS = [(name, step) for name, job in jobs().items() for step in job["steps"]]


def test_actions_are_pinned_by_their_commit() -> None:
    """A tag can be moved, and what it names has the workflow's rights."""
    used = [step["uses"] for _, step in STEPS if "uses" in step]

    assert used
    ours = re.compile(r"(actions/[\w-]+|pypa/gh-action-pypi-publish)@[0-9a-f]{40}")
    assert [action for action in used if not ours.fullmatch(action)] == []


def test_an_action_is_of_one_version_everywhere() -> None:
    """Two workflows that differ in what checks out a commit differ by accident."""
    used = {step["uses"] for _, step in STEPS if "uses" in step}
    assert len({action.partition("@")[0] for action in used}) == len(used)


def test_only_what_publishes_may_write() -> None:
    """Whoever builds or tests runs the code of many others."""
    assert all(workflow["permissions"] == {"contents": "read"} for workflow in WORKFLOWS.values())
    asked = {name: job["permissions"] for name, job in jobs().items() if "permissions" in job}
    writing = {name: {key for key, right in wanted.items() if right == "write"} for name, wanted in asked.items()}
    assert {name: wanted for name, wanted in writing.items() if wanted} == PUBLISHING


@pytest.mark.parametrize("name", PUBLISHING)
def test_what_may_write_runs_nothing_that_was_built(name: str) -> None:
    """Neither ours nor that of others: no make, no pip, no Python."""
    run = "\n".join(step.get("run", "") for where, step in STEPS if where == name)
    assert not re.search(r"\b(make|pip|python\d?|pytest|\.ci/run|docker)\b", run)


@pytest.mark.parametrize("name", ["release.pypi", "release.release"])
def test_only_a_tag_publishes(name: str) -> None:
    """A workflow that is started by hand tries all the rest."""
    assert jobs()[name]["if"] == "github.ref_type == 'tag'"


def test_no_workflow_leaves_its_token_in_the_checkout() -> None:
    """What runs there afterwards could read it."""
    checkouts = [step for _, step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

BY_HAND = {
    "bench": "figures of a machine that others use too say nothing",
    "coverage": "all tests once more, for a figure",
    "mutation": "survivors are read, not counted",
    "test-image": "CI builds the image on the bases that it is published with",
}
"""Targets that judge something, which no workflow makes, and why."""


def made() -> set[str]:
    """Targets of the Makefile that workflows make, those of a matrix too."""
    run = "\n".join(step.get("run", "") for _, step in STEPS)
    matrices = [job["strategy"]["matrix"].get("target", []) for job in jobs().values() if "strategy" in job]
    return {*re.findall(r"\bmake (?:PYTHON=python )?([a-z-]+)", run), *(name for each in matrices for name in each)}


def test_what_workflows_make_the_makefile_has() -> None:
    """A target that was renamed would be found by the first push after it."""
    assert made()
    assert made() - TARGETS == set()


def test_what_judges_is_made_by_a_workflow() -> None:
    """A target that nobody makes is broken when it is needed; `run` is made by `.ci/run`, in a clean clone."""
    hard = (ROOT / "docs/hardening.md").read_text().split("| command |")[1].split("\n\n")[0]
    judging = {name for name in TARGETS if name.startswith("test")} | set(
        re.findall(r"^\| `make ([a-z]+)", hard, re.MULTILINE)
    )
    judging |= {"lint", "site", "image", "bench", "coverage"}

    assert len(judging) >= 17
    assert judging - made() == BY_HAND.keys()


def test_files_of_several_artifacts_lie_in_one_directory() -> None:
    """Otherwise each artifact is a directory, and `dist/*` names no file that could be attested or released."""
    downloads = [step["with"] for _, step in STEPS if step.get("uses", "").startswith("actions/download-artifact@")]

    assert len(downloads) >= 3
    assert [one for one in downloads if "name" not in one and one.get("merge-multiple") is not True] == []


def test_the_image_is_released_for_the_machines_that_the_guide_names() -> None:
    """Built on machines of that kind, and kept under names of their own."""
    guide = (ROOT / "docs/guides/container.md").read_text()
    built = jobs()["release.image"]["strategy"]["matrix"]["include"]
    kept = [
        step["with"]["name"]
        for where, step in STEPS
        if where == "release.image" and "upload-artifact" in step.get("uses", "")
    ]

    assert [f"linux/{one['architecture']}" for one in built] == re.findall(r"linux/\w+", guide)
    assert kept == ["image-${{ matrix.architecture }}"]


def test_ci_asks_the_containers_what_compose_says_to_try() -> None:
    """The address is that of a route; it needs an engine, so it is tried there."""
    tried = re.findall(r"^#     curl (\S+)$", (ROOT / "compose.yaml").read_text(), re.MULTILINE)
    run = "\n".join(step.get("run", "") for where, step in STEPS if where == "ci.image")

    assert len(tried) == 1
    assert f" {tried[0]}\n" in run


def test_the_pythons_that_are_promised_are_tested_and_compiled_for() -> None:
    """The classifiers, the matrix of the tests and the list of wheels say the same."""
    assert jobs()["ci.tests"]["strategy"]["matrix"]["python"] == PYTHONS
    assert [f"cp{python.replace('.', '')}-*" for python in PYTHONS] == BUILDING["build"]


def test_the_licence_is_said_in_the_words_of_spdx() -> None:
    """And a classifier says it no more (PEP 639 refuses both)."""
    assert METADATA["metadata"]["license_expression"] == "MIT"
    assert "License ::" not in METADATA["metadata"]["classifiers"]
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def metadata_of_a_release(home: str) -> dict[str, Any]:
    """What a build has as places of the project, and as its description."""
    code = (
        "import json; from distutils.core import run_setup; "
        "made = run_setup('setup.py', stop_after='config').metadata; "
        "print(json.dumps({'places': made.project_urls, 'description': made.long_description}))"
    )
    told = subprocess.check_output(
        [sys.executable, "-c", f"import setuptools; {code}"], cwd=ROOT, env=os.environ | {"GATEWAY_PROJECT_URL": home}
    )
    found: dict[str, Any] = json.loads(told)
    return found


@pytest.mark.parametrize(
    ("home", "said"),
    [("", None), ("https://forge.test/we/gateway/", "https://forge.test/we/gateway")],
)
def test_who_releases_says_where_the_project_is(home: str, said: str | None) -> None:
    """A checkout does not know, and a made-up address would be worse than none."""
    assert metadata_of_a_release(home)["places"].get("Source") == said


@pytest.mark.parametrize(
    ("home", "labels"),
    [
        ("", []),
        (
            "https://forge.test/we/gateway/",
            ["--label", "org.opencontainers.image.source=https://forge.test/we/gateway"],
        ),
    ],
)
def test_the_image_of_a_release_says_the_same(home: str, labels: list[str], tmp_path: Path) -> None:
    """Registries show the repository that the label `source` names; a stand-in for docker notes it."""
    builder = tmp_path / "docker"
    builder.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    builder.chmod(0o755)
    environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GATEWAY_PROJECT_URL": home}

    asked = subprocess.check_output(
        ["make", "--no-print-directory", "image", "BUILDER=docker"], cwd=ROOT, env=environ, text=True
    ).splitlines()

    start = asked.index("SOURCE_DATE_EPOCH=0") + 1
    assert asked[start:] == [*labels, "."]


def test_the_description_on_pypi_leads_to_the_repository() -> None:
    """It is README.md, and no other file lies beside it there: its links and pictures are files of the repository."""
    home = "https://forge.test/we/gateway"
    readme = (ROOT / "README.md").read_text()
    told = metadata_of_a_release(home)["description"]
    led = re.findall(r"\]\(([^)]*)\)|src(?:set)?=\"([^\"]*)\"", told)

    assert len(led) > 20
    for target in (link or picture for link, picture in led):
        path = re.fullmatch(rf"{home}/(?:blob|raw)/HEAD/([^#]+)(?:#.*)?", target)
        assert path is not None, target
        assert (ROOT / path[1]).exists(), target
    assert told.replace(f"{home}/blob/HEAD/", "").replace(f"{home}/raw/HEAD/", "").strip() == readme.strip()


def test_a_new_version_is_written_wherever_the_old_one_stands() -> None:
    """`make news` knows the places: in each is the number of now, and in no other file of a deployment."""
    told = re.search(r"^NUMBERED := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert told is not None
    numbered = {ROOT / name for name in told[1].replace("\\", "").split()}
    deployed = {path for path in (ROOT / "deploy").rglob("*.yaml") if path.is_file()}

    having = {path for path in numbered | deployed if re.search(rf"\b{re.escape(__version__)}\b", path.read_text())}
    assert having == numbered


def test_the_builder_is_pinned() -> None:
    """With all that it needs."""
    names = {pin.name for pin in pins(ROOT / "requirements/wheels.lock")}
    assert {"cibuildwheel", "build", "twine"} <= names
    installs = [step["run"] for _, step in STEPS if "-m pip" in step.get("run", "")]
    assert len(installs) == 2
    assert all("--require-hashes --requirement requirements/wheels.lock" in line for line in installs)


def test_wheels_are_tested_on_what_the_repository_has() -> None:
    """The tests that a wheel has to pass are there, and what is asked of it is that it is compiled."""
    version, tests = BUILDING["test-command"]
    assert "(compiled)" in version
    named = [word for word in tests.split() if word.startswith("tests/")]
    assert named
    assert all((ROOT / name).exists() for name in named)
    assert BUILDING["environment"] == {"GATEWAY_COMPILE": "1"}


@pytest.mark.parametrize("build", BUILDING["build"])
def test_wheels_are_for_pythons_that_the_gateway_runs_on(build: str) -> None:
    """As its metadata has it."""
    found = re.fullmatch(r"cp3(\d+)-\*", build)
    assert found is not None
    wanted = re.search(r"^python_requires = (.*)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert wanted is not None
    assert f"3.{found[1]}" in SpecifierSet(wanted[1])


def test_the_compiler_is_the_one_that_the_linters_run() -> None:
    """What it refuses, it refuses while one works, not in a release."""
    spec = importlib.util.spec_from_file_location("build_backend", ROOT / "requirements/build_backend.py")
    assert spec is not None
    assert spec.loader is not None
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    for lock in ("dev", "image"):
        locked = {pin.name: pin.version for pin in pins(ROOT / f"requirements/{lock}.lock")}
        assert f"mypy[mypyc]=={locked['mypy']}" == backend.COMPILER


def test_hooks_run_what_the_locks_pin() -> None:
    """A commit and CI are judged by the same versions of the same tools."""
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    locked = {pin.name for lock in ("dev", "checks") for pin in pins(ROOT / f"requirements/{lock}.lock")} | {"gateway"}
    commands = {"lint-imports": "import-linter"}

    assert hooks
    for hook in hooks:
        used = re.findall(r"\.venv/(?:checks/)?bin/([\w-]+)", hook["entry"])
        assert used, hook
        assert {commands.get(name, name) for name in used} <= locked
