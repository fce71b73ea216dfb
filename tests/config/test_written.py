"""Where a key of a configuration is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.config import Settings, reading
from gateway.config.inheritance import fill_in
from gateway.config.loading import load_with_places
from gateway.config.nodes import MapNode, join
from gateway.config.problems import ConfigError, Place, Problem, below, unusable
from gateway.config.written import find_places, found

TEXT = """\
routes:
- {name: a, path: /a}
- {name: "0", respond: {file: x}}
- {name: b.c, group: g}
groups: {g: {respond: {file: y}}}
plugins: [{class: p}]
auth:
  jwt:
    secret: s
    a.b: {secret: t}
    a: {jwks_url: u}
"""


@pytest.fixture
def root() -> MapNode:
    """The text above, with everything taken over."""
    tree = reading.read(TEXT, "g.yaml", [])
    assert isinstance(tree, MapNode)
    return fill_in(tree)


@pytest.mark.parametrize(
    ("path", "line", "shown"),
    [
        ("routes[1].respond.file", 3, "routes[1].respond.file"),
        ("routes[0].path", 2, "routes[0].path"),
        ("routes[2].respond.file", 5, "groups.g.respond.file"),
        ("routes[0].respond.file", 2, "routes[0].respond.file"),
        ("plugins[0].class", 6, "plugins[0].class"),
        ("auth.jwt.default.secret", 9, "auth.jwt.default.secret"),
        ("auth.jwt.a.b.secret", 10, "auth.jwt['a.b'].secret"),
        ("auth.jwt.a.jwks_url", 11, "auth.jwt.a.jwks_url"),
        ("auth.basic.users_file", 8, "auth.basic.users_file"),
    ],
)
def test_a_key_is_found_by_its_path(root: MapNode, path: str, line: int, shown: str) -> None:
    """Or what it is a part of."""
    place, said = found(root, path)

    assert place is not None
    assert (place.line, said) == (line, shown)


@pytest.mark.parametrize(
    "key", ["claim.plan=free", "a b", "it's", 'say "x"', "[1]", "x']", "back\\slash", "ü.ö", "", "\n"]
)
def test_a_key_that_is_no_plain_word_is_found(key: str) -> None:
    """Whatever stands in it: its path is as `join` writes it, and what stands below it is found too."""
    tree = reading.read(json.dumps({"first": {}, key: {"below": 1}}, indent=0), "g.yaml", [])
    assert isinstance(tree, MapNode)

    for line, path in ((3, join("", key)), (4, join(join("", key), "below"))):
        place, said = found(tree, path)
        assert (place and place.line, said) == (line, path)


@pytest.mark.parametrize("path", ["", "redis.tls.ca", "route", "routes.a"])
def test_what_is_not_written_has_no_place(root: MapNode, path: str) -> None:
    """Defaults, and what is in no file."""
    place, said = found(root, path)

    assert (place is None or place.line == 2, said) == (True, path)


def test_only_what_has_no_place_is_given_one(root: MapNode) -> None:
    """The line of a file of users is known to who reads it."""
    known = Problem("users", 7, 1, "auth.basic.users_file", "a")
    error = ConfigError([known, Problem("", 0, 0, "plugins[0].class", "b"), Problem("", 0, 0, "redis", "c")])

    assert str(error) == "plugins[0].class: b\nredis: c\nusers:7:1: auth.basic.users_file: a"
    find_places(error, root, Settings())
    assert str(error) == "g.yaml:6:19: plugins[0].class: b\nredis: c\nusers:7:1: auth.basic.users_file: a"


@pytest.mark.parametrize(
    ("path", "shown", "line"),
    [
        ("routes[0].respond.file", "routes[1].respond.file", 3),
        ("routes[/c/*].respond.file", "routes[2].respond.file", 4),
        ("upstreams[u].tls.ca", "upstreams[0].tls.ca", 5),
        ("routes[e].path", "routes[e].path", 2),
    ],
)
def test_things_are_called_by_their_names(tmp_path: Path, path: str, shown: str, line: int) -> None:
    """A name goes before a number, and may be written nowhere; what there is not is at its list."""
    file = tmp_path / "g.yaml"
    file.write_text(
        "routes:\n"
        "- {name: a, path: /a, respond: {body: x}}\n"
        '- {name: "0", path: /0, respond: {body: x}}\n'
        "- {path: /c/*, respond: {body: x}}\n"
        "upstreams: [{name: u, backends: [{url: http://a}]}]\n"
    )
    loaded = load_with_places(file, {})
    error = unusable(path, "words")
    find_places(error, loaded.root, loaded.settings)

    assert (error.problems[0].path, error.problems[0].line) == (shown, line)


def test_without_a_tree_the_keys_are_told() -> None:
    """An application's settings were in no file."""
    error = unusable("a.b", "c")
    find_places(error, None, Settings())

    assert str(error) == "a.b: c"


def test_a_key_is_put_together_by_those_who_know_its_parts() -> None:
    """What has a place is left as it is, and so is the kind of the error."""
    known = Problem(*Place("f", 1, 2), "z", "words")
    with pytest.raises(ConfigError) as caught, below("upstreams[a]."), below("tls."):
        raise ConfigError([known, Problem("", 0, 0, "ca", "words"), Problem("", 0, 0, "", "name")])

    assert [one.path for one in caught.value.problems] == ["upstreams[a].tls", "upstreams[a].tls.ca", "z"]
