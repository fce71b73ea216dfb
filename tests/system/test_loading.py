"""What a gateway does not use it does not load: it would take a megabyte or more each (D-136, D-228)."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

BIG = (
    "argon2",  # hashes passwords
    "gateway.composition.builders.browsers",  # makes what is for browsers
    "gateway.composition.builders.ways",  # makes what verifies callers
    "gateway.identity.certificates",  # knows clients by their certificates
    "gateway.identity.jwt",  # verifies tokens
    "gateway.identity.oauth",  # issues them
    "gateway.middleware.last_good",  # keeps answers for while a breaker is open
    "gateway.middleware.transformation",  # changes requests and answers
    "gateway.serving.http2_channel",  # serves HTTP/2
    "gateway.storage.redis",  # counts at Redis
    "gateway.upstream.http2_connection",  # asks backends by HTTP/2
    "jwt",  # PyJWT
    "ngh2",  # libnghttp2
    "prometheus_client",  # writes the figures of the process
    "re2",  # regular expressions
    "treq",  # asks authorities
)
"""What takes memory and is not for everybody."""

KEY = {"algorithms": ["HS256"], "secret": "a secret of more than thirty-two octets"}
PATTERN = {"name": "orders", "path": "/orders/*", "upstream": "orders", "headers": {"X-A": "~^b+$"}}
HTTP2 = {"name": "orders", "protocol": "http2", "backends": [{"url": "http://127.0.0.1:9001"}]}
SCRAPE = "made.gateway.foundation.metrics.exposition(b'', 1.0)"


def loaded(settings: dict[str, Any], then: str = "") -> list[str]:
    """Assemble a gateway in a process of its own, do something with it, and say what of `BIG` is there."""
    program = f"""
import json, sys
import gateway.tap
from gateway.testing import Harness
made = Harness("orders", **json.loads({json.dumps(settings)!r}))
{then}
print(json.dumps([name for name in {BIG!r} if name in sys.modules]))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    found: list[str] = json.loads(ended.stdout)
    return found


def test_a_plain_gateway_loads_none_of_it() -> None:
    """One that passes requests on, offers HTTP/2 and is asked by HTTP/1.1."""
    assert loaded({}, "made.get('/orders/7')") == []


@pytest.mark.parametrize(
    ("settings", "then", "names"),
    [
        ({}, SCRAPE, ["prometheus_client"]),
        (
            {"auth": {"jwt": {"default": KEY}}},
            "",
            ["gateway.composition.builders.ways", "gateway.identity.certificates", "gateway.identity.jwt", "jwt"],
        ),
        ({"compression": {}}, "", ["gateway.composition.builders.browsers"]),
        ({"upstreams": [HTTP2]}, "", ["gateway.upstream.http2_connection", "ngh2"]),
        ({"routes": [PATTERN]}, "", ["re2"]),
        ({}, "import gateway.serving.http2_channel", ["gateway.serving.http2_channel", "ngh2"]),
    ],
)
def test_what_is_asked_for_is_loaded(settings: dict[str, Any], then: str, names: list[str]) -> None:
    """These names are the right ones; and nothing comes along."""
    assert loaded(settings, then) == names
