"""What plugins say of a configuration, at its place in the file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import ConfigError, plugin_classes
from gateway.config.doubts.plugins import plugins as doubts
from gateway.config.loading import load_with_doubts

Complaints = Callable[..., list[str]]

HEAD = "upstreams: [{name: a, backends: []}]\nroutes: [{path: /, upstream: a, plugins: [p]}]\n"


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("no_such_module.Stamp", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("tests.plugins.Nothing", "no `Nothing` in the module tests.plugins"),
        ("tests.plugins.NO_CLASS", "an int in the module tests.plugins"),
        (
            "tests.plugins:Hookless",
            "the class Hookless, which has none of on_request, on_response, on_finish, start",
        ),
        ("nobody-s", "no entry point of that name in the group gateway.plugins (none)"),
    ],
)
def test_a_class_that_is_none(complaints: Complaints, named: str, found: str) -> None:
    """With what is there instead."""
    lines = complaints(f"{HEAD}plugins:\n  - {{name: p, class: {named}}}\n", supported_only=True)

    assert lines == [f"gateway.yaml:4:22: plugins[0].class: expected a class that can be a plugin, found {found}"]


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ("{}", "4:43: plugins[0].config.prefix: expected a value: the key is required, found nothing"),
        (
            "{prefix: a, times: three}",
            (
                "4:63: plugins[0].config.times: expected a valid integer, unable to parse string as an integer, "
                'found "three"'
            ),
        ),
        ("{prefix: a, times: 9}", "4:63: plugins[0].config.times: expected less than or equal to 3, found 9"),
        ("{prefix: [a]}", "4:52: plugins[0].config.prefix: expected a valid string, found a list"),
        (
            "{prefix: a, tims: 3}",
            "4:56: plugins[0].config.tims: expected a known key, found an unknown key, did you mean `times`?",
        ),
    ],
)
def test_what_a_model_says(complaints: Complaints, config: str, line: str) -> None:
    """As the schema does."""
    text = f"{HEAD}plugins:\n  - {{name: p, class: tests.plugins.Strict, config: {config}}}\n"

    (found,) = complaints(text, supported_only=True)

    assert found.partition(": plugins")[2] == line.partition(": plugins")[2]
    assert found.startswith("gateway.yaml:4:")


def test_a_text_is_not_shown(complaints: Complaints) -> None:
    """It may be a token."""
    text = f"{HEAD}plugins:\n  - {{name: p, class: tests.plugins.Choosy, config: {{token: hunter2}}}}\n"

    (found,) = complaints(text, supported_only=True)

    assert found.endswith("plugins[0].config.token: expected a token of ours, found a text")


def test_a_route_that_names_no_plugin(complaints: Complaints) -> None:
    """At the route."""
    (found,) = complaints(f"{HEAD}plugins: []\n", supported_only=True)

    assert found.endswith('routes[0].plugins[0]: expected the name of a plugin, found "p"')


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("class: tests.plugins.SillyGuard, on_error: continue", "on_error: the plugin protects something"),
        ("class: tests.plugins.SillyGuard", None),
        ("class: tests.plugins.SillyGuard, on_error: reject", None),
        ("class: tests.plugins.Silly, on_error: continue", None),
    ],
)
def test_what_is_doubtful(tmp_path: object, load_text: Callable[..., object], more: str, words: str | None) -> None:
    """A plugin that protects, and lets pass; none that does not protect."""
    settings = load_text(f"{HEAD}plugins: [{{name: p, {more}}}]\n")

    found = [".".join(map(str, steps)) + ": " + said for steps, said in doubts(settings)]  # type: ignore[arg-type]

    assert [line for line in found if words is None or words not in line] == []
    assert bool(found) == (words is not None)


def test_a_plugin_in_vain(load_text: Callable[..., object]) -> None:
    """No route names it, or one does twice."""
    text = HEAD.replace("[p]", "[p, p]") + "plugins: [{name: p, class: a.B}, {name: q, class: a.B}]\n"

    assert [steps for steps, _ in doubts(load_text(text))] == [  # type: ignore[arg-type]
        ("plugins", 1, "name"),
        ("routes", 0, "plugins"),
    ]


def test_a_module_in_the_working_directory(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is found last, whichever program is started."""
    from pathlib import Path

    directory = Path(str(tmp_path))
    (directory / "plugin_of_here.py").write_text("class P:\n    def on_request(self, exchange): ...\n")
    monkeypatch.setattr("sys.path", [path for path in __import__("sys").path if path])
    monkeypatch.chdir(directory)

    assert plugin_classes.find("plugin_of_here.P").__name__ == "P"


def test_models() -> None:
    """A class of the plugin, or what its constructor asks for."""
    from tests import plugins

    assert plugin_classes.model_of(plugins.Strict) is plugins.Strict.Config
    assert plugin_classes.model_of(plugins.Choosy) is plugins.ChoosyConfig
    assert plugin_classes.model_of(plugins.Tell) is None
    assert plugin_classes.model_of(plugins.Loud) is None


def test_a_file_of_a_module_is_relative_to_the_configuration(tmp_path: Path) -> None:
    """As every file is."""
    file = tmp_path / "gateway.yaml"
    file.write_text(f"{HEAD}plugins: [{{name: p, class: 'wasm:filters/a.wasm'}}]\n")

    settings, _ = load_with_doubts(file, {}, supported_only=False)

    assert settings.plugins[0].file == str(tmp_path / "filters" / "a.wasm")


def test_a_module_without_what_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names a module and has not installed the extra is told which key asks for it, and what pip is to be asked."""
    monkeypatch.setitem(sys.modules, "wasmtime", None)  # as if it were not there, for whoever looks
    file = tmp_path / "gateway.yaml"
    file.write_text(f"{HEAD}plugins: [{{name: p, class: 'wasm:filters/a.wasm'}}]\n")

    with pytest.raises(ConfigError) as caught:
        load_with_doubts(file, {})

    (told,) = [str(problem) for problem in caught.value.problems if "wasmtime" in str(problem)]
    assert told.startswith(f"{file}:")
    assert told.endswith(
        "plugins[0].class: WebAssembly needs the package wasmtime, which is not installed: "
        "pip install 'twisted-api-gateway[wasm]'"
    )
