"""How a route names its upstreams, and how long its exchanges have."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from gateway.config import ConfigError, Settings
from gateway.config.effective import effective, route_table

Load = Callable[..., Settings]
ROUTE = """
upstreams: [{name: a, backends: []}, {name: b, backends: []}, {name: '7', backends: []}]
routes: [{path: /, %s}]
"""


@pytest.mark.parametrize(
    ("upstream", "shares"),
    [
        ("a", [("a", 1)]),
        ("7", [("7", 1)]),
        ("[a, b]", [("a", 1), ("b", 1)]),
        ("[{name: a, weight: 9}, b]", [("a", 9), ("b", 1)]),
    ],
)
def test_a_route_names_one_upstream_or_several(load_text: Load, upstream: str, shares: list[tuple[str, int]]) -> None:
    """Each with its share."""
    assert list(load_text(ROUTE % f"upstream: {upstream}").routes[0].upstreams) == shares


@pytest.mark.parametrize(
    ("keys", "seconds"),
    [
        ("upstream: a", 30.0),
        ("upstream: a, timeout: 60s", 60.0),
        ("upstream: a, timeout: 5s", 30.0),
        ("upstream: a, timeout: 60s, request_timeout: 10s", 10.0),
        ("upstream: a, request_timeout: 0", inf),
    ],
)
def test_the_time_of_an_exchange(load_text: Load, keys: str, seconds: float) -> None:
    """`timeouts.request`, unless the route's own `timeout` is longer, or it says itself."""
    assert load_text(ROUTE % keys).routes[0].exchange_timeout == seconds


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("~/(?=a)", "a regular expression without backreferences, look-ahead and look-behind (RE2: linear time) after"),
        ("~/(", "a regular expression after `~`"),
        ("~", "`~` and a regular expression"),
        ("~/ä", "`~` and a regular expression without spaces and characters that a URL has to escape"),
        ("~/(a{1000}){1000}", "a regular expression"),
        ("a", "a path that begins with `/`"),
    ],
)
def test_what_cannot_be_matched_is_refused_with_its_place(load_text: Load, path: str, words: str) -> None:
    """In a list, too."""
    text = f"upstreams: [{{name: a, backends: []}}]\nroutes:\n  - upstream: a\n    path: [/x, '{path}']"

    with pytest.raises(ConfigError) as caught:
        load_text(text)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line, problem.column) == ("routes[0].path[1]", 4, 16)
    assert words in problem.message


@pytest.mark.parametrize("keys", ["path: []", "path: /, host: []", "path: [{}]", "path: /, host: [a, 'b:80']"])
def test_lists_hold_what_single_values_are(load_text: Load, keys: str) -> None:
    """And at least one."""
    with pytest.raises(ConfigError) as caught:
        load_text(f"upstreams: [{{name: a, backends: []}}]\nroutes: [{{upstream: a, {keys}}}]")
    assert len(caught.value.problems) == 1


def test_settings_show_one_value_where_there_is_one(load_text: Load) -> None:
    """What `gateway config` shows is read back as the same."""
    settings = load_text(
        "upstreams: [{name: a, backends: []}]\n"
        "routes: [{upstream: a, host: h, path: /x}, {upstream: a, host: [h, i], path: [/y, '~/z']}, "
        "{upstream: a, path: /}]"
    )
    shown: list[dict[str, Any]] = effective(settings)["routes"]

    assert [(route.get("host"), route["path"]) for route in shown] == [
        ("h", "/x"), (["h", "i"], ["/y", "~/z"]), (None, "/"),
    ]  # fmt: skip
    assert [(row["host"], row["path"]) for row in route_table(settings)] == [
        ("h", "/x"), ("h, i", "/y, ~/z"), ("*", "/"),
    ]  # fmt: skip
