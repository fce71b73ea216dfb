"""What the admin API has changed, over the files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from gateway.config.overlays import HEAD, NOTHING, on_disk, parse
from gateway.config.sources import Source

FILES = """
admin: {overlay: kept/overlay.yaml}
upstreams: [{name: u, backends: [{url: "http://127.0.0.1:1"}]}]
routes:
  - {name: a, path: /a, upstream: u}
  - {path: /b, respond: {}}
  - {path: "/${WHERE:-c}", respond: {}}
"""


def loaded(tmp_path: Path, overlay: str, files: str = FILES, environ: dict[str, str] | None = None) -> list[str]:
    """Start from files and an overlay; returns the patterns of the routes."""
    (tmp_path / "kept").mkdir(exist_ok=True)
    (tmp_path / "kept/overlay.yaml").write_text(overlay)
    (tmp_path / "gateway.yaml").write_text(files)
    return [route.pattern for route in load(tmp_path / "gateway.yaml", environ or {}).routes]


@pytest.mark.parametrize(
    ("overlay", "patterns"),
    [
        ("{}", ["/a", "/b", "/c"]),
        ("routes: [{name: a, path: /A, respond: {}}, {name: new, path: /n, respond: {}}]", ["/A", "/b", "/c", "/n"]),
        ("routes: [{name: /b, path: /B, respond: {}}]", ["/a", "/B", "/c"]),
        ("deleted: {routes: [/b, gone]}", ["/a", "/c"]),
        ("deleted: {routes: [/c]}", ["/a", "/b"]),
        ("deleted: {routes: [a, /b, /c]}", []),
        ("replace: {routes: [{name: only, path: /o, respond: {}}]}", ["/o"]),
        ("replace: {}\nroutes: [{name: x, path: '${X:-/x}', respond: {}}]", ["/x"]),
    ],
)
def test_an_overlay_goes_over_the_files_by_name(tmp_path: Path, overlay: str, patterns: list[str]) -> None:
    """In the place that the files have; what is new comes last. Names that are made from paths count too."""
    assert loaded(tmp_path, overlay) == patterns


def test_the_environment_goes_over_the_files_below_the_overlay(tmp_path: Path) -> None:
    """Numbers are those of the files, and stay those."""
    environ = {"GATEWAY__ROUTES__1__PATH": "/env", "WHERE": "where"}
    overlay = "deleted: {routes: [a]}\nroutes: [{name: /where, path: /w, respond: {}}]"

    assert loaded(tmp_path, overlay, environ=environ) == ["/env", "/w"]


def test_files_that_are_set_aside_need_only_be_readable(tmp_path: Path) -> None:
    """What is wrong with their keys does not keep the gateway from starting."""
    overlay = "replace: {routes: [{name: only, path: /o, respond: {}}]}"

    assert loaded(tmp_path, overlay, FILES + "limit: 3\nx: ${NOWHERE}\n") == ["/o"]
    with pytest.raises(ConfigError, match=r"gateway\.yaml:8:1: expected YAML"):
        loaded(tmp_path, overlay, FILES + "]")


@pytest.mark.parametrize(
    ("overlay", "complaint"),
    [
        ("routes: [{name: new, path: 3, respond: {}}]", "overlay.yaml:1:28: routes[3].path: expected"),
        ("rotes: []", "overlay.yaml:1:1: rotes: expected a known key"),
        ("routes: {}", "overlay.yaml:1:9: routes: expected a list"),
        ("routes: [{path: /x}]", "overlay.yaml:1:10: routes[0]: expected a mapping with a name"),
        ("replace: []", "overlay.yaml:1:10: replace: expected a mapping of sections"),
        ("deleted: {routes: [[]]}", "overlay.yaml:1:20: deleted.routes[0]: expected a name"),
        ("rate_limits: {}", "overlay.yaml:1:14: rate_limits: expected a list"),
        ("", "overlay.yaml:1:1: expected an overlay"),
        ("a: [", "overlay.yaml:"),
        ("replace: {admin: {overlay: other.yaml}}", "overlay.yaml:1:28: admin.overlay: expected the file"),
        ("deleted: {upstreams: [u]}", "gateway.yaml:5:35: routes[0].upstream: expected the name of an upstream"),
    ],
)
def test_an_overlay_that_is_wrong_is_refused_with_its_place(tmp_path: Path, overlay: str, complaint: str) -> None:
    """The start refuses."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, overlay)
    assert complaint in str(caught.value)


def test_an_overlay_that_would_be_read_as_configuration_is_refused(tmp_path: Path) -> None:
    """In a directory whose files are merged, it would count twice."""
    (tmp_path / "a.yaml").write_text("admin: {overlay: overlay.yaml}\n")
    with pytest.raises(ConfigError, match=r"a\.yaml:1:18: admin\.overlay: expected a file that is not read"):
        load(tmp_path, {})
    (tmp_path / "a.yaml").write_text("admin: {overlay: overlay.state}\n")
    load(tmp_path, {})
    (tmp_path / "b.yaml").write_text("admin: {overlay: b.yaml}\n")
    with pytest.raises(ConfigError, match=r"b\.yaml:1:18: admin\.overlay"):
        load(tmp_path / "b.yaml", {})


def test_no_file_is_no_overlay_and_an_unreadable_one_is_an_error(tmp_path: Path) -> None:
    """A directory, say, or bytes that are no text."""
    assert on_disk(None) is NOTHING
    assert on_disk(tmp_path / "none") is NOTHING
    (tmp_path / "bytes").write_bytes(b"\xff")
    for path in (tmp_path, tmp_path / "bytes"):
        with pytest.raises(ConfigError, match="expected an overlay that can be read"):
            on_disk(path)


def test_an_overlay_is_written_as_it_is_read() -> None:
    """The document is that of `admin.overlay`."""
    text = (
        HEAD + "replace:\n  limits:\n    in_flight: 5\nroutes:\n- name: a\n  path: ${X}\n"
        'plugins:\n- name: "1"\nrate_limits: []\ndeleted:\n  routes:\n  - "b $${c}"\n'
    )

    overlay = parse(Source("overlay.yaml", text))

    assert overlay.text() == text
    assert overlay.deleted["routes"] == ("b ${c}",)
    assert not overlay.empty
    assert parse(Source("overlay.yaml", NOTHING.text())).empty


def test_a_pipe_is_no_overlay(tmp_path: Path) -> None:
    """The start does not wait until somebody writes to it."""
    os.mkfifo(tmp_path / "overlay")

    with pytest.raises(ConfigError, match="found an error: it is no regular file"):
        on_disk(tmp_path / "overlay")
