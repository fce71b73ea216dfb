from __future__ import annotations

from pathlib import Path

import pytest
from twisted.application.service import IService
from twisted.python.usage import UsageError

from gateway.tap import Options, makeService

CONFIGURATION = """
listeners: [{endpoint: "tcp:0:interface=127.0.0.1"}]
upstreams: [{name: users, backends: [{url: "http://127.0.0.1:9001"}]}]
routes: [{path: /users/*, upstream: users}]
"""


def options(*arguments: str) -> Options:
    """Return the options of a command line, as twistd parses it."""
    parsed = Options()
    parsed.parseOptions(list(arguments))
    return parsed


def test_the_sample_runs_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a checkout, `twistd gateway` is enough."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/gateway.yaml").write_text(CONFIGURATION)
    monkeypatch.chdir(tmp_path)

    assert options()["config"] == "etc/gateway.yaml"


def test_a_configuration_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no sample, the command line has to name one."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match="--config"):
        options()


def test_a_service_is_made_of_it(tmp_path: Path) -> None:
    """The service that twistd runs; nothing is opened yet."""
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)

    service = makeService(options("--config", str(file)))

    assert IService.providedBy(service)
    assert not service.running


def test_a_wrong_configuration_ends_the_process_with_its_errors(tmp_path: Path) -> None:
    """A line for each problem, and exit code 1."""
    file = tmp_path / "gateway.yaml"
    file.write_text("rutes: []\nlisteners: 3\n")

    with pytest.raises(SystemExit) as caught:
        makeService(options("-c", str(file)))

    # A text as code is printed to standard error, and the process exits with 1.
    assert isinstance(caught.value.code, str)
    assert [line.split(" ")[0] for line in caught.value.code.splitlines()] == [f"{file}:1:1:", f"{file}:2:12:"]
