from __future__ import annotations

import gc
from pathlib import Path

import pytest
from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.python import usage
from twisted.python.usage import UsageError

from gateway import tap
from gateway.commands.welcome import WelcomeService
from gateway.tap import YOUNG, ForegroundService, Options, TwistdService, makeService

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


@pytest.mark.parametrize(
    "arguments", [("--config", ""), ("--config", "a", "--welcome"), ("--proxy", "8080"), ("--proxy", "1=2", "-c", "a")]
)
def test_one_configuration_is_asked_for(arguments: tuple[str, ...]) -> None:
    """Neither two, nor an empty name, nor a form that cannot be read."""
    with pytest.raises(UsageError):
        options(*arguments)


def test_proxies_stand_for_a_configuration() -> None:
    """No file is read, then or later."""
    service = makeService(options("--proxy", "127.0.0.1:0=9001", "--proxy", "127.0.0.1:0/api=9002"))

    assert isinstance(service, TwistdService)
    assert [route.name for route in service._gateway.settings.routes] == ["app", "api"]
    with capturedLogs() as events:
        service._reload()
    assert [formatEvent(event) for event in events] == ["SIGHUP: there is no file to read again"]


def test_requests_under_way_are_no_garbage() -> None:
    """The collector does not look at the objects of a few hundred of them."""
    makeService(options("--proxy", "127.0.0.1:0=9001"))

    assert gc.get_threshold()[0] == YOUNG


def test_the_page_is_a_service_of_its_own() -> None:
    """No gateway is made for it."""
    service = makeService(options("--welcome"))

    assert isinstance(service, ForegroundService)
    assert [type(each) for each in service] == [WelcomeService]


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


def test_an_option_that_there_is_not_is_answered_with_the_nearest() -> None:
    """As `gateway run` does it."""
    with pytest.raises(UsageError, match="option --confg not recognized, did you mean `--config`"):
        options("--confg", "x")
    with pytest.raises(UsageError, match=r"option --zzz not recognized$"):
        options("--zzz")


def test_an_upgrade_waits_for_a_change_that_is_under_way(tmp_path: Path) -> None:
    """What that opens is handed on; the new process would find the port taken."""
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    service = makeService(options("--config", str(file)))
    assert isinstance(service, TwistdService)
    refused = "SIGUSR2: with --chroot nothing can be started anew"
    service._twistd["chroot"] = "/srv"  # so that nothing is started, and a line says that it was asked for

    with capturedLogs() as events:
        service._succeed()
        assert [formatEvent(event) for event in events] == [refused]
        verdict: Deferred[None] = Deferred()
        gateway = service._gateway
        gateway.changes.apply(lambda: gateway.settings, "application", None, lambda _: verdict)
        service._succeed()
        assert [formatEvent(event) for event in events].count(refused) == 1
        verdict.callback(None)

    assert [formatEvent(event) for event in events].count(refused) == 2


def test_a_root_directory_without_the_gateway_is_refused(tmp_path: Path) -> None:
    """It would start, and fail with the first request for which something is loaded."""
    parsed = options("--proxy", "127.0.0.1:0=9001")
    parsed.parent = usage.Options()
    parsed.parent.update(nodaemon=True, chroot=str(tmp_path))
    module = Path(tap.__file__)

    with pytest.raises(SystemExit, match=rf"--chroot {tmp_path}: expected .* found no {tmp_path}{module}"):
        makeService(parsed)

    there = tmp_path / module.relative_to("/")
    there.parent.mkdir(parents=True)
    there.touch()
    assert isinstance(makeService(parsed), TwistdService)
