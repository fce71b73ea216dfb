"""Redirects that lead nowhere, or to text that was meant to stand for something else."""

from __future__ import annotations

from cProfile import Profile
from pathlib import Path

import pytest

from gateway.config import load, load_with_doubts
from gateway.config.doubts.answers import answers
from gateway.config.doubts.paths import Paths


def doubts(directory: Path, *routes: str) -> list[str]:
    """List the doubts about the redirects of a configuration with these routes."""
    file = directory / "g.yaml"
    file.write_text("routes:\n" + "".join(f"  - {{{route}}}\n" for route in routes))
    return [f"{doubt.path}: {doubt.message}" for doubt in load_with_doubts(file, {})[1]]


@pytest.mark.parametrize(
    ("path", "target", "said"),
    [
        ("/o/*", "/n/*", "`*`: clients would be sent to it as it stands; what `/{*rest}`"),
        ("/o/:id", "/n/:id", "`:id`: clients would be sent to it as it stands; the parameter is `${param.id}`"),
        ("~/o/(.*)", "/n/$1", "`$1`: clients would be sent to it as it stands; a group with a name"),
        ("/o/*", "/n$request_uri", "`$request_uri`: clients would be sent to it as it stands; `${path}` is"),
    ],
)
def test_what_other_gateways_put_something_in_the_place_of(tmp_path: Path, path: str, target: str, said: str) -> None:
    """Here it is text; a dollar sign, a colon and a star elsewhere in a segment are text everywhere."""
    (found,) = doubts(tmp_path, f"path: '{path}', redirect: {{path: '{target}'}}")

    assert found.startswith(f"routes[0].redirect.path: {said}")


@pytest.mark.parametrize("target", ["/n/${param.rest}", "/a*b", "/a:b", "/cost-in-$", "/n${path}"])
def test_what_is_text_everywhere(tmp_path: Path, target: str) -> None:
    """Nothing is said of it."""
    assert doubts(tmp_path, f"path: '/o/{{*rest}}', redirect: {{path: '{target}'}}") == []


@pytest.mark.parametrize(
    "route",
    [
        "path: /a, redirect: {path: /a}",
        "path: /a/*, redirect: {path: /a/b}",
        "path: '/a/{*rest}', redirect: {path: '/a/v2/${param.rest}'}",
        "path: '/a/*', redirect: {path: '/a${path}'}",
        "host: h, path: '/a/*', redirect: {host: h, path: '/a${path}'}",
        "path: /a, methods: [POST], redirect: {path: /a}",
    ],
)
def test_a_redirect_that_leads_nowhere(tmp_path: Path, route: str) -> None:
    """The route takes what it leads to: the client is sent on and on, or there is nothing."""
    (found,) = doubts(tmp_path, route)

    assert found.startswith("routes[0].redirect.path: the route takes /a")
    assert found.endswith(" too: clients would be sent on and on, or be answered with 404")


@pytest.mark.parametrize(
    "routes",
    [
        ["path: /a/*, redirect: {path: /a/b}", "path: /a/b, respond: {body: moved}"],
        ["path: /a/*, redirect: {path: /a/b}", "path: '/a/:x', respond: {body: moved}"],
        ["path: /a, methods: [POST], redirect: {path: /a, status: 303}"],
        ["path: /a/*, redirect: {scheme: https, path: /a/b}"],
        ["path: /a/*, redirect: {host: other.example, path: /a/b}"],
        ["path: '~/a/.*', redirect: {path: /a/b}"],
        ["path: /a/*, redirect: {path: /b}", "path: /*, respond: {}"],
    ],
)
def test_a_redirect_that_leads_somewhere(tmp_path: Path, routes: list[str]) -> None:
    """Another route is more specific there, or takes the method, or it is another server's."""
    assert doubts(tmp_path, *routes) == []


def test_a_name_that_leads_to_itself(tmp_path: Path) -> None:
    """Of several names, one may be where the redirect leads; a route for any host may have the others' place taken."""
    assert doubts(tmp_path, "host: h, path: /*, redirect: {host: h}") == [
        "routes[0].redirect.host: it would lead to where the request is: there it is answered with 404"
    ]
    assert doubts(tmp_path, "host: [h, www.h], path: /*, redirect: {host: h}") == [
        "routes[0].redirect.host: for `h` it would lead to where the request is: there it is answered with 404"
    ]
    assert doubts(tmp_path, "host: www.h, path: /*, redirect: {host: h}") == []
    assert doubts(tmp_path, "path: /*, redirect: {host: h}") == []


def test_the_work_grows_with_the_paths_of_a_redirect(tmp_path: Path) -> None:
    """Twice as many paths of one route are at most some more than twice the work, counted in calls of functions."""

    def work(number: int) -> int:
        paths = ", ".join(f"/a/{one}" for one in range(number))
        file = tmp_path / f"{number}.yaml"
        file.write_text(f"routes: [{{path: [{paths}], redirect: {{path: '${{path}}/'}}}}]")
        settings = load(file, {})
        profile = Profile()
        profile.runcall(lambda: list(answers(settings.routes[0], settings, Paths(settings.routes))))
        return sum(one.callcount for one in profile.getstats())

    assert work(200) < 2.2 * work(100)
