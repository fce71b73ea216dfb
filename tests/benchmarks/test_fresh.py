"""Credentials that no proxy has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from twisted.internet.defer import Deferred

from benchmarks import tokens
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.proxies.nginx import Nginx
from benchmarks.proxies.verifying import Keyed
from benchmarks.scenarios.fresh import COUNT, count, record, verifying
from benchmarks.workload import Task
from gateway.config import from_mapping
from gateway.identity.api_keys import KeyRecord, digester, judge
from gateway.storage.key_redis import RedisKeys

PAGE = b"""# TYPE gateway_auth_total counter
gateway_auth_total{method="jwt",outcome="verified"} 1204.0
gateway_auth_total{method="api_key",outcome="verified"} 6.0
gateway_auth_total{method="jwt",outcome="cached"} 17.0
"""


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_tokens_are_good_and_each_is_another(tmp_path: Path, algorithm: str) -> None:
    """By the key in both its forms; the one for the first look is not among them."""
    signed = tokens.make(algorithm, 3, tmp_path)
    made = [signed.one, *signed.others.read_text().split()]

    assert len({token.split(".")[1] for token in made}) == 4
    for key in (signed.public_key.read_bytes(), jwt.PyJWK(dict(signed.jwk)).key):
        said = [jwt.decode(token, key, [algorithm], audience="api", issuer="benchmark") for token in made]
        assert len({claims["sub"] for claims in said}) == 4


def test_the_gateways_and_envoy_verify_them(tmp_path: Path) -> None:
    """In configurations that the gateway takes, which keeps half as many results as there are tokens."""
    signed = tokens.make("ES256", 1, tmp_path)
    proxies: list[Proxy] = [Gateway("gateway", tmp_path), Nginx(), Envoy()]
    ours, envoy = verifying(proxies, signed)

    assert (ours.name, envoy.name) == ("gateway+ES256", "envoy+ES256")
    assert isinstance(ours, Gateway)
    settings = from_mapping(ours.configuration(Task(8080, 9090, 9001, tmp_path)))
    assert settings.auth is not None
    assert settings.auth.jwt["default"].algorithms == ("ES256",)
    assert settings.auth.cache.max_entries * 2 <= COUNT


def test_a_key_is_put_as_the_gateway_reads_it(tmp_path: Path) -> None:
    """By its digest, with the fields of a record."""
    key = "gw_key-7_secret_with_more"
    digest, kept = record(key)

    class Store:
        async def command(self, *words: Any) -> bytes | None:
            return kept.encode() if words[1:] == ("gateway:{apikeys}:by-digest", digest) else None

    store: Any = Store()
    shown = digester(b"")(key.encode())
    found = Deferred.fromCoroutine(RedisKeys(store).find(shown)).result
    assert isinstance(found, KeyRecord)
    assert judge(found, shown, 0.0).key_id == "key-7"


def test_the_configuration_with_keys_is_taken(tmp_path: Path) -> None:
    """Its store is Redis."""
    made = Keyed(Gateway("gateway", tmp_path), {"url": "redis://127.0.0.1:6379/0"})

    settings = from_mapping(made.configuration(Task(8080, 9090, 9001, tmp_path)))
    assert settings.auth is not None
    assert settings.auth.api_keys is not None
    assert settings.auth.api_keys.store == "redis"


def test_verifications_are_counted_by_outcome() -> None:
    """Of whatever method."""
    assert count(PAGE, "verified") == 1210
    assert count(PAGE, "cached") == 17
    assert count(b"", "cached") == 0
