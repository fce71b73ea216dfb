"""Kong's consumers, and the plugins that ask for them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, plain, routes


def asked(plugins: str, consumers: str, directory: Path) -> Draft:
    """Import a route with plugins, and consumers."""
    text = '_format_version: "3.0"\nservices:\n- name: a\n  url: http://a\n  routes: [{name: r, paths: [/o]}]\n'
    return imported("kong", f"{text}  plugins: [{plugins}]\nconsumers:\n{consumers}", directory)


def test_a_key_becomes_its_hash_and_its_groups_become_roles(tmp_path: Path) -> None:
    """No key is in the result."""
    consumers = "- {username: acme, keyauth_credentials: [{key: k1}], acls: [{group: buyers}]}\n"
    draft = asked("{name: key-auth}, {name: acl, config: {allow: [buyers]}}", consumers, tmp_path)

    assert plain(draft.top["auth"]["api_keys"]) == {
        "header": "apikey",
        "query": "apikey",
        "keys": [
            {"id": "acme", "hash": f"sha256:{sha256(b'k1').hexdigest()}", "user": "acme", "roles": ["buyers"]},
        ],
    }  # fmt: skip
    assert routes(draft)["r"]["auth"] == {"type": "api_key", "forward_credentials": True, "roles": ["buyers"]}


def test_credentials_that_stand_apart(tmp_path: Path) -> None:
    """They name their consumer."""
    draft = asked(
        "{name: key-auth}", "- {username: acme}\nkeyauth_credentials: [{consumer: acme, key: k1}]\n", tmp_path
    )

    assert plain(draft.top["auth"]["api_keys"]["keys"])[0]["user"] == "acme"
    assert left(draft) == []


def test_a_secret_becomes_a_variable(tmp_path: Path) -> None:
    """One that the source takes from the environment itself keeps its name."""
    consumers = "- {username: w, jwt_secrets: [{key: i, secret: hush}]}\n"
    consumers += "- {username: v, jwt_secrets: [{key: j, secret: '{vault://env/my-secret}'}]}\n"
    draft = asked("{name: jwt, config: {claims_to_verify: [exp], uri_param_names: []}}", consumers, tmp_path)

    places = {"from": ["header:Authorization"], "required_claims": ["exp"]}
    assert plain(draft.top["auth"]["jwt"]) == {
        "w": {"algorithms": ["HS256"], "secret": "${JWT_W}", "issuer": "i", **places},
        "v": {"algorithms": ["HS256"], "secret": "${MY_SECRET}", "issuer": "j", **places},
    }
    assert list(draft.secrets) == ["JWT_W", "MY_SECRET"]


def test_of_several_plugins_each_asks(tmp_path: Path) -> None:
    """As in Kong, where none names an `anonymous` consumer."""
    consumers = "- {username: w, jwt_secrets: [{key: i, secret: hush}], keyauth_credentials: [{key: k}]}\n"
    draft = asked("{name: key-auth}, {name: jwt}", consumers, tmp_path)

    assert routes(draft)["r"]["auth"]["all_of"] == [{"type": "api_key"}, {"type": "jwt", "verifier": ["w"]}]


@pytest.mark.parametrize(
    ("plugins", "consumers"),
    [
        ("{name: jwt}", "- {username: w}\n"),
        ("{name: jwt}", "- {username: w, jwt_secrets: [{key: i, algorithm: RS256, rsa_public_key: k}]}\n"),
        ("{name: jwt, config: {key_claim_name: kid}}", "- {username: w, jwt_secrets: [{key: i, secret: s}]}\n"),
        ("{name: jwt, config: {secret_is_base64: true}}", "- {username: w, jwt_secrets: [{key: i, secret: s}]}\n"),
        ("{name: basic-auth}", "- {username: w, basicauth_credentials: [{username: w, password: p}]}\n"),
        ("{name: acl, config: {allow: [a]}}", "- {username: w}\n"),
        ("{name: key-auth}, {name: acl, config: {deny: [a]}}", "- {username: w}\n"),
    ],
)
def test_what_cannot_be_asked_closes_the_route(tmp_path: Path, plugins: str, consumers: str) -> None:
    """What was protected is not open, and is listed."""
    draft = asked(plugins, consumers, tmp_path)

    assert routes(draft)["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert left(draft)


def test_a_limit_of_one_consumer(tmp_path: Path) -> None:
    """It is a tier, where it is counted over the same time; else it is listed."""
    consumers = "- {username: acme, plugins: [{name: rate-limiting, config: {minute: 9, policy: local}}]}\n"
    consumers += "- {username: ops, plugins: [{name: rate-limiting, config: {hour: 9}}]}\n"
    draft = asked("{name: key-auth}, {name: rate-limiting, config: {minute: 2}}", consumers, tmp_path)

    assert routes(draft)["r"]["rate_limit"]["tiers"] == {"user=acme": 9}
    assert (9, "consumers[1].plugins[0].config") in left(draft)


@pytest.mark.parametrize(
    ("own", "apart"),
    [
        ("plugins: [{name: request-termination}]", ""),
        ("id: '7'", "plugins: [{name: ip-restriction, consumer: {id: '7'}, config: {allow: [10.0.0.1]}}]\n"),
    ],
)
def test_who_may_be_kept_out_by_a_plugin_of_his_own_has_no_key(tmp_path: Path, own: str, apart: str) -> None:
    """The plugin is not carried over, and with a key the consumer would get in from everywhere."""
    consumers = f"- {{username: acme, keyauth_credentials: [{{key: k1}}], {own}}}\n{apart}"
    draft = asked("{name: key-auth}", consumers, tmp_path)

    assert draft.top["auth"]["api_keys"]["keys"] == []
    assert (8, "consumers[0].keyauth_credentials[0]") in left(draft)


@pytest.mark.parametrize("config", ["{allow: []}", "{deny: []}", "{}"])
def test_groups_of_which_none_is_named_close_the_route(tmp_path: Path, config: str) -> None:
    """Kong takes no such plugin, and somebody meant to keep others out."""
    draft = asked(f"{{name: key-auth}}, {{name: acl, config: {config}}}", "- {username: acme}\n", tmp_path)

    assert routes(draft)["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert any(what.startswith("services[0].plugins[1]") for _, what in left(draft))
