"""What a route of Kong's is for, in our words."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, routes


def route(written: str, directory: Path, version: str = "3.0") -> Draft:
    """Import a route."""
    text = f'_format_version: "{version}"\nservices:\n- name: a\n  url: http://a/b\n  routes:\n'
    return imported("kong", f"{text}  - {{name: r, {written}}}\n", directory)


def sent(draft: Draft) -> str:
    """What the first test says that the backend gets."""
    path: str = draft.tests[0].data["expect"]["sent"]["path"]
    return path


@pytest.mark.parametrize(
    ("written", "path", "asked", "passed"),
    [
        ("paths: [/o]", "/o/*", "/o/7", "/b/7"),
        ("paths: [/o/]", "/o/*", "/o/7", "/b/7"),
        ("paths: [/o], strip_path: false", "/o/*", "/o/7", "/b/o/7"),
        ("paths: [/o, /p], strip_path: false", ["/o/*", "/p/*"], "/o/7", "/b/o/7"),
        ("hosts: [a.example]", "/*", "/7", "/b/7"),
        (r"paths: ['~/o/\d+$'], strip_path: false", r"~/o/\d+", "/o/1", "/b/o/1"),
        ("paths: ['~/(?<v>v1|v2)/x']", "~(?:/(?P<v>v1|v2)/x).*", "/v1/x/7", "/b/7"),
    ],
)
def test_paths(tmp_path: Path, written: str, path: object, asked: str, passed: str) -> None:
    """Prefixes, and expressions that Kong anchors at the beginning only; what backends get is by Kong's rules."""
    draft = route(written, tmp_path)

    assert routes(draft)["r"]["path"] == path
    assert draft.tests[0].data["request"]["url"].endswith(asked)
    assert sent(draft) == passed


def test_before_3_0_a_character_makes_an_expression(tmp_path: Path) -> None:
    """There was no `~`."""
    assert routes(route(r"paths: ['/o/\d+$']", tmp_path, "2.1"))["r"]["path"] == r"~/o/\d+"


def test_each_prefix_that_is_taken_away_is_a_route(tmp_path: Path) -> None:
    """Since what is taken away is said by the route."""
    assert {name: one["path"] for name, one in routes(route("paths: [/o, /p]", tmp_path)).items()} == {
        "r": "/o/*", "r-2": "/p/*",
    }  # fmt: skip


def test_fields_are_compared_without_their_case(tmp_path: Path) -> None:
    """One of several values, or an expression."""
    draft = route("headers: {x-v: ['2'], x-s: [beta, b], x-e: ['~*^a.c$']}", tmp_path)

    assert routes(draft)["r"]["headers"] == {"x-v": "2", "x-s": "~(?i)^(?:beta|b)$", "x-e": "~(?i)^a.c$"}
    assert draft.tests[0].data["request"]["headers"] == {"x-v": "2", "x-s": "beta", "x-e": "aac"}


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("protocols: [https]", "protocols"),
        ("hosts: ['a.example:8443']", "hosts[0]"),
        ("hosts: ['a.*']", "hosts[0]"),
        ("paths: ['~/(?=x)']", "paths[0]"),
        ("paths: ['/a b']", "paths[0]"),
        ("methods: [FROB]", "methods[0]"),
        ("path_handling: v1", "path_handling"),
    ],
)
def test_what_a_route_cannot_say_is_listed(tmp_path: Path, written: str, what: str) -> None:
    """With its line."""
    assert (6, f"services[0].routes[0].{what}") in left(route(written, tmp_path))


def test_a_route_for_hosts_that_cannot_be_said_is_not_for_every_host(tmp_path: Path) -> None:
    """It is not there."""
    assert routes(route("hosts: ['a.*'], paths: [/]", tmp_path)) == {}


@pytest.mark.parametrize(
    "written",
    [
        "snis: [a.example]",
        "expression: 'http.path ^= \"/secret\" && net.src.ip in 10.0.0.0/8'",
        "sources: [{ip: 10.0.0.0/8}]",
        "paths: [/a], methods: ['G E T']",
        "paths: [/a], hosts: ['a.*']",
        "paths: [/a], headers: {x-internal: [true]}",
        "paths: [/a], headers: {x-internal: [yes, false]}",
    ],
)
def test_a_route_whose_condition_cannot_be_said_is_left_out(tmp_path: Path, written: str) -> None:
    """Without its condition it would take requests that are not for it."""
    draft = route(written, tmp_path)

    assert routes(draft) == {}
    assert (6, "services[0].routes[0]") in left(draft)


def test_an_empty_list_is_no_condition(tmp_path: Path) -> None:
    """As in Kong, whose exports write empty lists out: the route is there, for every host, path and method."""
    draft = route("hosts: [], methods: [], paths: [], snis: []", tmp_path)

    assert routes(draft)["r"]["path"] == "/*"
    assert left(draft) == []
