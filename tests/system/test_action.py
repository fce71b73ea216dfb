"""The action for pull requests and the hooks for commits: their steps, run by bash in a git repository of their own.

GitHub's part is played by its variables and files, and by a `gh` that writes down what it is asked. How the action and
pre-commit install the gateway is tried where a package index may be asked: `tests/deploy/test_hooks.py`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.system.gateway_process import CODE, ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

BEFORE = """\
listeners: [{endpoint: "tcp:8080"}]
auth: {api_keys: {keys: [{id: one, hash: "sha256:%s"}]}}
upstreams: [{name: app, backends: [{url: "http://127.0.0.1:9001"}]}]
routes:
  - name: app
    path: /*
    upstream: app
    auth: {type: api_key}
tests:
  - name: the service is asked
    request: http://localhost:8080/
    given: {claims: {sub: somebody}}
    expect: {status: 200}
""" % (64 * "0")
AFTER = BEFORE.replace("    auth: {type: api_key}\n", "").replace("    given: {claims: {sub: somebody}}\n", "")


class Ran(NamedTuple):
    """What a step did.

    Attributes:
        code: Its exit code.
        log: What stands in the job's log.
        summary: What stands in the job's summary.
        outputs: What later steps are told.
    """

    code: int
    log: str
    summary: str
    outputs: dict[str, str]


class Job:
    """A job of GitHub's with a checkout of a pull request, as `actions/checkout` makes it.

    Args:
        directory: Where all of it is.
        before: The configuration on the branch that the pull request goes to; None: there was none.
        after: The one of the pull request.
        depth: `fetch-depth`.
    """

    def __init__(self, directory: Path, before: str | None, after: str, depth: int = 2) -> None:
        self.directory = directory
        origin = directory / "origin"
        origin.mkdir()
        _git(origin, "init", "--quiet", "--initial-branch=main")
        _commit(origin, before)
        _git(origin, "checkout", "--quiet", "-b", "change")
        _commit(origin, after)
        _git(origin, "checkout", "--quiet", "main")
        # What GitHub checks out for a pull request: it merged into its branch, whose tip is the first parent.
        _git(origin, "merge", "--quiet", "--no-ff", "-m", "merge", "change")
        _git(directory, "clone", "--quiet", f"--depth={depth}", f"file://{origin}", "checkout")
        self._temporary = directory / "temporary"
        command = self._temporary / "gateway" / "bin" / "gateway"
        command.parent.mkdir(parents=True)
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m gateway.cli "$@"\n')
        command.chmod(0o755)
        self._programs = directory / "programs"
        self._programs.mkdir()

    def run(self, step: str, **inputs: str) -> Ran:
        """Run a step of the action by its name."""
        (found,) = [one for one in ACTION["runs"]["steps"] if one.get("name") == step]
        files = {name: self.directory / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")},
            **{name: self._value(expression, inputs) for name, expression in found.get("env", {}).items()},
            **{name: str(file) for name, file in files.items()},
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_REPOSITORY": "acme/gateway",
            "RUNNER_TEMP": str(self._temporary),
            "PYTHONPATH": CODE,
            "PATH": f"{self._programs}:{os.environ['PATH']}",
        }
        # As GitHub starts `shell: bash`.
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
            cwd=self.directory / "checkout",
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        written = {name: file.read_text() if file.exists() else "" for name, file in files.items()}
        outputs = dict(line.split("=", 1) for line in written["GITHUB_OUTPUT"].splitlines())
        return Ran(done.returncode, done.stdout, written["GITHUB_STEP_SUMMARY"], outputs)

    def have(self, program: str, script: str) -> None:
        """Put a program of ours before all others of its name."""
        file = self._programs / program
        file.write_text(script)
        file.chmod(0o755)

    def _value(self, expression: str, inputs: dict[str, str]) -> str:
        context = {f"inputs.{name}": one.get("default", "") for name, one in ACTION["inputs"].items()}
        context["github.event.pull_request.number"] = "7"
        context |= {f"inputs.{name.replace('_', '-')}": value for name, value in inputs.items()}
        return str(context[re.fullmatch(r"\$\{\{ (\S+) \}\}", expression)[1]])  # type: ignore[index]  # else the test fails


def _git(directory: Path, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=directory, check=True, capture_output=True)


def _commit(directory: Path, configuration: str | None) -> None:
    (directory / "README.md").write_text("Ours.\n")
    if configuration is not None:
        (directory / "etc").mkdir(exist_ok=True)
        (directory / "etc" / "gateway.yaml").write_text(configuration)
    _git(directory, "add", ".")
    _git(directory, "commit", "--quiet", "-m", "a change")


def test_a_pull_request_is_told_what_it_changes(tmp_path: Path) -> None:
    """In words, with the places of both revisions; checked and tested before."""
    ran = Job(tmp_path, BEFORE, AFTER).run("Review", fail_on_lint="false")

    assert ran.code == 0
    assert ran.outputs == {"plan": "different"}
    assert "- check: passed" in ran.summary
    assert "- test: passed" in ran.summary
    assert "danger: " in ran.summary
    assert re.search(r"\b[0-9a-f]{7,}:etc/gateway\.yaml:\d", ran.summary)
    assert str(tmp_path) not in ran.summary


def test_a_pull_request_that_changes_nothing_for_callers(tmp_path: Path) -> None:
    """A comment is none."""
    ran = Job(tmp_path, BEFORE, f"# ours\n{BEFORE}").run("Review")

    assert (ran.code, ran.outputs) == (0, {"plan": "same"})
    assert "- plan: the same as in " in ran.summary


def test_mistakes_are_marked_in_their_file_and_end_the_review(tmp_path: Path) -> None:
    """There is nothing to test."""
    ran = Job(tmp_path, BEFORE, BEFORE.replace("upstream: app", "upstream: up")).run("Review")

    assert ran.code == 1
    assert re.search(r"^::error file=etc/gateway\.yaml,line=7,col=\d+::routes\[0\]\.upstream: ", ran.log, re.MULTILINE)
    assert "- check: **failed**" in ran.summary
    assert "- test" not in ran.summary
    assert ran.outputs == {"plan": "unknown"}


def test_a_test_that_fails_is_marked_where_it_stands(tmp_path: Path) -> None:
    """And the plan is told all the same."""
    ran = Job(tmp_path, BEFORE, BEFORE.replace("status: 200", "status: 204")).run("Review")

    assert ran.code == 1
    assert "::error file=etc/gateway.yaml,line=13,col=22::expect.status: expected 204, found 200" in ran.log
    assert "- test: **failed**" in ran.summary
    assert "tests changed" in ran.summary


def test_a_configuration_without_tests_fails(tmp_path: Path) -> None:
    """It says so: an untested change is not reviewed."""
    ran = Job(tmp_path, BEFORE, BEFORE.partition("tests:")[0]).run("Review")

    assert ran.code == 1
    assert "no tests: they are written under `tests`" in ran.summary


@pytest.mark.parametrize(("fails", "code", "level"), [("true", 1, "error"), ("false", 0, "warning")])
def test_what_is_doubtful_fails_unless_the_workflow_says_otherwise(
    fails: str, code: int, level: str, tmp_path: Path
) -> None:
    """Here an upstream that nobody uses."""
    doubtful = BEFORE.replace("upstreams: [", "upstreams: [{name: idle, backends: [{url: 'http://127.0.0.1:9002'}]}, ")
    ran = Job(tmp_path, BEFORE, doubtful).run("Review", fail_on_lint=fails)

    assert ran.code == code
    assert f"::{level} file=etc/gateway.yaml,line=3," in ran.log
    assert "- lint: something is doubtful" in ran.summary


def test_a_checkout_without_its_parent_cannot_be_compared(tmp_path: Path) -> None:
    """What to do is said."""
    ran = Job(tmp_path, BEFORE, AFTER, depth=1).run("Review", fail_on_lint="false")

    assert (ran.code, ran.outputs) == (0, {"plan": "unknown"})
    assert "::warning::There is no revision to compare with: check out with fetch-depth: 2" in ran.log


def test_a_configuration_that_is_new_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    """That is no failure."""
    ran = Job(tmp_path, None, BEFORE).run("Review", config="etc/")

    assert (ran.code, ran.outputs) == (0, {"plan": "unknown"})
    assert "- plan: the configuration is new: " in ran.summary


def test_a_stranger_cannot_speak_to_github_by_the_name_of_a_test(tmp_path: Path) -> None:
    """Commands of a workflow are not taken from what the configuration has a say in."""
    command = "::set-output name=plan::same"
    ran = Job(tmp_path, BEFORE, BEFORE.replace("the service is asked", command).replace("200", "204")).run("Review")

    parts = re.split(r"^::stop-commands::(\w+)\n(.*?)^::\1::\n", ran.log, flags=re.MULTILINE | re.DOTALL)
    assert command in ran.log
    assert not any(line.startswith(command) for part in parts[::3] for line in part.splitlines())


GH = """\
#!/usr/bin/env python3
import json, os, sys
with open(os.environ["GH_CALLS"], "a") as file:
    print(json.dumps([*sys.argv[1:], os.environ.get("GH_TOKEN"), os.environ.get("MARK")]), file=file)
if "--paginate" in sys.argv:
    print(open(os.environ["GH_KNOWN"]).read(), end="")
"""


@pytest.mark.parametrize(
    ("known", "method", "place"),
    [
        ("", "POST", "repos/acme/gateway/issues/7/comments"),
        ("41\n42\n", "PATCH", "repos/acme/gateway/issues/comments/41"),
    ],
)
def test_there_is_one_comment_which_is_written_anew(
    known: str, method: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the same configuration, by a bot; with the token that the workflow has given."""
    job = Job(tmp_path, BEFORE, AFTER)
    job.have("gh", GH)
    (tmp_path / "known").write_text(known)
    monkeypatch.setenv("GH_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("GH_KNOWN", str(tmp_path / "known"))
    job.run("Review")

    assert job.run("Comment", token="of-the-job").code == 0

    looked, wrote = map(json.loads, (tmp_path / "calls").read_text().splitlines())
    assert looked[:3] == ["api", "--paginate", "repos/acme/gateway/issues/7/comments"]
    assert looked[-2:] == ["of-the-job", "<!-- gateway review of etc -->"]
    assert wrote[1:5] == ["--silent", "--method", method, place]
    assert (tmp_path / "temporary" / "gateway-review.md").read_text().startswith(f"{looked[-1]}\n## Gateway: etc\n")


def test_the_action_hands_expressions_over_by_the_environment_only() -> None:
    """In a line of a shell, they would be what the shell runs."""
    steps: list[dict[str, Any]] = ACTION["runs"]["steps"]

    assert [step["run"] for step in steps if "run" in step and "${{" in step["run"]] == []
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)


GUIDE = (ROOT / "docs" / "guides" / "testing-in-ci.md").read_text()


def shown(file: str) -> Any:
    """What the guide has as the content of a file."""
    found = re.search(rf"^```text\n# {re.escape(file)}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return yaml.safe_load(found[1])


def test_the_workflow_of_the_guide_asks_for_what_the_action_takes() -> None:
    """With the least rights, the checkout that our own workflows pin, and each input explained."""
    workflow = shown(".github/workflows/configuration.yml")
    checkout, review = workflow["jobs"]["review"]["steps"]

    assert workflow["permissions"] == {"contents": "read"}
    assert f"uses: {checkout['uses']} #" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert checkout["with"] == {"fetch-depth": 2, "persist-credentials": False}
    assert review["with"].keys() <= ACTION["inputs"].keys()
    assert set(re.findall(r"^\| `([a-z-]+)` \| .* \| .* \|$", GUIDE, re.MULTILINE)) == ACTION["inputs"].keys()


def test_the_hooks_of_the_guide_are_all_that_there_are() -> None:
    """By their names."""
    (repository,) = shown(".pre-commit-config.yaml")["repos"]

    assert [hook["id"] for hook in repository["hooks"]] == [hook["id"] for hook in HOOKS]


WRONG = {
    "gateway-check": BEFORE.replace("path: /*", "path: 1"),
    "gateway-lint": BEFORE.replace("upstreams: [", "upstreams: [{name: idle, backends: []}, "),
    "gateway-test": BEFORE.replace("status: 200", "status: 204"),
}
"""By hook: what it does not let pass."""


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_a_hook_lets_a_commit_pass_or_not(hook: dict[str, Any], tmp_path: Path) -> None:
    """By its command, as pre-commit runs it: where the repository is, with its arguments."""
    command = [sys.executable, "-P", "-m", "gateway.cli", *shlex.split(hook["entry"])[1:], *hook["args"]]
    file = tmp_path / "etc" / "gateway.yaml"
    file.parent.mkdir()
    codes = []
    for configuration in (BEFORE, WRONG[hook["id"]]):
        file.write_text(configuration)
        environ = {**os.environ, "PYTHONPATH": CODE}
        codes.append(subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=False).returncode)

    assert codes == [0, 1]
