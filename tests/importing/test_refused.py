"""What the gateway would refuse is taken out of a draft, and listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.loading import load
from gateway.importing.writing import as_yaml
from tests.importing.imported import imported, left, routes, upstreams

KONG = """\
_format_version: "3.0"
services:
- name: a
  url: http://a
  routes:
  - {{name: good, paths: [/g]}}
  - {{name: r, paths: [/r], {}}}
"""


@pytest.mark.parametrize(
    "written",
    [
        "plugins: [{name: cors, config: {headers: ['no name']}}]",
        "plugins: [{name: proxy-cache, config: {vary_headers: ['é']}}]",
        "plugins: [{name: rate-limiting, config: {minute: 99999999999}}]",
    ],
)
def test_a_route_that_is_refused(tmp_path: Path, written: str) -> None:
    """It and its tests are gone, and what is left can be used."""
    draft = imported("kong", KONG.format(written), tmp_path)

    assert list(routes(draft)) == ["good"]
    assert [made.data["name"] for made in draft.tests] == ["good goes to a"]
    assert [(line, what.partition(".")[0]) for line, what in left(draft)] == [(7, "routes[1]")]
    (tmp_path / "gateway.yaml").write_text(as_yaml(draft))
    assert len(load(tmp_path / "gateway.yaml", {}).routes) == 1


def test_an_upstream_that_is_refused_takes_its_routes_along(tmp_path: Path) -> None:
    """They would lead nowhere."""
    text = KONG.format("tags: []").replace("http://a", "http://pool")
    text += "upstreams: [{name: pool, hash_on: cookie, hash_on_cookie: 'a b', targets: [{target: 'a:1'}]}]\n"
    draft = imported("kong", text, tmp_path)

    assert (routes(draft), upstreams(draft), draft.tests) == ({}, {}, [])
    assert [what.partition(".")[0] for _, what in left(draft)] == ["upstreams[0]", "route good", "route r"]


def test_callers_that_cannot_be_asked_close_their_routes(tmp_path: Path) -> None:
    """What was protected is not open."""
    draft = imported("kong", KONG.format("plugins: [{name: key-auth, config: {key_names: ['no name']}}]"), tmp_path)

    assert "auth" not in draft.top
    assert routes(draft)["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert "ip_deny" not in routes(draft)["good"]


def test_a_source_that_says_nothing_makes_a_configuration_without_routes(tmp_path: Path) -> None:
    """It can be read."""
    draft = imported("kong", '_format_version: "3.0"\n', tmp_path)

    (tmp_path / "gateway.yaml").write_text(as_yaml(draft))
    assert load(tmp_path / "gateway.yaml", {}).routes == ()
