"""A request signer: each request goes to the backend with a signature, by a key that another server hands out.

It shows what takes time: `start` asks for the first key before the configuration comes into force, so no request goes
out unsigned; a key that gets old is fetched again by whoever needs it, once for all who wait; what the key server does
wrong is the plugin's failure, and with `security = True` nothing passes then.

    X-Signature: keyid="7", signature="base64(HMAC-SHA256(key, METHOD SP TARGET SP TIMESTAMP))", created=TIMESTAMP
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from twisted.internet.defer import Deferred, ensureDeferred

from gateway.plugin import Exchange, Services


class Config(BaseModel):
    """What `config` of the plugin may say."""

    model_config = ConfigDict(extra="forbid")

    key_url: str
    max_age: float = 300.0
    """Seconds after which a key is asked for again."""
    timeout: float = 0.5
    """Seconds for that."""


class Key(NamedTuple):
    """A key, as the server has said it: `{"id": "7", "key": "hexadecimal"}`."""

    name: str
    secret: bytes
    until: float


class RequestSigner:
    """Signs requests with a key that it is given."""

    security = True

    def __init__(self, config: Config) -> None:
        self._config = config
        self._key: Key | None = None
        self._waiting: list[Deferred[Key]] = []

    async def start(self, services: Services) -> None:
        """Get the first key; without one the configuration does not come into force."""
        self._services = services
        self._signed = services.metrics.counter("signed", "Requests that were signed.")
        await self._current()

    async def on_request(self, exchange: Exchange) -> None:
        """Sign it."""
        key = self._key
        if key is None or key.until <= self._services.now():
            key = await self._current()
        request, now = exchange.request, int(self._services.wall_clock())
        text = b"%b %b %d" % (request.method, request.target, now)
        signature = b64encode(hmac.digest(key.secret, text, "sha256"))
        request.headers.remove(b"X-Signature")
        exchange.headers_out.append(
            (b"X-Signature", b'keyid="%b", signature="%b", created=%d' % (key.name.encode(), signature, now))
        )
        self._signed.inc()

    async def _current(self) -> Key:
        """Ask for a key, or wait for an answer that is under way: a thousand requests need one key."""
        waiting: Deferred[Key] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            ensureDeferred(self._ask()).addBoth(self._answered)
        return await waiting

    async def _ask(self) -> Key:
        response = await self._services.client.get(self._config.key_url, timeout=self._config.timeout)
        if response.code != 200:
            raise ValueError(f"the key server said {response.code}")
        said = await response.json()
        return Key(said["id"], bytes.fromhex(said["key"]), self._services.now() + self._config.max_age)

    def _answered(self, result: Any) -> None:
        """Tell those who wait, unless they have left; `result` is a key, or the failure."""
        waiting, self._waiting = self._waiting, []
        if isinstance(result, Key):
            self._key = result
        for one in waiting:
            if not one.called:
                one.callback(result)
