from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings
from gateway.config.effective import as_yaml, effective, route_table
from gateway.config.schema.listeners import names_of

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]

TWO = """\
listeners: [{endpoint: "tcp:8080"}, {name: inner, endpoint: "ssl:8443:interface=127.0.0.1:privateKey=k.pem"}]
upstreams: [{name: a, backends: []}]
routes:
"""


def test_a_listener_without_a_name_is_named_after_its_endpoint() -> None:
    """Kind, port and interface, no files; a number where that is taken, and what has no port as it is written."""
    written = [
        (None, "tcp:8080"),
        (None, "ssl:443:interface=127.0.0.1:privateKey=/etc/key.pem"),
        ("tcp:8081", "tcp:1"),
        (None, "tcp:8081"),
        (None, "sni:port=443:certificates=/etc/certificates"),
        (None, "unix:/run/a.sock"),
        (None, "tcp:0"),
        (None, "tcp:0"),
        (None, "unix:/a\tb "),
        (None, ""),
    ]

    assert names_of(written) == [
        "tcp:8080",
        "ssl:443:interface=127.0.0.1",
        "tcp:8081",
        "tcp:8081#2",
        "sni:443",
        "unix:/run/a.sock",
        "tcp:0",
        "tcp:0#2",
        "unix:/ab",
        "listener",
    ]


def test_a_route_names_its_listeners(load_text: Load) -> None:
    """One or a list, by written names and by those that are made; written back they mean the same."""
    settings = load_text(
        TWO
        + """\
  - {path: /a, upstream: a, listeners: inner}
  - {path: /b, upstream: a, listeners: ["tcp:8080", inner]}
  - {path: /c, upstream: a}
"""
    )
    again = load_text(as_yaml(settings))

    assert [route.listeners for route in settings.routes] == [("inner",), ("tcp:8080", "inner"), None]
    assert [row["listeners"] for row in route_table(settings)] == [["inner"], *[["tcp:8080", "inner"]] * 2]
    assert effective(again) == effective(settings)
    assert again.routes == settings.routes
    assert [listener["name"] for listener in effective(settings)["listeners"]] == ["tcp:8080", "inner"]


def test_of_one_listener_the_table_says_nothing(load_text: Load) -> None:
    """Unless a route names it."""
    one = "upstreams: [{name: a, backends: []}]\nroutes: [{path: /, upstream: a}]"

    assert "listeners" not in route_table(load_text(one))[0]
    named = one.replace("upstream: a}]", 'upstream: a, listeners: "tcp:8080"}]')
    assert route_table(load_text(named))[0]["listeners"] == ["tcp:8080"]


@pytest.mark.parametrize(
    ("route", "found"),
    [
        (
            "listeners: iner",
            '4:40: routes[0].listeners: expected the name of a listener, found "iner", did you mean `inner`?',
        ),
        (
            'listeners: [inner, "tcp:808"]',
            '4:48: routes[0].listeners[1]: expected the name of a listener, found "tcp:808", did you mean `tcp:8080`?',
        ),
        ("listeners: []", "4:40: routes[0].listeners: expected at least one entry, found none"),
    ],
)
def test_a_listener_that_there_is_not_is_told(complaints: Complaints, route: str, found: str) -> None:
    """With a near one; a route that is on none is a mistake."""
    assert complaints(TWO + f"  - {{path: /a, upstream: a, {route}}}") == [f"gateway.yaml:{found}"]


def test_a_group_s_listener_is_told_at_the_group(complaints: Complaints, load_text: Load) -> None:
    """Where it says it; one that is there is that of its routes, but of those that say null."""
    group = "groups: {g: {listeners: [inne]}}\n"
    routes = "  - {path: /a, upstream: a, group: g}\n  - {path: /b, upstream: a, group: g, listeners: null}\n"
    near = "did you mean `inner`?"

    assert complaints(group + TWO + routes) == [
        f'gateway.yaml:1:26: groups.g.listeners[0]: expected the name of a listener, found "inne", {near}'
    ]
    settings = load_text(group.replace("inne", "inner") + TWO + routes)
    assert [route.listeners for route in settings.routes] == [("inner",), None]


def test_two_listeners_have_two_names(complaints: Complaints) -> None:
    """Written ones; of those that are made none is taken."""
    (found,) = complaints('listeners: [{name: a, endpoint: "tcp:1"}, {name: a, endpoint: "tcp:2"}]')

    assert found.startswith('gateway.yaml:1:50: listeners[1].name: expected something that is there once, found "a"')
