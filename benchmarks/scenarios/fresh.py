"""Credentials that the proxy has never seen: every request shows another one, so that each is verified."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import tokens
from benchmarks.figures import Outcome
from benchmarks.progress import say, warn
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway, gateways
from benchmarks.proxies.verifying import Keyed, Verifying, VerifyingEnvoy
from benchmarks.redis import put, redis_settings
from benchmarks.scenarios.load import Load
from benchmarks.stand import Round, Running, Stand, ask
from benchmarks.workload import ANSWER, ANSWER_PATH, fields
from benchmarks.wrk import Shown

COUNT = 20_000
"""Credentials, which are shown in turn: twice as many as a gateway keeps, so that none is known when it comes again."""

ALGORITHMS = ("RS256", "ES256")
_KEYS = "gateway:{apikeys}:by-digest"


@dataclass(frozen=True)
class Fresh(Load):
    """A load with another credential in every request."""

    def look(self, running: Sequence[Running], rounds: Mapping[str, list[Round]]) -> None:
        """Look that the gateways have verified, and not known, what they were shown."""
        for one in running:
            if not isinstance(one.proxy, Gateway):
                continue
            try:
                _, page = ask(one.task, "/metrics", {}, port=one.task.admin_port)
            except (OSError, http.client.HTTPException) as error:
                warn(f"{one.proxy.name}: its metrics cannot be read: {error}")
                continue
            known, verified = count(page, "cached"), count(page, "verified")
            if known > verified / 100:
                warn(f"{one.proxy.name}: {known:,.0f} credentials were known, and {verified:,.0f} verified")


@dataclass(frozen=True)
class FreshTokens:
    """JSON Web Tokens, signed with RSA and on P-256; Envoy verifies the same ones."""

    name: str = "fresh-tokens"
    count: int = COUNT

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure both algorithms, one after the other."""
        outcome = Outcome()
        for algorithm in ALGORITHMS:
            say(f"  signing {self.count:,} tokens with {algorithm}", "dim")
            directory = stand.file(algorithm)
            directory.mkdir()
            signed = tokens.make(algorithm, self.count, directory)
            load = Fresh(
                f"{self.name}-{algorithm}",
                "126-byte answers; a JWT never seen before with every request",
                ANSWER_PATH,
                ANSWER,
                headers=fields(),
                first=[*fields(), ("Authorization", f"Bearer {signed.one}")],
                shown=Shown("Authorization", "Bearer ", signed.others),
            )
            of_one = load.run(stand, verifying(proxies, signed))
            outcome.tables += of_one.tables
            outcome.figures |= of_one.figures
            outcome.raw |= of_one.raw
        return outcome


def verifying(proxies: Sequence[Proxy], signed: tokens.Signed) -> list[Proxy]:
    """Return the gateways and Envoy, where tokens are verified."""
    found: list[Proxy] = [Verifying(gateway, signed) for gateway in gateways(proxies)]
    return found + [VerifyingEnvoy(signed) for proxy in proxies if isinstance(proxy, Envoy)]


@dataclass(frozen=True)
class FreshKeys:
    """API keys in Redis; no peer here looks keys up there."""

    name: str = "fresh-keys"
    count: int = COUNT

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Put the keys into a Redis, and measure."""
        if not gateways(proxies):
            return Outcome()
        with redis_settings(stand) as store:
            if store is None:
                return Outcome()
            keys = [f"gw_key-{number}_{secrets.token_urlsafe(32)}" for number in range(self.count + 1)]
            put(store["redis"]["url"], _KEYS, dict(map(record, keys)))
            values = stand.file("keys.txt")
            values.write_text("".join(f"{key}\n" for key in keys[1:]))
            load = Fresh(
                self.name,
                "126-byte answers; an API key in Redis never seen before with every request",
                ANSWER_PATH,
                ANSWER,
                headers=fields(),
                first=[*fields(), ("X-API-Key", keys[0])],
                shown=Shown("X-API-Key", "", values),
            )
            return load.run(stand, [Keyed(gateway, store["redis"]) for gateway in gateways(proxies)])


def record(key: str) -> tuple[str, str]:
    """Return what the gateway's store knows a key by, and what it keeps of it."""
    name = key.split("_")[1]
    kept = {"id": name, "user": "", "roles": "", "scopes": "read", "expires": None, "revoked": False}
    return hashlib.sha256(key.encode()).hexdigest(), json.dumps(kept)


def count(page: bytes, outcome: str) -> float:
    """Add up the verifications with an outcome on a page of metrics."""
    lines = re.findall(r"^gateway_auth_total\{([^}]*)\} (\S+)$", page.decode(), re.MULTILINE)
    return sum(float(value) for labels, value in lines if f'outcome="{outcome}"' in labels)
