"""The token endpoint: gives access tokens to clients that show their secret, and revokes tokens.

`POST /oauth/token` (RFC 6749, client credentials and refresh) and
`POST /oauth/revoke` (RFC 7009). `gateway.identity.oauth` decides what a request means; this module handles it in order:
read the form, count the attempt, compare the secret, answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Protocol

from twisted.logger import Logger

from gateway.errors import ClientRefused, TokenRefused
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.identity.oauth import Client, Clients, narrow, read_credentials, read_form, read_scopes
from gateway.identity.refresh import (
    FAMILY_OCTETS,
    SECRET_OCTETS,
    Grant,
    GrantStore,
    Turned,
    family_of,
    make_refresh_token,
    make_token,
    read_token,
)
from gateway.identity.signing import Issuer
from gateway.message import Response
from gateway.principal import Principal

_log = Logger()

TOKEN = "/oauth/token"  # noqa: S105  # a path
REVOKE = "/oauth/revoke"

_FIELDS = ((b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"), (b"Pragma", b"no-cache"))
"""Fields of every answer with a token (RFC 6749 section 5.1)."""


class Proving(Protocol):
    """Finds out whether a secret is right (`gateway.middleware.guesses.Guesses`)."""

    async def right(self, exchange: Exchange, name: str, secret: str, encoded: str, decoy: bool) -> bool: ...


class Counting(Protocol):
    """Counts what is known of an attempt (`gateway.middleware.client_limit.ClientLimit`); raises `LimitExceeded`."""

    async def proved(self, exchange: Exchange, client: str) -> None: ...
    async def failed(self, exchange: Exchange) -> None: ...


Deny = Callable[[str, float], object]
"""Revokes an access token: takes its `jti`, and when it would have expired (Unix seconds)."""


class TokenEndpoint:
    """Answers the forms that clients send to the token endpoint.

    Args:
        clients: The clients of the configuration.
        issuer: Makes access tokens.
        guesses: Counts attempts, and compares secrets.
        grants: Keeps the grants of refresh tokens.
        refresh_expires_in: Seconds for which a refresh token is good.
        limit: Counts right secrets, and requests that name no client.
        deny: Revokes access tokens.
        wall_clock: Unix seconds.
        random_bytes: As `os.urandom`.
    """

    def __init__(
        self,
        clients: Clients,
        issuer: Issuer,
        guesses: Proving,
        grants: GrantStore,
        refresh_expires_in: float,
        limit: Counting,
        deny: Deny,
        wall_clock: Callable[[], float],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._clients = clients
        self._issuer = issuer
        self._guesses = guesses
        self._grants = grants
        self._refresh_expires_in = refresh_expires_in
        self._limit = limit
        self._deny = deny
        self._wall_clock = wall_clock
        self._random_bytes = random_bytes

    async def token(self, exchange: Exchange, body: bytes) -> Response:
        """Answer `POST /oauth/token`.

        Raises:
            TokenRefused: The request is refused, with an error code of RFC 6749.
            LimitExceeded: The client, or its address, has asked too often.
            AuthUnavailable: Too many clients authenticate at once, or the store of grants does not answer.
        """
        form, client = await self._authenticated(exchange, body)
        asked = read_scopes(form.get("scope"))
        grant = form.get("grant_type")
        refresh = None
        if grant is None:
            raise TokenRefused("invalid_request", "There is no grant_type.")
        if grant == "client_credentials":
            scopes = narrow(asked, client.scopes)
            if client.refreshes:
                refresh = await self._begun(client, scopes)
        elif grant == "refresh_token":
            scopes, refresh = await self._refreshed(exchange, client, form.get("refresh_token"), asked)
        else:
            raise TokenRefused("unsupported_grant_type", "The grant_type is not supported.")
        now = self._wall_clock()
        issued = self._issuer.issue(client.id, scopes, client.roles, now, make_token(self._random_bytes(16)))
        answer: dict[str, Any] = {
            "access_token": issued.token,
            "token_type": "Bearer",  # nosec B105 - the name of a kind of token
            "expires_in": self._issuer.expires_in,
            "scope": " ".join(scopes),
        }
        if refresh is not None:
            answer["refresh_token"] = refresh
        return Response(200, Headers(_FIELDS), json.dumps(answer).encode())

    async def revoke(self, exchange: Exchange, body: bytes) -> Response:
        """Answer `POST /oauth/revoke`; for an unknown token as for a revoked one (RFC 7009 section 2.2).

        Raises:
            TokenRefused: As for `token`.
            LimitExceeded: As for `token`.
            AuthUnavailable: As for `token`.
        """
        form, client = await self._authenticated(exchange, body)
        token = form.get("token")
        if token is None:
            raise TokenRefused("invalid_request", "There is no token.")
        claims = self._issuer.read(token)
        if claims is not None:
            if claims.get("client_id") != client.id:
                raise TokenRefused("unauthorized_client", "The token is another client's.")
            if "jti" not in claims or "exp" not in claims:
                # Another program with our HS256 secret made it: without `jti` there is nothing to put on the deny-list.
                raise TokenRefused("unsupported_token_type", "The token has no name.")
            self._deny(str(claims["jti"]), float(claims["exp"]))
        else:
            # Taken for a refresh token, the current one of its family or an earlier one: the whole family ends. If the
            # family is another client's, that client's token has leaked, so it ends too.
            await self._ended(token)
        return Response(200, Headers(_FIELDS), b"{}")

    async def _authenticated(self, exchange: Exchange, body: bytes) -> tuple[dict[str, str], Client]:
        """Return the form, and the client that it is from: its secret was right."""
        authorization = exchange.request.headers.get_all(b"authorization")
        try:
            form = read_form(body)
            shown = read_credentials(authorization, form)
        except TokenRefused:
            # The request names no client that could be read: it counts as a failure of its address only.
            await self._limit.failed(exchange)
            raise
        client = self._clients.find(shown.id)
        encoded = self._clients.decoy(shown.id) if client is None else client.secret_hash
        right = await self._guesses.right(exchange, shown.id, shown.secret, encoded, client is None)
        if client is None or not right:
            raise ClientRefused("The client is unknown or its secret is wrong.")
        exchange.principal = Principal(client.id, frozenset(client.roles), method="client_secret")
        await self._limit.proved(exchange, client.id)
        return form, client

    async def _begun(self, client: Client, scopes: tuple[str, ...]) -> str:
        """Begin a new family; return its first refresh token."""
        family = make_token(self._random_bytes(FAMILY_OCTETS))
        token = make_refresh_token(family, self._random_bytes(SECRET_OCTETS))
        now = self._wall_clock()
        kept = self._grants.begin(read_token(token), Grant(client.id, scopes), now, now + self._refresh_expires_in)
        if kept is not None:
            await kept
        return token

    async def _refreshed(
        self, exchange: Exchange, client: Client, token: str | None, asked: tuple[str, ...] | None
    ) -> tuple[tuple[str, ...], str]:
        """Use up a refresh token; return the scopes of the new access token, and the refresh token that follows."""
        if not client.refreshes:
            raise TokenRefused("unauthorized_client", "The client gets no refresh tokens.")
        if token is None:
            raise TokenRefused("invalid_request", "There is no refresh_token.")
        following = make_refresh_token(family_of(token), self._random_bytes(SECRET_OCTETS))
        shown, now = read_token(token), self._wall_clock()
        found = self._grants.turn(shown, read_token(following), now, now + self._refresh_expires_in)
        turned = await found if isawaitable(found) else found
        if turned is None:
            raise _bad_grant()
        if turned.grant.client != client.id or not turned.good:
            await self._leaked(exchange, client, token, turned)
            raise _bad_grant()
        # Scopes that the configuration has taken from the client meanwhile are gone from its grants too.
        allowed = tuple(scope for scope in turned.grant.scopes if scope in client.scopes)
        return narrow(asked, allowed), following

    async def _leaked(self, exchange: Exchange, client: Client, token: str, turned: Turned) -> None:
        """End the family of a refresh token that a second party has shown, and log it."""
        await self._ended(token)
        _log.warn(
            "A refresh token of client {owner} was shown {how}, from {client_ip}: what follows from it has ended",
            owner=turned.grant.client,
            how=f"by client {client.id}" if turned.grant.client != client.id else "for the second time",
            client_ip=exchange.client_address,
            request_id=exchange.request_id,
            event="auth.token_leaked",
        )

    async def _ended(self, token: str) -> None:
        """End the family of a token."""
        ended = self._grants.end(read_token(token).family)
        if ended is not None:
            await ended


def _bad_grant() -> TokenRefused:
    return TokenRefused("invalid_grant", "The refresh token is unknown, used, ended or another client's.")
