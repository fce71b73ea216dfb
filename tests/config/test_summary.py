from __future__ import annotations

from typing import Any

import pytest

from gateway.config import from_mapping
from gateway.config.summary import SHOWN, differences, lines

BASE: dict[str, Any] = {
    "admin": {"token": "a-secret-that-nobody-may-see"},
    "upstreams": [{"name": "users", "backends": [{"url": "http://127.0.0.1:9001"}, {"url": "https://b.example"}]}],
    "routes": [
        {"name": "users", "host": ["a.example", "*.b.example"], "path": ["/users/*", "/u/:id"], "upstream": "users"},
        {"name": "moved", "path": "/old", "redirect": {"path": "/users/"}},
        {"name": "robots", "path": "/robots.txt", "respond": {"body": "a-secret-that-nobody-may-see"}},
    ],
}


def said(configuration: dict[str, Any], addresses: list[str], admin: str | None) -> list[str]:
    """The lines of a log of text."""
    return [line.words.format(**line.facts) for line in lines(from_mapping(configuration), addresses, admin)]


def test_what_is_served_where_is_four_lines() -> None:
    """Listeners, routes, upstreams, the operators' port; no value of a key."""
    assert said(BASE, ["tcp 127.0.0.1:8080", "sni 0.0.0.0:8443", "unix /run/g.sock"], "tcp 127.0.0.1:9090") == [
        (
            "Listening on tcp 127.0.0.1:8080 (http://127.0.0.1:8080), sni 0.0.0.0:8443 (https://0.0.0.0:8443), "
            "unix /run/g.sock"
        ),
        "Routes: a.example,*.b.example /users/*,/u/:id → users, /old → redirect 308, /robots.txt → respond 200",
        "Upstreams: users (http://127.0.0.1:9001, https://b.example)",
        "Admin: http://127.0.0.1:9090/ (writes: with a token)",
    ]


def test_a_name_in_another_script_is_there_in_both_forms() -> None:
    """As clients send it, and as it was written."""
    routes = [{"host": "bücher.example", "path": "/", "respond": {}}]

    assert said({"routes": routes}, [], None)[1] == "Routes: bücher.example (xn--bcher-kva.example) / → respond 200"


def test_nothing_is_said_to_be_nothing() -> None:
    """A gateway without routes answers 404."""
    assert said({}, ["tcp 127.0.0.1:8080"], None)[1:] == [
        "Routes: none, all is answered with 404",
        "Upstreams: none",
        "Admin: none (writes: refused, since there is no admin.token)",
    ]


def test_many_are_not_all_shown() -> None:
    """A line stays a line; the figure is that of all."""
    many = [{"name": f"r{number}", "path": f"/{number}{'x' * 100}", "upstream": "users"} for number in range(1000)]
    _, routes, *_ = lines(from_mapping({**BASE, "routes": many}), [], None)

    assert routes.facts["routes"] == 1000
    assert routes.facts["served"].endswith(f", and {1000 - SHOWN} more")
    assert len(routes.facts["served"]) < 100 * SHOWN


def test_programs_get_figures() -> None:
    """A log of JSON has what can be counted."""
    figures: dict[str, Any] = {}
    for line in lines(from_mapping(BASE), ["tcp 127.0.0.1:8080"], None):
        figures |= line.facts

    assert (figures["listeners"], figures["routes"], figures["upstreams"]) == (1, 3, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no key (files that it names may have changed)"),
        ({"limits": {"in_flight": 5}, "strict": True}, "limits; strict"),
        ({"admin": {"token": "another-secret-nobody-may-see"}}, "admin"),
        ({"routes": BASE["routes"][::-1]}, "routes in another order"),
        (
            {"routes": [{"name": "new", "path": "/n", "upstream": "users"}, {**BASE["routes"][1], "path": "/older"}]},
            "routes +new, -users, -robots, ~moved",
        ),
        ({"listeners": [{"endpoint": "tcp:8081"}]}, "listeners +tcp:8081, -tcp:8080"),
        (
            {"upstreams": [{**BASE["upstreams"][0], "strategy": "random"}], "timeouts": {"connect": 1}},
            "timeouts; upstreams ~users",
        ),
    ],
)
def test_what_a_change_changes_is_named(changes: dict[str, Any], words: str) -> None:
    """Things by their names, everything else by its key."""
    assert differences(from_mapping(BASE), from_mapping({**BASE, **changes})) == words


def test_a_route_that_is_on_some_listeners_says_which() -> None:
    """The others are on all."""
    routes = [{"path": "/admin/*", "upstream": "users", "listeners": ["tcp:8080"]}, *BASE["routes"][1:2]]
    _, line, *_ = said({**BASE, "routes": routes}, [], None)

    assert line == "Routes: /admin/* on tcp:8080 → users, /old → redirect 308"
