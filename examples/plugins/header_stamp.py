"""A header stamp: says in a field of each request and each answer who has handled it.

The smallest plugin that does something: two hooks, and a model for its configuration.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from gateway.plugin import Exchange


class Config(BaseModel):
    """What `config` of the plugin may say."""

    model_config = ConfigDict(extra="forbid")

    header: str = Field(default="X-Handled-By", pattern=r"[A-Za-z][A-Za-z0-9-]*")
    value: str = Field(min_length=1, pattern=r"[\x20-\x7e]*")


class HeaderStamp:
    """Adds a field to what the backend gets, and to what the client gets."""

    def __init__(self, config: Config) -> None:
        self._name, self._value = config.header.encode(), config.value.encode()

    def on_request(self, exchange: Exchange) -> None:
        """Add it to the request; a client that sends one of its own does not get it through."""
        exchange.request.headers.remove(self._name)
        exchange.headers_out.append((self._name, self._value))

    def on_response(self, exchange: Exchange) -> None:
        """Add it to the answer, in place of one that the backend has set."""
        assert exchange.response is not None
        exchange.response.headers.set(self._name, self._value)
