"""Requests as they go over the wire, each made once for each caller: with the credential that its route wants.

Tests: `tests/simulation/test_requests.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.config import Settings
from gateway.config.endpoint_strings import address_of
from gateway.config.schema.cases import CaseRequest
from gateway.memory.gateway import MemoryGateway
from gateway.rehearsal.asked import asked_by, head_of, listener_of
from gateway.rehearsal.callers.credentials import Credentials, Field
from gateway.serving.trial import tried
from gateway.simulation.mix import Call, Caller

KEPT: Final = 100_000
"""Requests that are kept to be sent again."""


class Sent(NamedTuple):
    """A request.

    Attributes:
        octets: All of it.
        is_head: Whether its method is HEAD.
        where: The client's address, the name of the listener, and whether it is a connection with TLS.
    """

    octets: bytes
    is_head: bool
    where: tuple[str, str, bool]


class Requests:
    """Makes them.

    Args:
        requests: What is asked.
        callers: Who asks.
        credentials: Makes those of callers.
        settings: The configuration, with what takes these.
        gateway: What is asked.
        until: Unix seconds until which credentials are good at least.
    """

    def __init__(
        self,
        requests: Sequence[CaseRequest],
        callers: Sequence[Caller],
        credentials: Credentials,
        settings: Settings,
        gateway: MemoryGateway,
        until: float,
    ) -> None:
        self._requests = requests
        self._callers = callers
        self._credentials = credentials
        self._routes = {route.name: route for route in settings.routes}
        self._endpoints = {one.name: one.endpoint for one in settings.listeners}
        self._settings = settings
        self._gateway = gateway
        self._until = until
        self._made: dict[Call, Sent] = {}

    def of(self, call: Call) -> Sent:
        """Return a request as it is sent.

        Raises:
            gateway.rehearsal.callers.credentials.CannotShow: Its route wants a credential that cannot be made up.
        """
        caller = self._callers[call.caller]
        self._credentials.calls(caller.claims)
        sent = self._made.get(call)
        if sent is None:
            if len(self._made) >= KEPT:
                self._made.clear()
            sent = self._made[call] = self._make(call)
        return sent

    def _make(self, call: Call) -> Sent:
        request, caller = self._requests[call.request], self._callers[call.caller]
        listener = listener_of(request, self._settings)
        parts = self._gateway.parts
        trial = tried(parts.root.tree.at(address_of(self._endpoints[listener])), head_of(request))
        route = None if trial.route is None else self._routes.get(trial.route.name)
        own = {name.lower() for name in request.headers}
        shown: tuple[list[Field], list[Field]] = ([], [])
        if caller.claims is not None and "authorization" not in own:
            claims = {"exp": int(self._until) + 3600, **caller.claims}
            auth = None if route is None else route.auth
            shown = self._credentials.show(auth, claims, self._until, parts.foundation)
        asked = asked_by(request, *shown)
        address = request.client if "client" in request.model_fields_set else caller.address
        return Sent(asked.octets, request.method == "HEAD", (address, listener, request.url.startswith("https:")))
