"""What it means that something beside the routes is another."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import Settings, from_mapping
from gateway.rehearsal.planning.consequences import of_section, of_upstream
from gateway.rehearsal.planning.effects import Effect

VERIFIER = {"algorithms": ["HS256"], "secret": "s" * 32, "issuer": "i", "audience": "a", "require": {"azp": ["x"]}}
BACKENDS = [{"url": "https://x"}, {"url": "https://y"}]
HERE = "tcp:9090:interface=127.0.0.1"


def settings(said: dict[str, Any]) -> Settings:
    """A configuration that says this."""
    return from_mapping({"routes": [{"path": "/", "respond": {}}], **said})


def verifier(**other: Any) -> dict[str, Any]:
    """A verifier that says something else."""
    return {
        "auth": {"jwt": {"default": {key: value for key, value in (VERIFIER | other).items() if value is not None}}}
    }


def keys(*them: str) -> dict[str, Any]:
    """API keys, `id=key`."""
    pairs = (one.partition("=") for one in them)
    return {"auth": {"api_keys": {"keys": [{"id": name, "key": key * 16, "user": name} for name, _, key in pairs]}}}


@pytest.mark.parametrize(
    ("section", "before", "after", "level", "words"),
    [
        ("admin", {}, {"admin": {"endpoint": "tcp:9090"}}, "danger", "the operators' port is open to other machines"),
        ("admin", {}, {"admin": {"endpoint": f"{HERE[:-1]}2"}}, "change", "the operators' port is another one"),
        ("admin", {"admin": {"token": "t"}}, {}, "warning", "writes are refused"),
        ("admin", {}, {"admin": {"token": "t"}}, "warning", "the token is another one"),
        ("admin", {}, {"admin": {"metrics_public": True}}, "danger", "/metrics answers on the listeners"),
        ("trusted_proxies", {}, {"trusted_proxies": ["10.0.0.0/8"]}, "danger", "who comes from 10.0.0.0/8 is believed"),
        ("trusted_proxies", {"trusted_proxies": ["unix:"]}, {}, "warning", "unix: is not believed any more"),
        ("ip_allow", {"ip_allow": ["10.0.0.1"]}, {}, "danger", "all addresses get in"),
        ("ip_dry_run", {}, {"ip_dry_run": True}, "danger", "address rules for all refuse nobody any more"),
        ("rate_limits", {"rate_limits": [{"path": "/a", "limit": 1}]}, {}, "danger", "/a: the limit by ip is gone"),
        ("auth", verifier(), verifier(audience=None), "danger", "`default`: tokens of every audience get in"),
        ("auth", verifier(), verifier(issuer=["i", "j"]), "warning", "`default`: tokens of other issuers get in: j"),
        ("auth", verifier(), verifier(issuer="j"), "warning", "`default`: tokens of the issuer i are refused (401)"),
        ("auth", verifier(), verifier(require=None), "danger", "`default`: tokens with any `azp` get in"),
        ("auth", verifier(), verifier(required_claims=["sub"]), "danger", "`default`: tokens without an end get in"),
        ("auth", verifier(), verifier(algorithms=["HS256", "HS512"]), "warning", "`default`: signatures of HS512"),
        (
            "auth",
            verifier(),
            verifier(secret="t" * 32),
            "warning",
            "`default`: tokens that were signed by the key before",
        ),
        ("auth", verifier(), {}, "warning", "tokens that `default` took are not taken any more"),
        ("auth", keys("a=k", "b=l"), keys("a=k"), "warning", "the API key `b` is refused (401)"),
        ("auth", keys("a=k"), keys("a=k", "b=l"), "warning", "the API key `b` opens what asks for one"),
        ("auth", keys("a=k"), keys("a=l"), "warning", "the API key `a` is another"),
        ("limits", {}, {"limits": {"request_body": 0}}, "warning", "`request_body` has no bound any more"),
        ("limits", {}, {"limits": {"request_body": "1MiB"}}, "warning", "bodies over 1MiB are refused (413)"),
        ("limits", {}, {"limits": {"connections": 10}}, "warning", "over 10 connections, new ones wait"),
        ("limits", {}, {"limits": {"request_header": "16KiB"}}, "warning", "heads over 16KiB are refused (431)"),
        ("timeouts", {}, {"timeouts": {"connect": "1s"}}, "warning", "`connect` is shorter: 1s in the place of 5s"),
        ("processes", {}, {"processes": 2}, "warning", "a reload is refused"),
        ("rate_limit_store", {}, {}, "warning", "counts of rate limits begin anew"),
        ("on_store_failure", {}, {"on_store_failure": "open"}, "danger", "while Redis fails, there are no rate limits"),
        ("on_store_failure", {}, {"on_store_failure": "closed"}, "warning", "while Redis fails, limited routes refuse"),
        ("paths", {}, {"paths": {"readings": ["case"]}}, "warning", "other paths are refused as ambiguous"),
    ],
)
def test_a_section_is_another(section: str, before: Any, after: Any, level: str, words: str) -> None:
    """One effect, with how bad it may be."""
    found = list(of_section(section, settings(before), settings(after)))

    assert [one.level for one in found if one.words.startswith(words)] == [level], found


def test_who_is_within_a_network_that_is_believed_stays_believed() -> None:
    """One of its addresses was named before."""
    before, after = ({"trusted_proxies": [network]} for network in ("10.0.0.1", "10.0.0.0/8"))

    (found,) = of_section("trusted_proxies", settings(before), settings(after))

    assert found.level == "danger"


def test_a_section_that_nobody_sees() -> None:
    """Means nothing."""
    assert list(of_section("log", settings({}), settings({"log": {"level": "debug"}}))) == []


@pytest.mark.parametrize(
    ("before", "after", "level", "words"),
    [
        ({}, {"tls": {"verify": False}}, "danger", "certificates of backends are not checked any more"),
        ({}, {"backends": [{"url": "http://x"}]}, "danger", "backends are spoken to in the clear"),
        ({}, {"backends": BACKENDS[:1]}, "change", "backends that get nothing any more: https://y"),
        ({"backends": BACKENDS[:1]}, {}, "change", "new backends: https://y"),
        ({"health_check": {}}, {}, "warning", "backends are not checked any more"),
        ({"passive_health": {}}, {}, "warning", "backends that fail are not taken out any more"),
        ({"circuit_breaker": {}}, {}, "warning", "no breaker opens any more"),
        ({"circuit_breaker": {}}, {"circuit_breaker": {"dry_run": True}}, "warning", "no breaker opens any more"),
        (
            {},
            {"strategy": "ip_hash"},
            "change",
            "clients come to other backends: by ip_hash, in the place of round_rob",
        ),
        (
            {"sticky": {"cookie": "c", "secret": "s" * 16}},
            {},
            "warning",
            "clients are not bound to the backends any mo",
        ),
    ],
)
def test_an_upstream_is_another(before: dict[str, Any], after: dict[str, Any], level: str, words: str) -> None:
    """One effect, with how bad it may be."""
    old, new = (settings({"upstreams": [{"name": "a", "backends": BACKENDS} | one]}) for one in (before, after))

    found: list[Effect] = list(of_upstream(old.upstreams[0], new.upstreams[0], old, new))

    assert level in [one.level for one in found if one.words.startswith(words)], found
