"""What plugins have against being taken, as the admin API, the log and `gateway check` tell it: no secret."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from twisted.logger import capturedLogs

from gateway.cli import main
from gateway.telemetry.logging import as_text
from tests.admin.api import CONFIGURATION, Api
from tests.hostile import ENDS

NAMED = CONFIGURATION.replace("upstream: orders}", "upstream: orders, plugins: [p]}")
GOOD = NAMED + "plugins:\n  - {name: p, class: tests.plugins.Tell}\n"
SECRET = "hunter2-hunter2"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A gateway with a plugin."""
    made = Api(tmp_path / "gateway.yaml", GOOD)
    yield made
    made.stop()


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("kind", ["ValidatorEnds", "ConstructorEnds", "StartEnds", "HookEnds"])
def test_whatever_ends_has_a_place(api: Api, kind: str, how: str) -> None:
    """In 422: in what was sent, with what was raised; nothing changes. The reload says it of the file."""
    body = f"name: p\nclass: tests.hostile.{kind}\nconfig: {{how: {how}}}\n"

    answer = api.ask("PUT", "/config/plugins/p", body)

    (problem,) = answer.json["problems"]
    place = (3, 9, "plugins[0].config") if kind == "ValidatorEnds" else (2, 8, "plugins[0].class")
    assert (answer.status, problem["file"]) == (422, "body.yaml")
    assert (problem["line"], problem["column"], problem["path"]) == place
    assert how in problem["message"]
    assert "Traceback" not in problem["message"]
    assert api.status("/orders/1") == 200
    assert api.ask("POST", "/config/plan", body).status == 422

    api.path.write_text(GOOD.replace("tests.plugins.Tell", f"tests.hostile.{kind}, config: {{how: {how}}}"))
    with capturedLogs() as events:
        assert not api.reload()
    told = "".join(map(as_text, events))
    assert f"{api.path}:9:" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("kind", ["ValidatorEnds", "ConstructorEnds", "HookEnds"])
def test_gateway_check_says_where(tmp_path: Path, kind: str, how: str) -> None:
    """With exit code 1."""
    file = tmp_path / "gateway.yaml"
    file.write_text(GOOD.replace("tests.plugins.Tell", f"tests.hostile.{kind}, config: {{how: {how}}}"))

    result = CliRunner().invoke(main, ["check", str(file)])

    assert result.exit_code == 1
    assert f"{file}:9:" in result.output
    assert how in result.output


@pytest.mark.parametrize("how", ENDS)
def test_a_module_that_ends(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """While it is imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / f"ends_by_{how.lower()}.py").write_text(f"from tests.hostile import end\n\nend('{how}')\n")

    answer = api.ask("PUT", "/config/plugins/p", {"class": f"ends_by_{how.lower()}.P"})

    (problem,) = answer.json["problems"]
    assert (answer.status, problem["file"], problem["line"], problem["path"]) == (
        422,
        "body.json",
        1,
        "plugins[0].class",
    )
    assert problem["message"].startswith(f"expected a class that can be a plugin, found {how}")


@pytest.mark.parametrize(
    ("kind", "where"),
    [("Quotes", "made"), ("Quotes", "start"), ("QuotesInModel", None)],
    ids=["made", "start", "model"],
)
def test_what_quotes_its_configuration_is_masked(api: Api, kind: str, where: str | None) -> None:
    """In the answer and in the log."""
    config = {"token": SECRET} | ({"where": where} if where else {})

    with capturedLogs() as events:
        answer = api.ask("PUT", "/config/plugins/p", {"class": f"tests.hostile.{kind}", "config": config})

    assert answer.status == 422
    assert "**********" in answer.json["problems"][0]["message"]
    assert SECRET not in answer.body.decode() + "".join(map(as_text, events))


def test_a_fault_that_quotes_its_configuration_is_masked(api: Api) -> None:
    """In the log, with its traceback."""
    body = {"class": "tests.hostile.Quotes", "config": {"token": SECRET}}
    assert api.ask("PUT", "/config/plugins/p", body).status == 200

    with capturedLogs() as events:
        assert api.status("/orders/1") == 200

    told = "".join(map(as_text, events))
    assert "Plugin p failed in on_request" in told
    assert "in on_request" in told.partition("Traceback")[2]
    assert "bad '**********'" in told
    assert SECRET not in told


def test_what_a_plugin_does_to_its_configuration_is_its_own(api: Api) -> None:
    """It gets a copy: what is in force, and shown, is what was written; the next reload finds nothing changed."""
    config = {"prefix": 1, "lists": [1, 2]}
    body = {"class": "tests.hostile.Changes", "config": config}

    assert api.ask("PUT", "/config/plugins/p", body).status == 200

    assert api.service.settings.plugins[0].config == config
    assert api.ask("PUT", "/config/plugins/p", body).json["changes"] == []


def test_a_driver_of_a_database_that_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a place as well: it is code from outside, which the configuration names."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "ending_driver.py").write_text("raise SystemExit(0)\n")
    file = tmp_path / "gateway.yaml"
    keys = "auth:\n  api_keys:\n    store: sql\n    driver: ending_driver\n    connect: {dsn: a}\n"
    protected = CONFIGURATION.replace("upstream: orders}", "upstream: orders, auth: {type: api_key}}")
    file.write_text(protected + keys)

    result = CliRunner().invoke(main, ["check", str(file)])

    assert result.exit_code == 1
    found = "expected a module that can be imported, found SystemExit: 0"
    assert f"{file}:11:13: auth.api_keys.driver: {found}" in result.output


def test_settings_of_another_process_know_their_places(api: Api) -> None:
    """Large configurations are read by one, and workers are told theirs."""
    settings = api.service.settings

    assert settings.places["plugins", 0, "class"] == (str(api.path), 9, 22, "plugins[0].class")
    assert pickle.loads(pickle.dumps(settings)).places == settings.places
    assert pickle.loads(pickle.dumps(settings)) == settings
