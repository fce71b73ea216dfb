"""What a gateway does not use it does not load: it would take a megabyte or more each (D-136, D-228)."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

BIG = (
    "argon2",  # hashes passwords
    "dotenv",  # reads `.env` files
    "gateway.admin.configuration",  # changes the configuration
    "gateway.balancing.hashing",  # picks backends by hashes
    "gateway.composition.builders.browsers",  # makes what is for browsers
    "gateway.composition.builders.fixed_answers",  # makes answers of the gateway's own
    "gateway.composition.builders.limits",  # counts requests
    "gateway.composition.builders.log_shipping",  # sends records away
    "gateway.composition.builders.plugins",  # makes plugins
    "gateway.composition.builders.probes",  # makes active checks
    "gateway.composition.builders.sticky",  # makes what keeps clients at their backends
    "gateway.composition.builders.ways",  # makes what verifies callers
    "gateway.identity.certificates",  # knows clients by their certificates
    "gateway.identity.jwt",  # verifies tokens
    "gateway.identity.oauth",  # issues them
    "gateway.listening.certificates",  # reads certificates of listeners
    "gateway.listening.introductions",  # reads PROXY headers
    "gateway.middleware.authentication",  # asks who is calling
    "gateway.middleware.last_good",  # keeps answers for while a breaker is open
    "gateway.middleware.plugin",  # runs plugins
    "gateway.middleware.tracing",  # notes what spans are made of
    "gateway.middleware.transformation",  # changes requests and answers
    "gateway.routing.nearest",  # guesses what was meant
    "gateway.serving.http2_channel",  # serves HTTP/2
    "gateway.serving.stock",  # requests of stock sites
    "gateway.storage.redis",  # counts at Redis
    "gateway.storage.shared_orders",  # tells other instances who is revoked
    "gateway.telemetry.log_sinks",  # knows who takes records
    "gateway.telemetry.overload",  # looks whether time or memory is short
    "gateway.telemetry.shipping.shipper",  # sends away what the gateway tells
    "gateway.telemetry.statsd",  # sends figures
    "gateway.telemetry.tracing.otlp",  # writes spans
    "gateway.transport.memory_tls",  # speaks TLS
    "gateway.upstream.http2_connection",  # asks backends by HTTP/2
    "jwt",  # PyJWT
    "ngh2",  # libnghttp2
    "prometheus_client",  # writes the figures of the process
    "re2",  # regular expressions
    "treq",  # asks authorities
    "twisted.application.internet",  # Twisted's clients, with Automat
)
"""What takes memory and is not for everybody."""

TLS = ("gateway.dialling.tls", "gateway.transport.sessions", "gateway.transport.tls")
"""What speaks TLS, with whomever."""

KEY = {"algorithms": ["HS256"], "secret": "a secret of more than thirty-two octets"}
PATTERN = {"name": "orders", "path": "/orders/*", "upstream": "orders", "headers": {"X-A": "~^b+$"}}
ORDERS = {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]}
TWO = {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}, {"url": "http://127.0.0.1:9002"}]}
FIXED = {"name": "hello", "path": "/hello", "respond": {"body": "hello"}}
CALLERS = {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"any_of": ["jwt"]}}
SCRAPE = "made.gateway.foundation.metrics.exposition(b'', 1.0)"


def loaded(settings: dict[str, Any], then: str = "", of: tuple[str, ...] = BIG) -> list[str]:
    """Assemble a gateway in a process of its own, do something with it, and say what of some modules is there."""
    program = f"""
import json, sys
import gateway.tap
from gateway.testing import Harness
made = Harness("orders", **json.loads({json.dumps(settings)!r}))
{then}
print(json.dumps([name for name in {of!r} if name in sys.modules]))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    found: list[str] = json.loads(ended.stdout)
    return found


def test_a_plain_gateway_loads_none_of_it() -> None:
    """One that passes requests on, offers HTTP/2 and is asked by HTTP/1.1."""
    assert loaded({}, "made.get('/orders/7')", (*BIG, *TLS)) == []


@pytest.mark.parametrize(
    ("settings", "then", "names"),
    [
        ({}, SCRAPE, ["prometheus_client"]),
        (
            {"auth": {"jwt": {"default": KEY}}},
            "",
            [
                "gateway.composition.builders.ways",
                "gateway.identity.certificates",
                "gateway.identity.jwt",
                "gateway.storage.shared_orders",
                "jwt",
            ],
        ),
        (
            {"auth": {"jwt": {"default": KEY}}, "routes": [CALLERS]},
            "",
            [
                "gateway.composition.builders.ways",
                "gateway.identity.certificates",
                "gateway.identity.jwt",
                "gateway.middleware.authentication",
                "gateway.storage.shared_orders",
                "jwt",
            ],
        ),
        ({"compression": {}}, "", ["gateway.composition.builders.browsers"]),
        ({"upstreams": [ORDERS | {"protocol": "http2"}]}, "", ["gateway.upstream.http2_connection", "ngh2"]),
        ({"upstreams": [ORDERS | {"health_check": {}}]}, "", ["gateway.composition.builders.probes"]),
        ({"upstreams": [ORDERS | {"sticky": {"cookie": "at"}}]}, "", ["gateway.composition.builders.sticky"]),
        ({"upstreams": [TWO | {"strategy": "ip_hash"}]}, "", ["gateway.balancing.hashing"]),
        ({"routes": [PATTERN]}, "", ["re2"]),
        ({"routes": [FIXED]}, "", ["gateway.composition.builders.fixed_answers"]),
        ({"limits": {"loop_lag": "1s"}}, "", ["gateway.telemetry.overload"]),
        ({"metrics": {"statsd": {}}}, "", ["gateway.telemetry.statsd"]),
        (
            {"log_shipping": {"url": "http://127.0.0.1:9/logs"}},
            "",
            [
                "gateway.composition.builders.log_shipping",
                "gateway.telemetry.log_sinks",
                "gateway.telemetry.shipping.shipper",
            ],
        ),
        (
            {"tracing": {"exporter": "otlp"}},
            "",
            [
                "gateway.middleware.tracing",
                "gateway.telemetry.shipping.shipper",
                "gateway.telemetry.tracing.otlp",
            ],
        ),
        (
            {},
            "import gateway.serving.http2_channel",
            ["gateway.listening.certificates", "gateway.serving.http2_channel", "ngh2"],
        ),
    ],
)
def test_what_is_asked_for_is_loaded(settings: dict[str, Any], then: str, names: list[str]) -> None:
    """These names are the right ones; and nothing comes along."""
    assert loaded(settings, then) == names
