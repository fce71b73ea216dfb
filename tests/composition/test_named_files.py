"""A file that a configuration names and that cannot be used: said with the line that names it, whoever reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import BaseModel
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, eventAsText

from gateway.cli import main
from gateway.composition.lifecycle import GatewayService
from gateway.config import ConfigError, Settings
from gateway.config.named_files import _atoms, _is_file
from gateway.memory.network import MemoryNetwork
from tests.admin.api import Api
from tests.composition.world import CONFIGURATION, World
from tests.tokens import private_pem, rsa_key

ROUTES = "routes: [{name: orders, path: /orders/*, upstream: orders}]"
BACKENDS = 'backends: [{url: "http://127.0.0.1:9001"}]'
SECURE = 'backends: [{url: "https://127.0.0.1:9001"}]'
PEM = "tests/composition/test_named_files.py"  # a file that is there, and has no certificate


def guarded(auth: str, way: str) -> Callable[[str], str]:
    """Put a way of authenticating on the route."""
    guards = "{name: orders, path: /orders/*, upstream: orders, auth: " + way + "}"
    return lambda text: text.replace(ROUTES, f"routes: [{guards}]\nauth:\n  {auth}")


def instead(before: str, after: str) -> Callable[[str], str]:
    """Put something in the place of something else."""
    return lambda text: text.replace(before, after)


OIDC = "url: https://127.0.0.1/a"
DISCOVERED = "discovery: {type: consul, url: https://127.0.0.1, service: a, ca: FILE}"
CASES = {
    "error_pages.404": instead("timeouts:", "error_pages: {404: FILE}\ntimeouts:"),
    "routes[0].error_pages.404": instead("upstream: orders}]", "upstream: orders, error_pages: {404: FILE}}]"),
    "defaults.route.error_pages.404": instead("timeouts:", "defaults: {route: {error_pages: {404: FILE}}}\ntimeouts:"),
    "defaults.upstream.tls.ca": lambda text: text.replace(BACKENDS, SECURE).replace(
        "timeouts:", "defaults: {upstream: {tls: {ca: FILE}}}\ntimeouts:"
    ),
    "groups.g.respond.file": lambda text: text.replace("upstream: orders}]", "group: g}]").replace(
        "timeouts:", "groups: {g: {respond: {file: FILE}}}\ntimeouts:"
    ),
    "routes[0].respond.file": instead("upstream: orders}]", "respond: {file: FILE}}]"),
    "upstreams[0].tls.ca": instead(BACKENDS, "tls: {ca: FILE}, " + SECURE),
    "upstreams[0].tls.client_cert": instead(BACKENDS, "tls: {client_cert: FILE}, " + SECURE),
    "upstreams[0].tls.client_key": instead(
        BACKENDS, f"tls: {{client_cert: {Path(PEM).absolute()}, client_key: FILE}}, {SECURE}"
    ),
    "upstreams[0].discovery.ca": instead(BACKENDS, DISCOVERED),
    "redis.tls.ca": guarded(
        "api_keys: {store: redis, pepper: p}\nredis: {url: rediss://127.0.0.1, tls: {ca: FILE}}", "{type: api_key}"
    ),
    "log_shipping.ca": instead("timeouts:", "log_shipping: {url: https://127.0.0.1, ca: FILE}\ntimeouts:"),
    "auth.basic.users_file": guarded("basic: {users_file: FILE}", "{type: basic}"),
    "auth.mtls.crl[0]": instead("timeouts:", "auth: {mtls: {crl: [FILE]}}\ntimeouts:"),
    "auth.jwt.default.public_key_file": guarded(
        "jwt: {default: {algorithms: [RS256], public_key_file: FILE}}", "{type: jwt}"
    ),
    "auth.jwt.default.jwks_ca": guarded(
        "jwt: {default: {algorithms: [RS256], jwks_url: https://127.0.0.1/k, jwks_ca: FILE}}", "{type: jwt}"
    ),
    "auth.oauth.signing_key_file": instead(
        "timeouts:", "auth: {oauth: {issuer: a, audience: b, signing_key_file: FILE}}\ntimeouts:"
    ),
    "auth.oauth.previous_key_files[0]": instead(
        "timeouts:",
        "auth: {oauth: {issuer: a, audience: b, previous_key_files: [FILE], signing_key_file: KEY}}\ntimeouts:",
    ),
    "auth.introspection.a.ca": guarded(
        "introspection: {a: {url: https://127.0.0.1/i, ca: FILE}}", "{type: introspection, verifier: a}"
    ),
    "auth.forward.a.ca": guarded("forward: {a: {url: https://127.0.0.1/f, ca: FILE}}", "{type: forward, verifier: a}"),
}


def written(case: str, file: Path, text: str = CONFIGURATION) -> tuple[str, str]:
    """Return a configuration, and where in it the file is named: `LINE:COLUMN`."""
    text = CASES[case](text)
    before, found, _ = text.partition("FILE")
    assert found
    line = before.count("\n") + 1
    signs = file.with_name("key.pem")
    signs.write_bytes(private_pem(rsa_key()))
    return text.replace("FILE", str(file)).replace("KEY", str(signs)), f"{line}:{len(before) - before.rfind(chr(10))}"


@pytest.fixture(params=["missing", "pipe"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One that is not there, and a named pipe to which nobody writes."""
    made: Path = tmp_path / request.param
    if request.param == "pipe":
        os.mkfifo(made)
    return made


def test_no_file_is_without_its_case() -> None:
    """Who adds a key for a file adds a line above."""
    said = {re.sub(r"\[0\]|\.404|\.default\b|(?<=\.)[ag]\.", "", case) for case in CASES}

    # What is taken over from groups and defaults, and the keys of other `tls` sections, are read by the same functions.
    others = {key for key in file_keys(Settings) if key.startswith(("groups.", "defaults.", "redis.tls.client_"))}
    assert set(file_keys(Settings)) - others <= said


def file_keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Yield the keys that are files, without numbers and names."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        if _is_file((field.annotation, field.metadata)):
            yield above + key
        for inner in {one for one in _atoms(field.annotation) if isinstance(one, type) and issubclass(one, BaseModel)}:
            yield from file_keys(inner, f"{above}{key}.")


@pytest.mark.parametrize("case", CASES)
def test_a_start_and_a_check_say_where_it_is_named(tmp_path: Path, case: str, file: Path) -> None:
    """And do not wait for a writer of a named pipe."""
    path = tmp_path / "gateway.yaml"
    text, where = written(case, file)
    path.write_text(text)
    clock = Clock()

    with pytest.raises(ConfigError) as caught:
        GatewayService(path, clock, watch=False, environ={}, dialer=MemoryNetwork(clock))
    result = CliRunner().invoke(main, ["check", str(path)])

    assert str(caught.value).startswith(f"{path}:{where}: {case}: ")
    assert str(file) in str(caught.value)
    assert result.exit_code == 1
    assert str(caught.value) in result.output


@pytest.mark.parametrize("case", CASES)
def test_a_reload_says_where_it_is_named(running: World, case: str, file: Path) -> None:
    """In the log; what is in force stays."""
    text, where = written(case, file)
    running.path.write_text(text)
    with capturedLogs() as events:
        assert not running.reload()

    said = [str(eventAsText(event)) for event in events if "was not applied" in str(eventAsText(event))]
    assert len(said) == 1
    assert f"{running.path}:{where}: {case}: " in said[0]
    assert "Traceback" not in said[0]


@pytest.mark.parametrize("case", CASES)
def test_the_admin_api_says_where_it_is_named(tmp_path: Path, case: str, file: Path) -> None:
    """In what was sent, before anything is in force: a check, a plan and a change alike."""
    api = Api(tmp_path / "gateway.yaml", CONFIGURATION.replace('"tcp:9"', '"tcp:9", token: t'))
    text, where = written(case, file, api.path.read_text())
    try:
        answers: list[Any] = [
            api.ask("PUT", "/config", text, token="t"),
            api.ask("POST", "/config/plan", text, token="t"),
        ]

        assert [answer.status for answer in answers] == [422, 422]
        assert [answer.places for answer in answers] == [[f"{where} {case}"]] * 2
    finally:
        api.stop()
