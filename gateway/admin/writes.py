"""Requests that change something: only for callers who show `admin.token`.

`DELETE /auth/cache` and `POST /auth/revocations` are here; see `docs/guides/jwt.md`.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from math import inf
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.server import Request

from gateway.admin.resources import Leaf
from gateway.errors import CredentialInvalid, CredentialMissing, Forbidden, MalformedRequest
from gateway.identity.orders import Control, NoRoom, Order, OrderUnreadable, read

_log = Logger()

_CHALLENGE = b'Bearer realm="admin"'


class Write(Leaf):
    """One thing that can be changed.

    Args:
        token: The `admin.token` of the configuration in force; empty refuses everybody.
    """

    def __init__(self, token: Callable[[], str]) -> None:
        super().__init__()
        self._token = token

    def answer(self, request: Request) -> bytes | Deferred[bytes]:
        """Check who asks, then do it."""
        self._check(request)

        def say(done: tuple[int, Any]) -> bytes:
            status, document = done
            request.setResponseCode(status)
            request.setHeader(b"Content-Type", b"application/json")
            return json.dumps(document).encode() + b"\n"

        done = self.change(request)
        return done.addCallback(say) if isinstance(done, Deferred) else say(done)

    def change(self, request: Request) -> tuple[int, Any] | Deferred[tuple[int, Any]]:
        """Do it; returns a status and something that JSON can say, now or later."""
        raise NotImplementedError

    def _check(self, request: Request) -> None:
        token = self._token()
        if not token:
            raise Forbidden("Writes are refused: the configuration has no admin.token.")
        shown = request.requestHeaders.getRawHeaders(b"authorization") or []
        if not shown:
            raise CredentialMissing(headers=((b"WWW-Authenticate", _CHALLENGE),))
        scheme, _, value = shown[0].partition(b" ")
        # Compared in the same time wherever the first difference is: the time tells nothing about the token.
        same = hmac.compare_digest(value.strip(b" "), token.encode())
        if len(shown) != 1 or scheme.lower() != b"bearer" or not same:
            raise CredentialInvalid(headers=((b"WWW-Authenticate", _CHALLENGE + b', error="invalid_token"'),))


class _Orders(Write):
    def __init__(self, token: Callable[[], str], control: Callable[[], Control]) -> None:
        super().__init__(token)
        self._control = control

    def _give(self, order: Order) -> tuple[int, Any]:
        try:
            forgotten = self._control().give(order)
        except NoRoom:
            return 507, {"error": "the deny-list is full of entries that still count"}
        _log.info(
            "Operator: {what} {kind}", what="revoked" if order.revoke else "forgot", kind=order.kind or "everything"
        )
        return 200, {"forgotten": forgotten}


class AuthCache(_Orders):
    """`DELETE /auth/cache`: look again at every credential, or with `?user=`, `?key_id=` or `?jti=` at some."""

    methods = ("DELETE",)
    words = "look again at every credential, or at those of ?user=, ?key_id= or ?jti= (needs admin.token)"

    def change(self, request: Request) -> tuple[int, Any]:
        """Forget."""
        _, _, query = request.uri.partition(b"?")
        try:
            said = dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query)))
            return self._give(read(False, said) if said else Order(False))
        except ValueError as error:
            raise MalformedRequest(_words(error)) from None


class AuthRevocations(_Orders):
    """`POST /auth/revocations`: refuse a token by its `jti`, or an API key by its id, until it `expires`."""

    methods = ("POST",)
    words = "refuse a token by its jti, or an API key by its id (needs admin.token)"

    def change(self, request: Request) -> tuple[int, Any]:
        """Refuse it from now on."""
        try:
            said = json.loads(request.content.read() if request.content is not None else b"")
            if not isinstance(said, dict):
                raise OrderUnreadable("expected an object in JSON")
            until = said.pop("expires", inf)
            return self._give(read(True, said, until))
        except (ValueError, RecursionError) as error:
            raise MalformedRequest(_words(error)) from None


def auth_writes(token: Callable[[], str], control: Callable[[], Control]) -> dict[str, Leaf]:
    """Return the writes about credentials by path.

    Args:
        token: The `admin.token` in force.
        control: Does what is ordered.
    """
    return {"auth/cache": AuthCache(token, control), "auth/revocations": AuthRevocations(token, control)}


def _words(error: Exception) -> str:
    return f"{error}." if isinstance(error, OrderUnreadable) else "It cannot be read."
