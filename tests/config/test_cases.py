"""Names in tests of a configuration: what nothing has is a mistake in the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.config.loading import load_with_places

FILE = """\
upstreams: [{name: users, backends: []}]
routes: [{path: /a, upstream: users}]
tests:
  - request: {url: "http://x/a", listener: nobody}
    given: {backends: {usrs: {}}}
    expect: {route: b, upstream: user, reason: auth.mising}
  - request: http://x/a
    expect_all: [{route: /a, upstream: "~us", reason: null}, {route: "*"}, {reason: none.such}]
"""


def test_names_that_nothing_has(tmp_path: Path) -> None:
    """Are told with their places, and what was meant; expressions and presence name nothing."""
    (tmp_path / "g.yaml").write_text(FILE)

    with pytest.raises(ConfigError) as raised:
        load_with_places(tmp_path / "g.yaml", {})

    assert [str(one).removeprefix(f"{tmp_path}/") for one in raised.value.problems] == [
        f"g.yaml:{place}: tests{key}: expected {words}"
        for place, key, words in (
            ("4:44", "[0].request.listener", 'the name of a listener, found "nobody"'),
            ("5:24", "[0].given.backends.usrs", 'the name of an upstream, found "usrs", did you mean `users`?'),
            ("6:21", "[0].expect.route", 'the name of a route, found "b"'),
            ("6:34", "[0].expect.upstream", 'the name of an upstream, found "user", did you mean `users`?'),
            ("6:48", "[0].expect.reason", 'a reason of the gateway, found "auth.mising", did you mean `auth.missing`?'),
            ("8:85", "[1].expect_all[2].reason", 'a reason of the gateway, found "none.such"'),
        )
    ]


def test_tests_of_several_files_are_joined(tmp_path: Path) -> None:
    """As all lists of named things; a name may stand once."""
    test = "tests: [{name: t, request: http://x/, expect: {}}]\n"
    (tmp_path / "a.yaml").write_text(f"routes: [{{path: /a, respond: {{}}}}]\n{test}")
    (tmp_path / "b.yaml").write_text(test)

    with pytest.raises(ConfigError) as raised:
        load_with_places(tmp_path, {})

    (problem,) = raised.value.problems
    there = f"{tmp_path}/a.yaml:2:16"
    assert problem.message == f'expected something that is there once, found "t", which stands at {there} already'
