from __future__ import annotations

import time
from pathlib import Path

import pytest

from gateway.config import load_with_doubts
from gateway.config.doubts.listeners import listeners
from gateway.config.loading import from_mapping

HEAD = """\
listeners: [{name: public, endpoint: "tcp:8080"}, {name: internal, endpoint: "tcp:8081"}]
upstreams: [{name: app, backends: []}, {name: other, backends: []}]
routes:
  - {name: admin, path: /admin/*, upstream: app, listeners: internal}
"""


def doubts(tmp_path: Path, *routes: str, head: str = HEAD) -> list[str]:
    """What is said of listeners, without the directory in front."""
    file = tmp_path / "g.yaml"
    file.write_text(head + "".join(f"  - {route}\n" for route in routes))
    return [str(doubt).partition("g.yaml:")[2] for doubt in load_with_doubts(file, {})[1]]


@pytest.mark.parametrize(
    "route",
    [
        "{name: site, path: /*, upstream: app}",
        "{name: site, path: '/:tenant/*', upstream: app, host: [a.example, '*.b.example']}",
        "{name: site, path: /*, upstream: [other, app], listeners: public}",
    ],
)
def test_a_way_around_the_listener_is_doubted(tmp_path: Path, route: str) -> None:
    """A route for whatever comes leads to the same upstream where the protected one is not."""
    head = HEAD.replace("listeners: internal", "host: x.b.example, listeners: internal") if "host" in route else HEAD
    (found,) = doubts(tmp_path, route, head=head)

    assert found.startswith("4:")
    assert found.partition(": ")[2] == (
        "routes[0].path: on `public` requests for it go to `routes[1]`, site, and so to the same upstream; "
        "a route there with `respond: {status: 404}` keeps them off"
    )


@pytest.mark.parametrize(
    "routes",
    [
        ("{path: /*, upstream: other}",),
        ("{path: /*, upstream: app, listeners: internal}", "{path: /x, upstream: other}"),
        ("{path: /*, upstream: app}", "{path: /admin/*, respond: {status: 404}, listeners: public}"),
        ("{path: /*, upstream: app}", "{path: '/{any}/*', respond: {status: 404}, listeners: public}"),
        ("{path: /admin/open/*, upstream: app}",),
        ("{path: /other/*, upstream: app}",),
        ("{path: /*, host: a.example, upstream: app}",),
        ("{path: /*, headers: {X-A: b}, upstream: app}",),
        ("{path: '~/adm.*', upstream: app}",),
        ("{path: /*, upstream: app}", "{path: /admin/*, upstream: app, auth: {type: none}, listeners: public}"),
    ],
)
def test_what_leads_elsewhere_is_no_way_around(tmp_path: Path, routes: tuple[str, ...]) -> None:
    """Nor what takes some of its requests only, which somebody has meant to."""
    assert doubts(tmp_path, *routes) == []


def test_an_expression_on_one_listener_is_led_on_by_a_route_for_all_paths(tmp_path: Path) -> None:
    """Of others nobody can tell."""
    head = HEAD.replace("path: /admin/*", "path: '~/admin/.*'")

    assert "go to `routes[1]`" in "".join(doubts(tmp_path, "{path: /*, upstream: app}", head=head))


def test_a_listener_of_no_route_is_doubted(tmp_path: Path) -> None:
    """Nobody gets anything there."""
    assert doubts(tmp_path) == [
        "1:13: listeners[0]: no route is on it (`listeners`): every request is answered with 404"
    ]


def test_the_same_on_two_listeners_is_no_conflict(tmp_path: Path) -> None:
    """Unless one is on all, or on those of the other."""
    same = "path: /same, upstream: other"  # another than the `app` of the first route

    assert doubts(tmp_path, f"{{{same}, listeners: public}}", f"{{{same}, listeners: internal}}") == []
    assert doubts(tmp_path, f"{{{same}, listeners: public}}", f"{{{same}}}") == []
    assert len(doubts(tmp_path, f"{{{same}}}", f"{{{same}, listeners: internal}}")) == 1
    assert len(doubts(tmp_path, f"{{{same}, listeners: [internal, public]}}", f"{{{same}, listeners: public}}")) == 1
    assert doubts(tmp_path, "{path: /*, upstream: other, listeners: public}", "{path: '~/x', upstream: other}") == []


def test_https_by_a_redirect_asks_for_the_listeners_that_it_is_on(tmp_path: Path) -> None:
    """One for clear text only never meets TLS."""
    text = """\
listeners: [{name: http, endpoint: "tcp:8080"}, {name: https, endpoint: "ssl:8443:privateKey=k:certKey=c"}]
upstreams: [{name: app, backends: []}]
routes:
  - {path: /, upstream: app}
  - {path: /*, redirect: {scheme: https}, listeners: [http]}
"""
    assert doubts(tmp_path, head=text) == []
    assert len(doubts(tmp_path, head=text.replace("[http]", "[https]"))) == 1


def test_ten_thousand_routes_are_judged_in_no_time() -> None:
    """Each by its own path, not by all the others."""
    routes = [
        {"path": f"/a{number % 97}/b{number}/*", "upstream": "app", "listeners": "tcp:8081"} for number in range(5_000)
    ]
    routes += [{"path": f"/a{number % 97}/:id/{number}", "upstream": "app"} for number in range(5_000)]
    settings = from_mapping(
        {
            "listeners": [{"endpoint": "tcp:8080"}, {"endpoint": "tcp:8081"}],
            "upstreams": [{"name": "app", "backends": []}],
            "routes": routes,
        }
    )

    before = time.process_time()
    assert list(listeners(settings)) == []

    assert time.process_time() - before < 3


def test_a_way_around_the_listener_of_a_group_is_doubted_at_its_route(tmp_path: Path) -> None:
    """Whatever the others of the group lead to."""
    head = HEAD.replace("listeners: internal}", "group: inner}") + "groups: {inner: {listeners: internal}}\n"
    head = "\n".join([*head.splitlines()[:2], head.splitlines()[4], *head.splitlines()[2:4]]) + "\n"
    found = doubts(tmp_path, "{path: /*, upstream: app}", "{path: /tools, upstream: other, group: inner}", head=head)

    assert [doubt.partition(": ")[2].partition(":")[0] for doubt in found] == ["routes[0].path"]
