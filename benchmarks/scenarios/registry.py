"""The scenarios by name, in the order of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from benchmarks.backend import BLOB
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.gateway import gateways
from benchmarks.scenarios.base import Scenario
from benchmarks.scenarios.cache import CacheHit
from benchmarks.scenarios.chain import Chain, ChainTLS
from benchmarks.scenarios.change import Change
from benchmarks.scenarios.contents import Compress, TransformBody
from benchmarks.scenarios.fresh import FreshKeys, FreshTokens
from benchmarks.scenarios.handshakes import Handshakes
from benchmarks.scenarios.http2 import Http2Load
from benchmarks.scenarios.idle import Idle
from benchmarks.scenarios.knobs import Knobs
from benchmarks.scenarios.limits import Limits
from benchmarks.scenarios.load import Load
from benchmarks.scenarios.paced import Paced
from benchmarks.scenarios.plugin import Plugin
from benchmarks.scenarios.processes import Processes
from benchmarks.scenarios.routes import Routes
from benchmarks.scenarios.scaling import Scaling
from benchmarks.scenarios.slow import Slow
from benchmarks.scenarios.start import Start
from benchmarks.scenarios.traced import Tracing
from benchmarks.scenarios.transform import Transform
from benchmarks.workload import (
    ANSWER,
    ANSWER_PATH,
    DOWNLOAD_PATH,
    FRESH_PATH,
    GRPC_MESSAGE,
    GRPC_PATH,
    LARGE_MEBIBYTES,
    LARGE_PATH,
    MEBIBYTE,
    UPLOAD_PATH,
)

PLAIN = Load("plain", "126-byte answers; access log, metrics and request id on", ANSWER_PATH, ANSWER)

_HANDSHAKES = "126-byte answers, each on a connection of its own with a full handshake, TLS 1.3; "

# A large body keeps a connection busy: sixteen of them fill the machine, more only queue in the kernel.
_LARGE = 16


def known() -> dict[str, Scenario]:
    """Every scenario."""
    scenarios: list[Scenario] = [
        PLAIN,
        Load("tls", "the same behind TLS", ANSWER_PATH, ANSWER, tls=True),
        Load(
            "new-heads",
            "126-byte answers; no head is sent twice, on either side",
            FRESH_PATH,
            ANSWER,
            numbered="X-Request-Number",
        ),
        Handshakes("handshakes-ecdsa", _HANDSHAKES + "ECDSA P-256", ANSWER_PATH, ANSWER),
        Handshakes("handshakes-rsa", _HANDSHAKES + "RSA 2048", ANSWER_PATH, ANSWER, rsa_bits=2048),
        Load("download", "1 MiB responses", DOWNLOAD_PATH, BLOB, _LARGE, transfer=MEBIBYTE),
        Load("upload", "1 MiB requests", UPLOAD_PATH, None, _LARGE, upload=MEBIBYTE, transfer=MEBIBYTE),
        Http2Load("h2", "126-byte answers over HTTP/2 with TLS", ANSWER_PATH, ANSWER, tls=True),
        Http2Load(
            "h2-download",
            "100 MiB responses over HTTP/2 with TLS",
            LARGE_PATH,
            connections=4,
            streams=1,
            rate=6,
            tls=True,
            transfer=LARGE_MEBIBYTES * MEBIBYTE,
        ),
        Http2Load(
            "h2c-h2c", "126-byte answers over HTTP/2 on both sides, in the clear", ANSWER_PATH, ANSWER, backend=True
        ),
        Http2Load(
            "grpc",
            "unary calls of 126 bytes, 64 at once, over HTTP/2 on both sides, in the clear",
            GRPC_PATH,
            GRPC_MESSAGE,
            connections=4,
            streams=16,
            rate=10_000,
            backend=True,
            body=GRPC_MESSAGE,
            headers=[("User-Agent", "grpc-c/1.60"), ("Content-Type", "application/grpc"), ("TE", "trailers")],
        ),
        Idle(),
        Idle("idle-tls", tls=True),
        Idle("idle-h2", http2=True),
        Idle("idle-h2-tls", tls=True, http2=True),
        Routes(),
        Start(),
        Limits(),
        Chain(),
        ChainTLS(),
        Paced(),
        Processes(),
        Processes("processes-chain", users=100),
        Processes("processes-one-user", users=1),
        Transform(),
        Plugin(),
        Knobs(),
        Tracing(),
        TransformBody(),
        Compress(),
        CacheHit(),
        FreshTokens(),
        FreshKeys(),
        Slow(),
        Change(),
        Scaling(),
    ]
    return {scenario.name: scenario for scenario in scenarios}


_STOCK = {"twisted-agent", "twisted-resource"}
_NOT_ASKED: Mapping[str, Set[str]] = {
    "tls": _STOCK | {"caddy"},
    "new-heads": _STOCK | {"nginx", "haproxy", "caddy"},
    "handshakes-ecdsa": _STOCK | {"caddy"},
    "handshakes-rsa": _STOCK | {"caddy"},
    "download": _STOCK | {"caddy"},
    "upload": _STOCK | {"caddy"},
    "h2": _STOCK,
    "h2-download": _STOCK,
    "h2c-h2c": _STOCK | {"nginx"},
    "grpc": _STOCK | {"nginx"},
    "traced": _STOCK | {"nginx", "haproxy", "caddy"},
    "change": _STOCK | {"nginx", "haproxy"},
    "knobs": _STOCK | {"nginx", "haproxy", "envoy", "caddy"},
    "idle": _STOCK | {"caddy"},
    "idle-tls": _STOCK | {"caddy"},
    "idle-h2": _STOCK | {"caddy"},
    "idle-h2-tls": _STOCK | {"caddy", "envoy"},  # its first answer waits for an ACK, 45 ms each: four minutes
}
"""Peers that a scenario does without, unless they are named: their figures would decide nothing, and take minutes."""


_NEEDS: Mapping[str, Sequence[str]] = {"transform-body": ["njs"]}
"""Programs of scenarios, beside those of the proxies."""

_BESIDE_ITSELF = {"routes", "limits", "slow", "transform", "plugin"}
"""The gateway beside itself: one kind says it, the compiled one where it is there."""

_LONG = {"change", "processes-chain", "processes-one-user"}
"""Each proxy takes a minute or two there: one kind of gateway has to do."""


def asked(scenario: str, proxies: Sequence[Proxy]) -> list[Proxy]:
    """Return the proxies that a scenario measures where nobody has named any."""
    left_out = _NOT_ASKED.get(scenario, frozenset())
    if scenario in _BESIDE_ITSELF | _LONG and len(gateways(proxies)) > 1:
        left_out = left_out | {gateways(proxies)[-1].name}
    return [proxy for proxy in proxies if proxy.name not in left_out]


def needs(scenarios: Sequence[Scenario]) -> list[str]:
    """Return the programs that scenarios need, beside those of the proxies."""
    return [program for one in scenarios for program in _NEEDS.get(one.name, ())]


def choose(names: Sequence[str]) -> list[Scenario]:
    """Pick scenarios by name; all for none.

    Raises:
        ValueError: A name is unknown.
    """
    scenarios = known()
    unknown = [name for name in names if name not in scenarios]
    if unknown:
        raise ValueError(f"unknown scenario {', '.join(unknown)}; known: {', '.join(scenarios)}")
    return [scenarios[name] for name in names] if names else list(scenarios.values())
