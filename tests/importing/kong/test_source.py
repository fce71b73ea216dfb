"""The whole of Kong's file: what refers to what, and which plugin holds where."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from tests.importing.imported import imported, left, routes

APART = """\
_format_version: "3.0"
services:
  - {name: a, id: "7", url: "http://10.0.0.1"}
routes:
  - {name: by-name, paths: [/n], service: {name: a}}
  - {name: by-id, paths: [/i], service: {id: "7"}}
  - {name: lost, paths: [/l], service: {name: b}}
plugins:
  - {name: cors, service: a, config: {origins: ["https://a.example"]}}
  - {name: cors, route: by-id, config: {origins: ["https://b.example"]}}
  - {name: cors, config: {origins: ["https://c.example"]}}
"""


def test_routes_and_plugins_find_what_they_refer_to(tmp_path: Path) -> None:
    """By name or by id; the most specific plugin of a name holds, and what refers to nothing is listed."""
    draft = imported("kong", APART, tmp_path)

    origins = {name: route["cors"]["allowed_origins"] for name, route in routes(draft).items()}
    assert origins == {"by-name": ["https://a.example"], "by-id": ["https://b.example"]}
    assert (7, "routes[2]") in left(draft)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("services: []", ":1:1: expected Kong's `_format_version`, found none"),
        ('_format_version: "4.0"', ":1:1: expected `_format_version` 1.1 to 3.0, found 4.0"),
    ],
)
def test_a_file_that_is_not_kongs(tmp_path: Path, text: str, words: str) -> None:
    """It is refused."""
    with pytest.raises(ConfigError) as caught:
        imported("kong", text, tmp_path)

    assert str(caught.value).endswith(words)


def test_what_is_switched_off_is_not_there(tmp_path: Path) -> None:
    """Services and plugins are listed with their reason."""
    text = '_format_version: "3.0"\nservices:\n- {name: a, url: "http://a", enabled: false, routes: [{paths: [/]}]}\n'
    text += '- {name: b, url: "http://b", routes: [{paths: [/]}], plugins: [{name: cors, enabled: false}]}\n'
    draft = imported("kong", text, tmp_path)

    assert left(draft) == [(3, "services[0]"), (4, "services[1].plugins[0]")]
    assert "cors" not in routes(draft)["b"]


def test_expressions_keep_kongs_order(tmp_path: Path) -> None:
    """Here they are asked in the order in which they stand."""
    text = '_format_version: "3.0"\nservices:\n- name: a\n  url: http://a\n  routes:\n'
    text += '  - {name: late, paths: ["~/x"]}\n  - {name: soon, paths: ["~/x/y"], regex_priority: 5}\n'

    assert list(routes(imported("kong", text, tmp_path))) == ["soon", "late"]


@pytest.mark.parametrize("whom", ["consumer: gold", "consumer_group: gold"])
def test_a_plugin_for_one_consumer_is_for_nobody_else(tmp_path: Path, whom: str) -> None:
    """Also where it stands at a route: a larger limit for one is not one for all."""
    text = '_format_version: "3.0"\nservices:\n- name: a\n  url: http://a\n  routes: [{name: r, paths: [/o]}]\n'
    text += "  plugins:\n  - {name: rate-limiting, config: {minute: 5}}\n"
    text += f"  - {{name: rate-limiting, {whom}, config: {{minute: 5000}}}}\n"
    draft = imported("kong", text, tmp_path)

    assert routes(draft)["r"]["rate_limit"]["limit"] == 5
    assert any(what.startswith("services[0].plugins[1]") for _, what in left(draft))


def test_a_plugin_for_one_route_of_one_service_is_for_that_route(tmp_path: Path) -> None:
    """A route has one service, so that its name is enough."""
    draft = imported("kong", f"{APART}  - {{name: hmac-auth, service: a, route: by-name}}\n", tmp_path)

    closed = [name for name, route in routes(draft).items() if "ip_deny" in route]
    assert closed == ["by-name"]
