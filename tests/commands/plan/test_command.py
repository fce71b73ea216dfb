"""`gateway plan`: what it prints and exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import cli
from gateway.commands.plan import text as plan_text
from tests.rehearsal.logs import request, write

OLD = """\
listeners: [{endpoint: "tcp:8080:interface=127.0.0.1"}]
auth: {jwt: {default: {algorithms: [HS256], secret: a-secret-of-forty-octets-for-the-tests-only}}}
upstreams:
  - {name: a, backends: [{url: "http://127.0.0.1:9001"}]}
routes:
  - {name: users, path: /users/:id, upstream: a, auth: {type: jwt, scopes: [read]}, timeout: 10s}
"""
NEW = OLD.replace(", scopes: [read]", "").replace("10s", "5s")
NEW += "  - {name: me, path: /users/me, upstream: a, cors: {}}\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A configuration, and one that asks for less."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    return old, new


def run(*arguments: object, name: str = "plan", color: bool = False, **environment: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, [name, *map(str, arguments)], color=color, env=environment)


def test_a_plan_is_printed(files: tuple[Path, Path]) -> None:
    """The worst first, with the lines of both files; how many there are at the end."""
    old, new = files

    result = run(old, new)

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"danger   routes users changed  {new}:6:5 (was {old}:6:5)",
        "    danger   callers without the scope `read` get in",
        "    warning  answers that take longer than 5s fail (504)",
        f"             timeout: 10s → 5s  {new}:6:78 (was {old}:6:94)",
        f"             auth.scopes: [read] → []  {new}:6:56 (was {old}:6:76)",
        f"warning  routes me added  {new}:7:5",
        "    warning  it asks nobody who is calling, as other routes do",
        "    change   it leads to a",
        "",
        "requests that go elsewhere",
        f"danger   GET /users/me and 1 more: users → me  {new}:7:5 (was {old}:6:5)",
        "    danger   everybody gets in: `auth` asks nobody any more",
        "",
        "doubtful, and was not",
        f"warning  routes[1].cors: no page of another origin may call: `allowed_origins` is empty [cors]  {new}:7:46",
        "",
        "2 dangers, 2 warnings",
    ]


def test_the_worst_part_comes_first(files: tuple[Path, Path]) -> None:
    """Requests that lose their protection stand before a change that does no harm."""
    old, new = files
    new.write_text(OLD + "  - {name: me, path: /users/me, upstream: a, auth: {type: jwt}}\n")

    first, second, *_ = run(old, new).stdout.splitlines()

    assert (first, second[:17]) == ("requests that go elsewhere", "danger   GET /use")


@pytest.mark.parametrize("name", ["plan", "diff"])
def test_check_is_for_ci(files: tuple[Path, Path], name: str) -> None:
    """1 where anything differs, 0 where nothing does; 0 without it in any case."""
    old, new = files

    assert run("--check", old, new, name=name).exit_code == 1
    assert run(old, new, name=name).exit_code == 0
    same = run("--check", old, old, name=name)
    assert (same.exit_code, same.stdout) == (0, "nothing changes\n")


def test_a_request_is_made_in_both(files: tuple[Path, Path]) -> None:
    """In a word, or pasted behind the last option."""
    old, new = files
    for said in (["--request", "curl -X PUT http://x/users/7"], ["--request", "curl", "-X", "PUT", "http://x/users/7"]):
        result = run("--as", "u1", old, new, *said)

        assert result.exit_code == 0, result.output
        lines = result.stdout.splitlines()
        place = lines.index("PUT http://x/users/7")
        assert lines[place + 1] == "  403 → 200"
        assert "  - step authentication: ended it: auth.forbidden" in lines
        assert "  + answer 200: as the upstream has it" in lines

    assert "  401, as before: nothing about it is otherwise" in run(old, new, "--request", "http://x/users/7").stdout


def test_programs_read_json(files: tuple[Path, Path]) -> None:
    """One object, and nothing else."""
    old, new = files

    said = json.loads(run("--json", old, new, "--request", "http://x/users/me").stdout)

    users, me = said["changes"]
    assert (users["name"], users["kind"], users["level"], me["kind"]) == ("users", "changed", "danger", "added")
    assert users["effects"][0] == {"level": "danger", "words": "callers without the scope `read` get in"}
    timeout = next(one for one in users["keys"] if one["key"] == "timeout")
    assert (timeout["before"], timeout["after"], timeout["after_at"]["line"]) == ("10s", "5s", 6)
    (rerouted,) = said["rerouted"]
    assert (rerouted["target"], rerouted["before"], rerouted["after"]) == ("/users/me", "users", "me")
    assert [one["code"] for one in said["doubts"]] == ["cors"]
    (asked,) = said["requests"]
    assert (asked["status_before"], asked["status_after"], asked["same"]) == (401, 200, False)
    assert said["levels"] == {"danger": 2, "warning": 2}


def test_markdown_is_for_pull_requests(files: tuple[Path, Path]) -> None:
    """What is written in the files cannot become markup."""
    old, new = files
    new.write_text(NEW.replace("name: me", 'name: "a*b|c"'))

    lines = run("--markdown", old, new, "--request", "http://x/users/me").stdout.splitlines()

    assert lines[0] == "### gateway plan: 2 dangers, 2 warnings"
    assert "- 🛑 danger: callers without the scope `read` get in" in lines
    assert "| 🛑 | `GET /users/me` | users | a\\*b\\|c | everybody gets in: `auth` asks nobody any more |" in lines
    assert lines[-1] == "```"
    assert "401 → 200" in lines


def test_a_name_stays_a_name_in_markdown(files: tuple[Path, Path]) -> None:
    """No link, no picture, nobody notified, no second cell; and code has no stray backslashes outside of a table."""
    old, new = files
    new.write_text(
        NEW.replace("name: me, path: /users/me", 'name: "![x](http://e) www.e @y _y_ `z", path: "/users/a|b``c"')
    )

    lines = run("--markdown", old, new, "--request", "http://x/users/a|b````c").stdout.splitlines()

    name = r"!\[x\](http:\//e) www\.e @&#8203;y \_y\_ \`z"
    assert f"⚠️ **routes {name} added** `{new}:7:5`" in lines
    assert any(line.startswith(f"| 🛑 | ```GET /users/a\\|b``c``` | users | {name} | everybody") for line in lines)
    assert "#### `````GET http://x/users/a|b````c`````" in lines
    assert lines[-1] == "`" * 5
    assert "- `timeout: 10s → 5s`" in "\n".join(lines)


def test_a_secret_is_never_printed(files: tuple[Path, Path]) -> None:
    """In no form."""
    old, new = files
    new.write_text(OLD.replace("a-secret-of", "another-secret-of"))

    for form in ([], ["--json"], ["--markdown"]):
        printed = run(old, new, *form).stdout
        assert "jwt.default.secret" in printed
        assert "secret-of" not in printed


def test_colours_are_for_terminals(files: tuple[Path, Path]) -> None:
    """And for none that says NO_COLOR."""
    assert "\x1b" in run(*files, color=True).stdout
    assert "\x1b" not in run(*files, color=True, NO_COLOR="1").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["OLD"], "Say OLD and NEW, or --live ADMIN and NEW."),
        (["OLD", "NEW", "--live", "http://127.0.0.1:9"], "Say OLD and NEW, or --live ADMIN and NEW."),
        (["OLD", "NEW", "--json", "--markdown"], "Say one of --markdown and --json."),
        (["OLD", "WRONG"], "routes: expected"),
        (["OLD", "MISSING"], "expected a file that can be read"),
        (["OLD", "NEW", "--request", "curl -Q http://x/"], "-Q is not understood"),
        (["OLD", "NEW", "--request", "curl 'http://x/"], "expected a quote that is closed"),
        (["OLD", "NEW", "--as", "{", "--request", "http://x/"], "expected claims as a JSON object"),
        (["--live", "9090", "NEW"], "is no URL of an admin port"),
    ],
)
def test_what_cannot_be_planned(files: tuple[Path, Path], arguments: list[str], words: str) -> None:
    """The reason, and exit code 2."""
    old, new = files
    wrong = old.parent / "wrong.yaml"
    wrong.write_text("routes: 3")
    names = {"OLD": str(old), "NEW": str(new), "WRONG": str(wrong), "MISSING": str(old.parent / "missing.yaml")}

    result = run(*(names.get(one, one) for one in arguments))

    assert result.exit_code == 2
    assert words in result.stderr


def test_more_words_than_one_for_several() -> None:
    """A plan without anything says so."""
    from gateway.rehearsal.planning.plan import Plan

    empty = Plan([], [], [], [])
    assert plan_text.is_empty(empty, [])
    assert list(plan_text.text(empty, [])) == ["nothing changes"]
    assert list(plan_text.markdown(empty, [])) == ["### gateway plan: nothing changes"]


def test_files_that_only_the_old_one_has_are_found_beside_it(tmp_path: Path) -> None:
    """The new one names none."""
    hashed = "a:$2b$04$abcdefghijklmnopqrstuuhmLpKjXqAFAWWVSk6rsQ2VvXI1Wd8Cm\n"
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = tmp_path / "old" / "g.yaml", tmp_path / "new" / "g.yaml"
    old.write_text("auth: {basic: {users_file: users}}\nroutes: [{path: /, respond: {}, auth: {type: basic}}]\n")
    (tmp_path / "old" / "users").write_text(hashed)
    new.write_text("routes: [{path: /, respond: {}}]\n")

    result = run(old, new)

    assert result.exit_code == 0, result.output
    assert "everybody gets in: `auth` asks nobody any more" in result.stdout


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Of a hundred answers, some of which take seven seconds."""
    requests = [
        request(line, line * 10.0, f"/users/{line}", user="u1", seconds=0.1 if line % 20 else 7.0)
        for line in range(1, 101)
    ]
    return write(tmp_path / "access.log", requests)


@pytest.mark.parametrize("form", [[], ["--format", "gateway"]])
def test_timeouts_are_held_against_a_log(files: tuple[Path, Path], log: Path, form: list[str]) -> None:
    """The share that would have been cut off, and the line of the timeout."""
    old, new = files

    lines = run(old, new, "--log", log, *form).stdout.splitlines()

    place = lines.index("timeouts that are below what the log shows")
    assert lines[place + 1] == (
        "warning  routes users: 5.0% of 100 answers took longer than its timeout of 5s; 99% took up to 7.01s  "
        f"{new}:6:78"
    )
    assert lines[-1] == "2 dangers, 3 warnings"


def test_timeouts_are_in_the_other_forms_too(files: tuple[Path, Path], log: Path) -> None:
    """For a pull request, and for programs."""
    old, new = files

    (late,) = json.loads(run(old, new, "--log", log, "--json").stdout)["too_short"]

    assert (late["route"], late["timeout"], late["share"], late["answers"]) == ("users", 5.0, 0.05, 100)
    assert late["place"]["line"] == 6
    text = run(old, new, "--log", log, "--markdown").stdout
    assert "#### Timeouts that are below what the log shows\n\n- ⚠️ routes users: 5.0% of 100 answers" in text


def test_a_diff_replays_the_log(files: tuple[Path, Path], log: Path) -> None:
    """Below the plan; a plan does not."""
    old, new = files

    said = run(old, new, "--log", log, name="diff").stdout

    assert "5 of 100 requests would be answered otherwise" in said
    assert "        5  200 → 504 (upstream.timeout)" in said
    assert said.startswith(run(old, new, "--log", log).stdout)
    assert json.loads(run(old, new, "--log", log, "--json", name="diff").stdout)["replay"]["otherwise"] == 5
    assert f"#### Replayed: {log}" in run(old, new, "--log", log, "--markdown", name="diff").stdout


def test_a_check_by_log_fails_for_what_is_answered_otherwise(files: tuple[Path, Path], log: Path) -> None:
    """Not where nothing is."""
    old, new = files

    assert run(old, new, "--log", log, "--check", name="diff").exit_code == 1
    assert run(old, old, "--log", log, "--check", name="diff").exit_code == 0


def test_a_log_that_cannot_be_read_is_2(files: tuple[Path, Path]) -> None:
    """Nothing is said of the plan then."""
    old, new = files

    result = run(old, new, "--log", "no.log")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "cannot read no.log: No such file or directory\n"
