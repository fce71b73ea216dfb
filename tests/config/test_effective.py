from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Settings, load
from gateway.config.effective import as_yaml, effective

Load = Callable[..., Settings]
ETC = Path(__file__).parents[2] / "etc"


@pytest.mark.parametrize("name", ["gateway.yaml", "gateway.full.yaml"])
def test_what_is_written_back_means_the_same(load_text: Load, name: str) -> None:
    """The effective configuration is a configuration, and this version takes it."""
    settings = load(ETC / name, {})

    assert load_text(as_yaml(settings), supported_only=True) == settings


def test_secrets_are_masked(load_text: Load) -> None:
    """Tokens, keys, and the password in a URL."""
    settings = load_text(
        """\
        admin: {token: hunter2}
        redis: {url: "redis://user:hunter2@127.0.0.1/0"}
        auth:
          jwt: {default: {algorithms: [HS256], secret: hunter2-hunter2-hunter2-hunter2-}}
          api_keys: {keys: [{id: a, key: hunter2}]}
          oauth: {clients: [{id: a, secret_hash: "scrypt:hunter2"}]}
        """
    )

    written = as_yaml(settings)

    assert "hunter2" not in written
    assert "hunter2" not in repr(settings.admin) + repr(settings.auth)
    assert "redis://user:**********@127.0.0.1/0" in written
    assert settings.admin.token.get_secret_value() == "hunter2"


def test_a_null_that_says_something_is_kept(load_text: Load) -> None:
    """`query: null` turns the parameter off; leaving it out would turn it on."""
    settings = load_text("auth: {api_keys: {query: null}}")

    assert settings.auth is not None
    assert settings.auth.api_keys is not None
    assert settings.auth.api_keys.query is None
    assert load_text(as_yaml(settings)) == settings


def test_a_literal_dollar_brace_is_escaped_again(load_text: Load) -> None:
    """Except in transformations, where it was left as written."""
    settings = load_text(
        """\
        upstreams: [{name: a, backends: []}]
        routes:
          - path: /
            upstream: a
            headers: {X: "$${literal}"}
            transformations: {response: {set_headers: {X: "${latency} $${literal}"}}}
        """
    )

    assert settings.routes[0].headers == {"X": "${literal}"}
    assert load_text(as_yaml(settings)) == settings


def test_one_upstream_is_written_as_its_name(load_text: Load) -> None:
    """Several with their shares."""
    settings = load_text(
        "upstreams: [{name: a, backends: []}, {name: b, backends: []}]\n"
        "routes: [{path: /, upstream: [a]}, {path: /b, upstream: [{name: a, weight: 9}, b]}]"
    )

    assert [route["upstream"] for route in effective(settings)["routes"]] == [
        "a",
        [{"name": "a", "weight": 9}, {"name": "b", "weight": 1}],
    ]
