from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gateway.commands.new.starter import COMPOSE, CONFIGURATION, TESTS, Issuer, Key, Starter, files
from gateway.config import load
from gateway.config.linting import lint
from gateway.rehearsal.judging import judge

PLAIN = Starter(8080, "/*", "http://127.0.0.1:9001", None, 600)

STARTERS = {
    "anybody": PLAIN,
    "a key": PLAIN._replace(who=Key("first", "sha256:" + 64 * "0"), path="/api/*"),
    "a token": PLAIN._replace(who=Issuer("https://issuer.example.com/", "https://api.example.com: *"), limit=7),
    "no limit": PLAIN._replace(limit=0, path='/a "b"/*'.replace(" ", "-").replace('"', "'")),
    "on the Internet": PLAIN._replace(backend="https://example.org/base", port=80),
    "a number for a name": PLAIN._replace(who=Issuer("https://issuer.example.com", "12345")),
    "version 6": PLAIN._replace(backend="http://[::1]:9001"),
}


def written(starter: Starter, directory: Path) -> Path:
    """Write the files; returns the directory of the configuration."""
    for name, text in files(starter).items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return directory / "etc"


@pytest.mark.parametrize("kind", STARTERS)
def test_what_is_written_is_without_a_doubt_and_passes_its_tests(kind: str, tmp_path: Path) -> None:
    """Whatever was answered: a newcomer's first file is none to be mended."""
    etc = written(STARTERS[kind], tmp_path)

    settings = load(etc, {})
    verdicts = list(judge(settings, range(len(settings.tests)), 1))

    assert lint(str(etc), {}).findings == []
    assert [verdict.title for verdict in verdicts if not verdict.passed] == []
    assert len(verdicts) >= 2


@pytest.mark.parametrize("kind", STARTERS)
def test_a_test_of_it_notices_when_a_rule_is_taken_out(kind: str, tmp_path: Path) -> None:
    """Without the route's `auth` and `rate_limit` something fails, where there was one of them."""
    starter = STARTERS[kind]
    etc = written(starter, tmp_path)
    file = tmp_path / CONFIGURATION
    file.write_text(re.sub(r"^    (auth|rate_limit): .*\n", "", file.read_text(), flags=re.MULTILINE))

    settings = load(etc, {})
    failed = [verdict for verdict in judge(settings, range(len(settings.tests)), 1) if not verdict.passed]

    assert bool(failed) is (starter.who is not None or starter.limit > 0)


def test_the_environment_may_name_another_service(tmp_path: Path) -> None:
    """The same file is used in a container, from which this machine has another name."""
    etc = written(PLAIN, tmp_path)

    assert load(etc, {}).upstreams[0].backends[0].url == "http://127.0.0.1:9001"
    assert load(etc, {"BACKEND_URL": "http://app:80"}).upstreams[0].backends[0].url == "http://app:80"


@pytest.mark.parametrize(
    ("backend", "seen", "is_near"),
    [
        ("http://127.0.0.1:9001", "http://host.docker.internal:9001", True),
        ("http://localhost", "http://host.docker.internal", True),
        ("http://[::1]:9001/base", "http://host.docker.internal:9001/base", True),
        ("https://example.org", "https://example.org", False),
    ],
)
def test_a_container_reaches_a_service_on_its_machine_by_another_name(backend: str, seen: str, is_near: bool) -> None:
    """Its own loopback address is the container's."""
    service = yaml.safe_load(files(PLAIN._replace(backend=backend, port=81))[COMPOSE])["services"]["gateway"]

    assert service["environment"] == {"BACKEND_URL": seen}
    assert ("extra_hosts" in service) is is_near
    assert service["ports"] == ["81:81"]
    assert service["volumes"] == ["./etc:/etc/gateway:ro"]


def test_no_file_but_configuration_and_tests_is_where_the_gateway_reads() -> None:
    """It reads every YAML file of its directory: the one for compose is outside."""
    assert sorted(files(PLAIN)) == [COMPOSE, CONFIGURATION, TESTS]
    assert {name for name in files(PLAIN) if name.startswith("etc/")} == {CONFIGURATION, TESTS}
