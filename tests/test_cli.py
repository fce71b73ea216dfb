from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import gateway
from gateway import cli
from gateway.compiled import KIND
from gateway.config import jsonschema, load

ROUTES = """\
upstreams:
  - {name: a, backends: [{url: "http://10.0.0.1"}, {url: "http://10.0.0.2"}]}
  - {name: b, strategy: random, backends: [{url: "http://10.0.0.3"}]}
routes:
  - {name: one, host: api.example.com, path: /one/:id, methods: [GET, PUT], headers: {X-V: "2"}, query: {q: "*"},
     upstream: a, timeout: 90s, request_body: 0}
  - {path: /two/*, upstream: [{name: a, weight: 9}, b]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with two routes."""
    path = tmp_path / "gateway.yaml"
    path.write_text(ROUTES)
    return path


def run(*arguments: object, color: bool = False) -> Result:
    """Run a command as a shell would."""
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments], color=color)


def test_check_of_a_good_file_says_so_in_a_line(file: Path) -> None:
    """With the numbers of what is in it, and exit code 0."""
    result = run("check", file)

    assert result.exit_code == 0
    assert result.stdout == f"ok: {file}: 1 listener, 2 routes, 2 upstreams, 3 backends\n"
    assert result.stderr == ""


def test_check_of_a_bad_file_tells_everything(tmp_path: Path) -> None:
    """On stderr, with exit code 1."""
    file = tmp_path / "g.yaml"
    file.write_text("limits: {in_flight: x}\nb: [\n")
    result = run("check", file)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == "1 problem"

    file.write_text("limits: {in_flight: x}\nroute: 1\n")
    result = run("check", file)

    assert result.stderr == (
        f'{file}:1:21: limits.in_flight: expected an integer from 0 to 2147483647, found "x"\n'
        f"{file}:2:1: route: expected a known key, found an unknown key, did you mean `routes`?\n"
        "2 problems\n"
    )


def test_a_program_is_told_all_of_it_too(file: Path) -> None:
    """With what is only unwise, on standard output."""
    good = json.loads(run("check", file, "--json").stdout)
    file.write_text(ROUTES.replace("request_body: 0", "auth: {type: jwt}"))
    bad = run("check", file, "--json")

    assert good == {"problems": [], "warnings": [], "listeners": 1, "routes": 2, "upstreams": 2, "backends": 3}
    assert (bad.exit_code, bad.stderr) == (1, "")
    assert json.loads(bad.stdout)["problems"][0].startswith(f"{file}:6:")


def test_a_terminal_gets_colour(tmp_path: Path) -> None:
    """A pipe gets none."""
    file = tmp_path / "g.yaml"
    file.write_text("b: 1\n")

    assert "\x1b[" in run("check", file, color=True).stderr
    assert "\x1b[" not in run("check", file).stderr


def test_check_uses_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the gateway does."""
    file = tmp_path / "g.yaml"
    file.write_text("limits: {in_flight: 1}\n")
    monkeypatch.setenv("GATEWAY__LIMITS__IN_FLIGHT", "x")

    assert "$GATEWAY__LIMITS__IN_FLIGHT:1:1: limits.in_flight" in run("check", file).stderr


def test_routes_are_a_table(file: Path) -> None:
    """Aligned, with defaults put in."""
    head, one, two = run("routes", file).stdout.splitlines()

    assert head.split() == [
        "name",
        "host",
        "path",
        "methods",
        "match",
        "upstream",
        "strategy",
        "backends",
        "timeout",
        "body",
        "limit",
    ]
    assert head.index("path") == one.index("/one/:id") == two.index("/two/*", 5)
    assert one.endswith("http://10.0.0.1, http://10.0.0.2                   90s      none")


def test_routes_of_a_configuration_that_cannot_be_used(file: Path) -> None:
    """What is wrong with it, in its place, and 2: there are none to show."""
    file.write_text("routes: [{path: users, respond: {}}]\n")

    result = run("routes", file)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{file}:1:17: routes[0].path: expected ")
    assert result.stderr.endswith("\n1 problem\n")


def test_routes_can_be_read_by_a_program(file: Path) -> None:
    """One object a route."""
    assert json.loads(run("routes", file, "--json").stdout) == [
        {
            "name": "one", "host": "api.example.com", "path": "/one/:id", "methods": ["GET", "PUT"],
            "match": ["X-V: **********", "?q=*"], "upstream": ["a"], "strategy": ["round_robin"],
            "backends": ["http://10.0.0.1", "http://10.0.0.2"], "timeout": "90s", "body_limit": "none",
        },
        {
            "name": "/two/*", "host": "*", "path": "/two/*", "methods": ["*"], "match": [],
            "upstream": ["a x9", "b x1"], "strategy": ["round_robin", "random"],
            "backends": ["http://10.0.0.1", "http://10.0.0.2", "http://10.0.0.3"], "timeout": "30s",
            "body_limit": "10MiB",
        },
    ]  # fmt: skip


def test_no_routes_are_said_to_be_none(tmp_path: Path) -> None:
    """Rather than a table without lines."""
    (tmp_path / "g.yaml").write_text("{}")

    assert run("routes", tmp_path / "g.yaml").stdout == "no routes\n"
    assert run("routes", tmp_path / "g.yaml", "--json").stdout == "[]\n"


def test_the_effective_configuration_is_a_configuration(file: Path, tmp_path: Path) -> None:
    """It loads, with the same meaning."""
    again = tmp_path / "again.yaml"
    file.write_text(ROUTES.replace('X-V: "2"', 'X-V: "*"'))  # other values are masked
    again.write_text(run("config", "--effective", file).stdout)

    assert load(again, {}) == load(file, {})


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_is_not_ok(tmp_path: Path, text: str) -> None:
    """The gateway would open port 8080 and answer 404."""
    (tmp_path / "g.yaml").write_text(text)

    result = run("check", tmp_path / "g.yaml")

    assert result.exit_code == 1
    assert "g.yaml:1:1: expected a configuration" in result.stderr


def test_the_schema_is_printed() -> None:
    """The same as the file in `etc`."""
    assert run("schema").stdout == jsonschema.as_text()


def test_run_is_twistd_in_the_foreground(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the arguments that it takes; a file with the process id is written only where one is named."""
    seen: list[list[str]] = []
    monkeypatch.setattr(sys, "argv", ["gateway"])
    monkeypatch.setattr("twisted.scripts.twistd.run", lambda: seen.append(sys.argv))

    assert run("run", "--config", "etc/gateway.yaml").exit_code == 0
    assert run("run", "--config", "etc/gateway.yaml", "--pidfile", "/run/gw.pid").exit_code == 0
    assert seen == [
        ["twistd", "-n", "--pidfile=", "gateway", "--config", "etc/gateway.yaml"],
        ["twistd", "-n", "--pidfile=/run/gw.pid", "gateway", "--config", "etc/gateway.yaml"],
    ]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """What twistd would be run with, in an empty directory."""
    seen: list[list[str]] = []
    monkeypatch.setattr(sys, "argv", ["gateway"])
    monkeypatch.setattr("twisted.scripts.twistd.run", lambda: seen.append(sys.argv[4:]))
    monkeypatch.chdir(tmp_path)
    return seen


def test_run_takes_the_path_as_other_commands_do(runs: list[list[str]]) -> None:
    """As an argument; it need not exist for twistd to say that it does not."""
    assert run("run", "nothing.yaml").exit_code == 0
    assert runs == [["--config", "nothing.yaml"]]


@pytest.mark.parametrize(
    "arguments", [("a", "-c", "b"), ("a", "-p", "9001=9002"), ("-c", "a", "-p", "x"), ("",), ("-c", "")]
)
def test_run_takes_one_configuration(runs: list[list[str]], arguments: tuple[str, ...]) -> None:
    """Not two, and none that a variable without a value names."""
    assert run("run", *arguments).exit_code == 2
    assert runs == []


def test_run_without_a_configuration_shows_the_page(runs: list[list[str]], tmp_path: Path) -> None:
    """The sample of a checkout is one."""
    assert run("run").exit_code == 0
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/gateway.yaml").write_text("{}")
    assert run("run").exit_code == 0

    assert runs == [["--welcome"], []]


def test_run_with_overrides_only_asks_for_a_configuration(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has configured something, and a page is not what they wait for."""
    monkeypatch.setenv("GATEWAY__LIMITS__IN_FLIGHT", "1")

    result = run("run")

    assert (result.exit_code, runs) == (2, [])
    assert "Which configuration?" in result.stderr


def test_run_with_proxies_prints_what_they_stand_for(runs: list[list[str]], tmp_path: Path) -> None:
    """A configuration, which loads."""
    result = run("run", "--proxy", "8080=http://127.0.0.1:9001", "-p", "/api=9002")
    (tmp_path / "gateway.yaml").write_text(result.stdout)

    assert runs == [["--proxy", "8080=http://127.0.0.1:9001", "--proxy", "/api=9002"]]
    assert [route.name for route in load(tmp_path / "gateway.yaml", {}).routes] == ["app", "api"]


def test_run_with_a_wrong_form_says_what_was_wanted(runs: list[list[str]]) -> None:
    """And runs nothing."""
    result = run("run", "--proxy", "8080")

    assert (result.exit_code, runs) == (2, [])
    assert "expected [[ADDRESS:]PORT][/PATH]=BACKEND" in result.stderr


def test_no_color_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """See no-color.org: any value but an empty one."""
    file = tmp_path / "g.yaml"
    file.write_text("b: 1\n")
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[" not in run("check", file, color=True).stderr


def test_the_version_is_told_without_loading_the_schema() -> None:
    """It takes little time."""
    script = (
        "import sys; from gateway.cli import main; main(['--version'], standalone_mode=False);"
        "print([name for name in ('pydantic', 'yaml', 'twisted', 'rich', 'http.client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == f"gateway, version {gateway.__version__} ({KIND})\n[]\n"


def test_ctrl_c_ends_a_command_without_a_word() -> None:
    """With the exit code that a shell has for it: `top --once` and `upgrade` wait for a while."""

    @click.command()
    def waits() -> None:
        raise KeyboardInterrupt

    assert isinstance(cli.main, cli.Commands)
    result = CliRunner().invoke(cli.Commands("gateway", commands={"waits": waits}), ["waits"])

    assert (result.exit_code, result.output) == (130, "")
