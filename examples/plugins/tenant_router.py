"""A tenant router: picks the upstream by a claim of the caller's token.

Everybody uses the same URL; whose data it is about is in the token, and each tenant has backends of their own. The
route lists the upstreams, so that the gateway watches and limits them; the plugin chooses among them. `security` is
set: where the plugin fails, nobody may land at another tenant's backends.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gateway.plugin import Exchange, Forbidden


class Config(BaseModel):
    """What `config` of the plugin may say."""

    model_config = ConfigDict(extra="forbid")

    claim: str = "tenant"
    upstreams: dict[str, str]
    """Upstream by tenant."""
    default: str | None = None
    """For callers of other tenants, and of none; absent: they are refused."""


class TenantRouter:
    """Chooses the upstream of an exchange."""

    security = True

    def __init__(self, config: Config) -> None:
        self._config = config

    def on_request(self, exchange: Exchange) -> None:
        """Choose by the claim.

        Raises:
            Forbidden: The caller has no upstream.
        """
        principal = exchange.principal
        tenant = None if principal is None else principal.claims.get(self._config.claim)
        upstream = self._config.upstreams.get(tenant) if isinstance(tenant, str) else None
        chosen = upstream or self._config.default
        if chosen is None:
            raise Forbidden("no such tenant")
        exchange.upstream = chosen
