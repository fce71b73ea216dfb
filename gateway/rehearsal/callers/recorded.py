"""Who made the requests of a log, as claims that a gateway can be shown.

A log has names at most. What a caller was let in with is told by the route that let it in: who was answered with
neither 401 nor 403 had the scopes, and one of the roles, that the route asked for at that time.

Tests: `tests/rehearsal/callers/test_recorded.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.config import Settings
from gateway.config.schema.auth import RouteAuth
from gateway.recorded.request import Recorded
from gateway.rehearsal.callers.credentials import Claims

NOBODY: Final = "replay"
"""The subject of who called where the log does not say who did."""

REFUSED: Final = frozenset({401, 403})


class Callers:
    """Gives each request its caller.

    Args:
        users: The names in the log.
        known: Claims by name, where somebody has said more.
        stranger: Claims of who has no name in a log that has no names; None for a subject that is made up.
    """

    def __init__(
        self, users: Iterable[str] = (), known: Mapping[str, Claims] | None = None, stranger: Claims | None = None
    ) -> None:
        self._users = list(users)
        self._known = known or {}
        self._stranger = stranger
        self._made: dict[tuple[str, str], Claims] = {}

    def of(self, request: Recorded, auth: RouteAuth | None) -> Claims | None:
        """Return the claims of who made a request; None where it was made by nobody who shows who it is.

        Args:
            request: The request.
            auth: What the route asked that took it then.
        """
        if request.user is None:
            if self._users or request.status == 401:
                return None
            return self._stranger or self._claims(NOBODY, None if request.status in REFUSED else auth)
        if request.user in self._known:
            return self._known[request.user]
        return self._claims(request.user, None if request.status in REFUSED else auth)

    def all(self, *configurations: Settings) -> Iterator[Claims]:
        """Yield the claims of everybody who may call: API keys have to be known before a gateway is made.

        Args:
            configurations: Whose routes may say what was asked.
        """
        asked: list[RouteAuth | None] = [None]
        for settings in configurations:
            for route in settings.routes:
                if route.auth is not None and route.auth not in asked:
                    asked.append(route.auth)
        yield from self._known.values()
        if self._stranger is not None:
            yield self._stranger
        for user in self._users or [NOBODY]:
            for auth in asked:
                yield self._claims(user, auth)

    def _claims(self, user: str, auth: RouteAuth | None) -> Claims:
        scopes = "" if auth is None else " ".join(auth.scopes)
        roles = () if auth is None else auth.roles
        key = user, f"{scopes}|{roles}"
        if key not in self._made:
            claims: dict[str, Any] = {"sub": user}
            if scopes:
                claims["scope"] = scopes
            if roles:
                claims["roles"] = list(roles)
            self._made[key] = claims
        return self._made[key]
