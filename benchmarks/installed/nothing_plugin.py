"""A plugin with three hooks that do nothing: what it costs is what the gateway does around them."""

from __future__ import annotations

from gateway.plugin import Exchange


class Nothing:
    """Has all hooks."""

    def on_request(self, exchange: Exchange) -> None:
        """Let it pass."""

    def on_response(self, exchange: Exchange) -> None:
        """Let it pass."""

    def on_finish(self, exchange: Exchange) -> None:
        """It is over."""
