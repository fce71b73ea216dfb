"""APISIX's consumers, and the plugins that ask for them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, plain, routes

TOKENS = "- {username: w, plugins: {jwt-auth: {key: wk, secret: hush}}}\n"


def asked(plugins: str, consumers: str, directory: Path) -> Draft:
    """Import a route with plugins, and consumers."""
    text = f"routes:\n- id: r\n  uri: /a\n  upstream: {{nodes: {{'10.0.0.1:80': 1}}}}\n  plugins: {{{plugins}}}\n"
    return imported("apisix", text + (f"consumers:\n{consumers}" if consumers else ""), directory)


def test_a_key_becomes_its_hash(tmp_path: Path) -> None:
    """No key is in the result; one from the environment keeps the name of its variable."""
    consumers = (
        "- {username: a, plugins: {key-auth: {key: k1}}}\n- {username: b, plugins: {key-auth: {key: $env://B}}}\n"
    )
    draft = asked("key-auth: {header: X-K, hide_credentials: true}", consumers, tmp_path)

    assert plain(draft.top["auth"]["api_keys"]) == {
        "header": "X-K",
        "query": "apikey",
        "keys": [
            {"id": "a", "hash": f"sha256:{sha256(b'k1').hexdigest()}", "user": "a"},
            {"id": "b", "key": "${B}", "user": "b"},
        ],
    }
    assert routes(draft)["r"]["auth"] == {"type": "api_key"}


def test_a_token_names_its_consumer(tmp_path: Path) -> None:
    """By the claim `key`; its secret becomes a variable."""
    draft = asked("jwt-auth: {}", TOKENS, tmp_path)

    assert plain(draft.top["auth"]["jwt"]) == {
        "w": {
            "algorithms": ["HS256"],
            "secret": "${JWT_W}",
            "require": {"key": ["wk"]},
            "user_claim": "key",
            "from": ["header:Authorization", "query:jwt", "cookie:jwt"],
        }
    }
    assert draft.tests[0].data["given"] == {"claims": {"sub": "ada", "key": "wk"}}


def test_of_several_consumers_any_may_call(tmp_path: Path) -> None:
    """Each has a verifier, and one is enough."""
    more = "- {username: v, plugins: {jwt-auth: {key: vk, secret: hush}}}\n"

    assert routes(asked("jwt-auth: {}", TOKENS + more, tmp_path))["r"]["auth"]["any_of"] == [
        {"type": "jwt", "verifier": "w"}, {"type": "jwt", "verifier": "v"},
    ]  # fmt: skip


def test_of_several_plugins_each_asks(tmp_path: Path) -> None:
    """As APISIX runs them one after another."""
    draft = asked("jwt-auth: {}, key-auth: {}", TOKENS, tmp_path)

    assert sorted(way["type"] for way in routes(draft)["r"]["auth"]["all_of"]) == ["api_key", "jwt"]


def test_an_issuer_with_metadata(tmp_path: Path) -> None:
    """Tokens are verified by the keys that it publishes; scopes are asked, and their lack is tried."""
    discovery = "discovery: 'https://i.example/.well-known/openid-configuration', bearer_only: true"
    draft = asked(f"openid-connect: {{client_id: c, {discovery}, required_scopes: [s]}}", "", tmp_path)

    assert plain(draft.top["auth"]["jwt"]) == {"c": {"algorithms": ["RS256"], "issuer": "https://i.example"}}
    assert "r refuses who lacks a scope" in [made.data["name"] for made in draft.tests]


def test_an_authority(tmp_path: Path) -> None:
    """It is shown requests, and says what the backend gets."""
    config = "{uri: 'http://10.0.0.9/verify', request_headers: [Cookie], upstream_headers: [X-User], timeout: 500}"
    draft = asked(f"forward-auth: {config}", "", tmp_path)

    assert plain(draft.top["auth"]["forward"]) == {
        "authority": {
            "url": "http://10.0.0.9/verify",
            "request_headers": ["Cookie"],
            "response_headers": ["X-User"],
            "timeout": "500ms",
        }
    }
    assert routes(draft)["r"]["auth"]["type"] == "forward"


@pytest.mark.parametrize(
    ("plugins", "consumers"),
    [
        ("jwt-auth: {}", ""),
        ("jwt-auth: {}", "- {username: w, plugins: {jwt-auth: {key: k, algorithm: RS256, public_key: p}}}\n"),
        ("jwt-auth: {}", "- {username: w, plugins: {jwt-auth: {key: k, secret: s, base64_secret: true}}}\n"),
        ("openid-connect: {client_id: c, discovery: 'https://i.example/.well-known/openid-configuration'}", ""),
    ],
)
def test_what_cannot_be_asked_closes_the_route(tmp_path: Path, plugins: str, consumers: str) -> None:
    """What was protected is not open, and is listed."""
    draft = asked(plugins, consumers, tmp_path)

    assert routes(draft)["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert left(draft)


def test_plugins_of_one_consumer_are_listed(tmp_path: Path) -> None:
    """There are none for single callers."""
    draft = asked("key-auth: {}", "- {username: a, plugins: {limit-count: {count: 5, time_window: 60}}}\n", tmp_path)

    assert left(draft) == [(7, "consumers[0].plugins.limit-count")]


def test_who_may_be_kept_out_by_a_plugin_of_his_own_has_no_key(tmp_path: Path) -> None:
    """The plugin is not carried over, and with a key the consumer would get in from everywhere."""
    plugins = "key-auth: {key: k}, ip-restriction: {whitelist: [10.0.0.1]}"
    draft = asked("key-auth: {}", f"- {{username: a, plugins: {{{plugins}}}}}\n", tmp_path)

    assert draft.top["auth"]["api_keys"]["keys"] == []
    assert left(draft) == [(7, "consumers[0].plugins.key-auth"), (7, "consumers[0].plugins.ip-restriction")]
