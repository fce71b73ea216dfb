"""Each module has its test: the one of its name, or those that its docstring names.

`gateway/a/b.py` is tested in `tests/a/test_b.py`, or says where in a line of its docstring: ``Tests: `PATH`.``, with
the file of a test that imports the module, or one test of a file (`tests/flow/test_x.py::test_y`), which is then run
to see that it goes through the module. A package's `__init__` may be tested beside the package too. Modules without a
function that does anything (declarations, tables) need none.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"^Tests: (.+?)\.$", re.MULTILINE)


def does_something(node: ast.AST) -> bool:
    """Whether a node is a function with more than a docstring, an ellipsis or `raise NotImplementedError` in it."""
    if isinstance(node, ast.Lambda):
        return True
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    rest = [each for each in node.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
    return any(ast.unparse(each) != "raise NotImplementedError" for each in rest)


def modules() -> list[Path]:
    """Every module that does something, relative to the checkout."""
    found = (path.relative_to(ROOT) for path in sorted((ROOT / "gateway").rglob("*.py")))
    return [each for each in found if any(map(does_something, ast.walk(ast.parse((ROOT / each).read_text()))))]


def named(module: Path) -> list[str]:
    """The tests that a module names."""
    docstring = ast.get_docstring(ast.parse((ROOT / module).read_text())) or ""
    return [name for line in NAMED.findall(docstring) for name in re.findall(r"`([^`]+)`", line)]


def mirrors(module: Path) -> list[Path]:
    """Where the test of a module's name would be."""
    place = Path("tests", *module.parts[1:-1])
    if module.stem != "__init__":
        return [place / f"test_{module.stem}.py"]
    return [place / f"test_{place.name}.py", place.parent / f"test_{place.name}.py"]


def imports(test: Path, module: Path) -> bool:
    """Whether a file of tests imports a module by its own name."""
    dotted = ".".join(module.with_suffix("").parts)
    package, _, name = dotted.rpartition(".")
    for node in ast.walk(ast.parse((ROOT / test).read_text())):
        if isinstance(node, ast.Import) and dotted in {alias.name for alias in node.names}:
            return True
        if isinstance(node, ast.ImportFrom) and (
            node.module == dotted or (node.module == package and name in {alias.name for alias in node.names})
        ):
            return True
    return False


def untested() -> list[str]:
    """What is to be done for modules that have no test; `tests/test_layers.py` asks."""
    return [word for module in modules() for word in missing(module)]


def missing(module: Path) -> list[str]:
    """What one module lacks."""
    if any((ROOT / mirror).exists() for mirror in mirrors(module)):
        return []
    tests = [test.partition("::") for test in named(module)]
    if not tests:
        return [f"{module}: write {mirrors(module)[0]}, or name its test in the docstring: Tests: `PATH::NAME`."]
    gone = [
        f"{module} names {path}{mark}{name}, which is not there" for path, mark, name in tests if not there(path, name)
    ]
    return gone or [
        f"{module} names {path}, which does not import it: name one test of it, PATH::NAME"
        for path, _, name in tests
        if not name and not imports(Path(path), module)
    ]


def there(path: str, name: str) -> bool:
    """Whether there is such a file and, where a test is named, that test in it."""
    file = ROOT / path
    return file.is_file() and (not name or f"def {name.rpartition('::')[2]}(" in file.read_text())


@pytest.mark.timeout(200)
def test_the_tests_that_are_named_go_through_the_module() -> None:
    """They are run, and the functions that they enter are written down."""
    claimed = [
        (test, module)
        for module in modules()
        if not any((ROOT / mirror).exists() for mirror in mirrors(module))
        for test in named(module)
        if "::" in test
    ]

    wanted: dict[str, list[str]] = {}
    for test, module in claimed:
        wanted.setdefault(test, []).append(str(module))
    entered = run_and_look(wanted)

    assert [
        f"{test} does not go through {module}" for test, module in claimed if str(module) not in entered[test]
    ] == []


def run_and_look(wanted: dict[str, list[str]]) -> dict[str, list[str]]:
    """Run tests in a process of their own; returns the modules of the package of which each entered a function.

    A test of many cases is run until the modules wanted of it were entered: any case will do.
    """
    done = subprocess.run(
        [sys.executable, "-c", LOOK, json.dumps(wanted), *sorted(wanted)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.rpartition("\n==\n")[2])
    return found


LOOK = """
import json, os, sys
import pytest

wanted, tests = json.loads(sys.argv[1]), sys.argv[2:]
entered, here = {}, os.path.join(os.getcwd(), "gateway") + os.sep

class Look:
    def pytest_runtest_protocol(self, item):
        seen = entered.setdefault(item.nodeid.partition("[")[0], set())
        def note(frame, event, argument):
            code = frame.f_code
            if event == "call" and code.co_flags & 1 and code.co_filename.startswith(here):
                seen.add(os.path.relpath(code.co_filename))
        sys.setprofile(note)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        name = pyfuncitem.nodeid.partition("[")[0]
        return True if entered[name].issuperset(wanted[name]) else None

    def pytest_runtest_logfinish(self, nodeid, location):
        sys.setprofile(None)

code = pytest.main(["-q", "-p", "no:cacheprovider", *tests], plugins=[Look()])
print("\\n==\\n" + json.dumps({name: sorted(paths) for name, paths in entered.items()}))
sys.exit(code)
"""
