"""The layer table of ARCHITECTURE.md, held against the imports.

Who may import whom inside the package is said in pyproject.toml
(`[tool.importlinter]`); which foreign packages a layer may use, here.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_mirror import untested

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gateway"

MARKS = {"mypy_extensions"}
"""For the compiler of the hot path; nothing is done by them."""

DECIDES = {"hyperlink"}
READS_SETTINGS = DECIDES | {"dotenv", "pydantic", "pydantic_core", "yaml"}
DOES_IO = {
    "OpenSSL",
    "constantly",
    "cryptography",
    "hiredis",
    "httptools",
    "hyperlink",
    "orjson",
    "prometheus_client",
    "service_identity",
    "treq",
    "twisted",
    "txredisapi",
    "zope",
}

MAY_USE = {
    # 0: nouns
    "__init__": set[str](),
    # Whoever awaits one in a coroutine waits for a Deferred, and a failure is Twisted's; no I/O.
    "awaited": {"twisted.internet.defer", "twisted.python.failure"},
    "body": set[str](),
    "advice": set[str](),
    "errors": set[str](),
    "exchange": set[str](),
    "message": set[str](),
    "peer": set[str](),
    "headers": set[str](),
    "compiled": set[str](),
    "interfaces": DECIDES,
    # A filter that fails is written down, and who waits for the whole of a body waits for a Deferred; no I/O.
    "filters": {"twisted.internet.defer", "twisted.logger", "twisted.python.failure"},
    "principal": set[str](),
    "plugin": set(),
    "spans": set[str](),
    # 1: rules
    "config": READS_SETTINGS,
    "http": DECIDES | {"brotli", "idna", "orjson", "re2", "zstandard"},
    "http1": DECIDES | {"httptools"},
    "http2": DECIDES | {"ngh2"},
    # 2: decisions
    "balancing": DECIDES,
    "caching": DECIDES,
    "limiting": DECIDES,
    # Signatures and hashes are computed, not fetched: libraries do it, nothing waits.
    "identity": DECIDES | {"argon2", "bcrypt", "cryptography", "jwt", "orjson"},
    "resilience": DECIDES,
    "routing": DECIDES,
    # 3: edges
    "authorities": DOES_IO,
    "discovery": DOES_IO,
    "storage": DOES_IO | {"hiredis"},  # commands are packed
    "telemetry": DOES_IO,
    "transport": DOES_IO,
    "upstream": DOES_IO,
    "dialling": DOES_IO,
    "probing": DOES_IO,
    # 4: the chain waits for what the edges do, and does nothing on the network itself
    # (what runs WebAssembly computes only).
    "middleware": {"jwt", "orjson", "wasmtime", "twisted.internet.defer", "twisted.logger", "twisted.python.failure"},
    "forwarding": DOES_IO,
    # 5: doors
    "answering": DOES_IO,
    "serving": DOES_IO,
    "admin": DOES_IO,
    "listening": DOES_IO,
    # 6: composition
    "composition": DOES_IO,
    "memory": DOES_IO,
    "processes": DOES_IO,
    "rehearsal": DOES_IO | {"cryptography", "jwt"},  # tokens of callers that are made up are signed
    "recorded": {"orjson"},
    "simulation": DOES_IO,
    "importing": set(),
    # 7: commands
    "commands": {"click", "rich", "twisted", "zope"} | READS_SETTINGS,
    "cli": {"click", "rich", "twisted"} | READS_SETTINGS,
    "early": set(),
    "reasons": set[str](),
    "lifecycle": set[str](),  # the name that applications embed it by
    "tap": {"twisted"},
    # beside
    "testing": DOES_IO | {"pytest"},
}
"""Foreign packages, or parts of them, by the first name under `gateway`: a new one is a decision, written down here."""


def modules() -> Iterator[Path]:
    """Every module of the package, relative to it."""
    return (path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))


def imports(module: Path) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it; `from a import b` is `a.b`."""
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(module: Path) -> str:
    """The first name under `gateway`."""
    return module.parts[0].removesuffix(".py")


def test_imports_point_down() -> None:
    """The contracts in pyproject.toml hold: layers, no circles, the chain's limits, nobody imports `testing`."""
    # A process of its own: where zope.interface is loaded, import-linter's classes cannot be asked for their fields.
    lint = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache', '--no-logo'])"

    done = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_import_counts() -> None:
    """Also those for annotations only; there are no exceptions."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    forgiven = {each for contract in rules["contracts"] for each in contract.get("ignore_imports", [])}

    assert rules["exclude_type_checking_imports"] is False
    assert forgiven == set()


@pytest.mark.parametrize("module", list(modules()), ids=str)
def test_a_layer_uses_the_foreign_packages_of_its_row(module: Path) -> None:
    """Rules and decisions have no Twisted, only settings have pydantic and YAML, only the commands have click."""
    known = sys.stdlib_module_names | {"gateway"} | MARKS | MAY_USE[part(module)]

    assert [name for name in imports(module) if not any(f"{name}.".startswith(f"{prefix}.") for prefix in known)] == []


def test_each_module_has_its_test() -> None:
    """Of its name, or named by its docstring (`tests/test_mirror.py` says how, and whether they are the right ones)."""
    assert untested() == []


def test_the_reactor_comes_in_by_two_doors() -> None:
    """By twistd, and by GatewayService for an application that names none; all else gets it as an argument."""
    importers = [str(module) for module in modules() if "twisted.internet.reactor" in imports(module)]

    assert importers == ["composition/lifecycle.py", "tap.py"]


def test_no_package_hides_twisted() -> None:
    """An __init__.py in ./twisted would hide Twisted from programs that run in the checkout."""
    assert not list((ROOT / "twisted").rglob("__init__.py"))
