"""Callers get to the backends of their tenant, and to no others."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from examples.plugins.tenant_router import TenantRouter
from gateway.testing import Harness
from pytest_gateway import MakeHarness

SECRET = "a-secret-of-forty-octets-for-the-tests-only"


def make(gateway_harness: MakeHarness, **config: Any) -> Harness:
    """A gateway for two tenants."""
    plugin = {
        "name": "tenants",
        "class": f"{TenantRouter.__module__}.{TenantRouter.__name__}",
        "config": {"upstreams": {"acme": "red", "globex": "blue"}, **config},
    }
    route = {
        "name": "api",
        "path": "/*",
        "upstream": [{"name": "red"}, {"name": "blue"}],
        "auth": {"type": "jwt"},
        "plugins": ["tenants"],
    }
    auth = {"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET, "issuer": "test", "audience": ["api"]}}}
    made: Harness = gateway_harness(backends=("red", "blue"), plugins=[plugin], routes=[route], auth=auth)
    return made


def ask(gateway: Harness, **claims: Any) -> int:
    """Ask with a token of these claims; returns the status."""
    said = {"iss": "test", "aud": "api", "sub": "u", "exp": 4_000_000_000, **claims}
    token = jwt.encode(said, SECRET, algorithm="HS256")
    return gateway.get("/data", Authorization=f"Bearer {token}").status


def test_each_tenant_has_its_upstream(gateway_harness: MakeHarness) -> None:
    """Whatever the shares are."""
    gateway = make(gateway_harness)

    for _ in range(5):
        assert ask(gateway, tenant="acme") == 200
    assert ask(gateway, tenant="globex") == 200

    assert (len(gateway.backend("red").requests), len(gateway.backend("blue").requests)) == (5, 1)


@pytest.mark.parametrize("claims", [{}, {"tenant": "initech"}, {"tenant": ["acme"]}, {"tenant": None}])
def test_others_are_refused(gateway_harness: MakeHarness, claims: dict[str, Any]) -> None:
    """403, and no backend hears of them; with `default` they go there."""
    gateway = make(gateway_harness)
    assert ask(gateway, **claims) == 403
    assert gateway.backend("red").requests == gateway.backend("blue").requests == []

    gateway = make(gateway_harness, default="blue")
    assert ask(gateway, **claims) == 200
    assert len(gateway.backend("blue").requests) == 1


def test_a_tenant_whose_upstream_the_route_does_not_list(gateway_harness: MakeHarness) -> None:
    """The plugin's fault: nobody gets through, since it protects."""
    gateway = make(gateway_harness, upstreams={"acme": "green"})

    assert ask(gateway, tenant="acme") == 500
    assert gateway.last_log["plugin_errors"] == "tenants.on_request=WrongAnswer"
