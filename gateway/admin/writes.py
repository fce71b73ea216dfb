"""Requests that change something: only for callers who show `admin.token`.

`DELETE /auth/cache` and `POST /auth/revocations` are here; see `docs/guides/jwt.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.server import Request

from gateway.admin.guard import Guard, caller
from gateway.admin.resources import Leaf
from gateway.errors import GatewayError, MalformedRequest
from gateway.identity.orders import Control, NoRoom, Order, OrderUnreadable, read

_log = Logger()
_audit = Logger(namespace="gateway.audit")


class Write(Leaf):
    """One thing that can be changed.

    Args:
        guard: Lets in who may change something.
    """

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self._guard = guard

    def answer(self, request: Request) -> bytes | Deferred[bytes]:
        """Check who asks, then do it; who may not leaves a record, too."""
        try:
            self._guard.check(request)
        except GatewayError as error:
            if self._guard.tells(request):
                _audit.warn(
                    "Operator {who}: {what}: refused ({reason})",
                    who=f"admin:{caller(request)}",
                    what=what(request),
                    reason=error.reason,
                    outcome="refused",
                )
            raise

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


def what(request: Request) -> str:
    """Say what a request asks for, in a record."""
    return f"{request.method.decode('latin-1')} {request.path.decode('latin-1')}"


class _Orders(Write):
    def __init__(self, guard: Guard, control: Callable[[], Control]) -> None:
        super().__init__(guard)
        self._control = control

    def _give(self, request: Request, order: Order) -> tuple[int, Any]:
        try:
            forgotten = self._control().give(order)
        except NoRoom:
            return 507, {"error": "the deny-list is full of entries that still count"}
        what = "revoked" if order.revoke else "forgot"
        who = f"admin:{caller(request)}"
        _log.info(
            "Operator: {what} {kind} ({who})",
            what=what,
            kind=order.kind or "everything",
            who=who,
            event="admin.ordered",
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
            return self._give(request, read(False, said) if said else Order(False))
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
            return self._give(request, read(True, said, until))
        except (ValueError, RecursionError) as error:
            raise MalformedRequest(_words(error)) from None


def auth_writes(guard: Guard, control: Callable[[], Control]) -> dict[str, Leaf]:
    """Return the writes about credentials by path.

    Args:
        guard: Lets in who may change something.
        control: Does what is ordered.
    """
    return {"auth/cache": AuthCache(guard, control), "auth/revocations": AuthRevocations(guard, control)}


def _words(error: Exception) -> str:
    return f"{error}." if isinstance(error, OrderUnreadable) else "It cannot be read."
