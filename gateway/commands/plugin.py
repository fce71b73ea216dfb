"""`gateway plugin new NAME`: a project of a plugin, which can be installed, and whose tests pass.

What it writes is made to be changed: a plugin that does something small, its tests with the fixture that comes with
the gateway, and a configuration to try it with.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

import click

from gateway.commands.reading import CouldNot

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")

_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "0.1.0"
description = "A plugin for twisted-api-gateway"
requires-python = ">=3.11"
dependencies = ["twisted-api-gateway"]

[project.optional-dependencies]
test = ["pytest"]

# What a configuration calls it: `class: {name}`.
[project.entry-points."gateway.plugins"]
{name} = "{package}:{kind}"

[tool.setuptools.packages.find]
where = ["src"]

[tool.pytest.ini_options]
testpaths = ["tests"]
"""

_PLUGIN = '''\
"""{kind}: a plugin for the gateway.

It says in a field of each answer how long the exchange has taken so far. Change it into what you need: `gateway.plugin`
has all that there is to import, and its docstring says which methods a plugin may have.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gateway.plugin import Exchange, Services


class Config(BaseModel):
    """What the configuration may say under `config`; what is wrong with it is told with file, line and column."""

    model_config = ConfigDict(extra="forbid")

    header: str = "X-Took"


class {kind}:
    """Tells clients how long their exchanges took."""

    def __init__(self, config: Config) -> None:
        self._name = config.header.encode()

    def start(self, services: Services) -> None:
        """Keep what the gateway hands over; called once, before the first exchange."""
        self._now = services.now

    def on_response(self, exchange: Exchange) -> None:
        """Add the field."""
        milliseconds = (self._now() - exchange.started) * 1000
        exchange.response.headers.set(self._name, b"%.1f ms" % milliseconds)
'''

_TYPED = ""

_TESTS = '''\
"""What the plugin does to exchanges, in a gateway in memory whose clock moves when the test says so."""

from __future__ import annotations

import pytest

from gateway.config import ConfigError
from {package} import {kind}


def test_answers_say_how_long_they_took(gateway_harness):
    """From the request's head on."""
    gateway = gateway_harness({kind})
    gateway.backend("backend").stall()
    client = gateway.send(b"GET / HTTP/1.1\\r\\nHost: example.com\\r\\n\\r\\n")

    gateway.advance(1.5)
    gateway.backend("backend").connection.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    gateway.network.pump()

    assert b"X-Took: 1500.0 ms" in client.received


def test_errors_say_it_too(gateway_harness):
    """Under the name that is configured."""
    gateway = gateway_harness({kind}, {{"header": "X-Time"}})
    gateway.backend("backend").refuse_connections()

    response = gateway.get("/")

    assert response.status == 502
    assert response.headers.get(b"x-time") == b"0.0 ms"


def test_a_configuration_that_it_cannot_use(gateway_harness):
    """Is refused when it is read."""
    with pytest.raises(ConfigError, match="expected a known key"):
        gateway_harness({kind}, {{"haeder": "X-Time"}})
'''

_CONFIGURATION = """\
# gateway run gateway.yaml, and then: curl -i http://127.0.0.1:8080/
listeners: [{{endpoint: "tcp:8080:interface=127.0.0.1"}}]
plugins:
  - {{name: {name}, class: {name}, config: {{header: X-Took}}}}
routes:
  - {{path: /*, respond: {{body: hello}}, plugins: [{name}]}}
"""

_README = """\
# {name}

A plugin for twisted-api-gateway.

    pip install -e '.[test]'      # where the gateway is installed
    pytest
    gateway run gateway.yaml

`src/{package}/__init__.py` is the plugin, `tests` has its tests, `gateway.yaml` a configuration to try it with.
"""


@click.group()
def plugin() -> None:
    """Write plugins: middleware of your own.

    Exits with 0, and with 2 where it could not write.
    """


@plugin.command()
@click.argument("name")
@click.option(
    "--directory", "-d", type=click.Path(path_type=Path), default=None, help="Where to; by default NAME, here."
)
def new(name: str, directory: Path | None) -> None:
    """Make a project of a plugin: installable, with tests that pass.

    NAME is what configurations call it, such as `our-stamp`.

    Exits with 0, and with 2 where it could not write: the name is taken, or the directory is not empty.
    """
    package = name.replace("-", "_")
    if not _NAME.fullmatch(name):
        raise click.BadParameter("lower-case letters and digits, with `-` or `_` between them", param_hint="NAME")
    if iskeyword(package):
        raise click.BadParameter(f"`{package}` is a word of Python: nobody could import it", param_hint="NAME")
    if find_spec(package) is not None:
        raise click.BadParameter(f"there is a package {package} already, which it would hide", param_hint="NAME")
    target = directory or Path(name)
    if target.exists() and any(target.iterdir()):
        raise CouldNot(f"{target} exists, and is not empty.")
    words = {"name": name, "package": package, "kind": "".join(part.capitalize() for part in package.split("_"))}
    for path, text in (
        ("pyproject.toml", _PYPROJECT),
        ("README.md", _README),
        ("gateway.yaml", _CONFIGURATION),
        (f"src/{package}/__init__.py", _PLUGIN),
        (f"src/{package}/py.typed", _TYPED),
        (f"tests/test_{package}.py", _TESTS),
    ):
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(**words) if text else text)
        click.echo(f"wrote {file}")
    click.echo(f"\nNext:\n  cd {target}\n  pip install -e '.[test]'\n  pytest\n  gateway run gateway.yaml")
