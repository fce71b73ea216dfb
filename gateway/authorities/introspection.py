"""Ask the authority that issued a token whether it is good (RFC 7662).

An authenticator, see `gateway.interfaces.Authenticator`.
`gateway.middleware.verification` caches the result, at most until the token
expires. Where the authority does not answer, or not as the RFC says, the
request gets 503.

Tests: `tests/flow/test_authorities.py::test_a_token_that_the_authority_knows_opens_the_route`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Any
from urllib.parse import quote_plus, urlencode

from gateway.dialling.fetching import Fetched, Fetcher, FetchFailed
from gateway.errors import AuthUnavailable, CredentialInvalid
from gateway.exchange import Exchange
from gateway.identity.bearer import FIELDS, bearer_token
from gateway.identity.claims import Expected, moment, word
from gateway.identity.compact import Unreadable, read_object
from gateway.principal import Principal

LONGEST = 8 * 1024
"""Most octets of a token; a longer one is refused without asking."""


class Introspection:
    """Has tokens judged by an authority.

    Args:
        fetcher: Asks the authority.
        url: Its introspection endpoint.
        client: Id and secret of the gateway there; None for no authentication.
        expected: What the authority must say of a token.
        wall_clock: Unix seconds.
    """

    name = "introspection"
    challenge = b'Bearer realm="api"'
    cacheable = True
    fields = FIELDS

    def __init__(
        self,
        fetcher: Fetcher,
        url: str,
        client: tuple[str, str] | None,
        expected: Expected,
        wall_clock: Callable[[], float],
    ) -> None:
        self._fetcher = fetcher
        self._url = url.encode()
        self._expected = expected
        self._wall_clock = wall_clock
        self._fields = [
            (b"Content-Type", b"application/x-www-form-urlencoded"),
            (b"Accept", b"application/json"),
        ]
        if client is not None:
            # RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined by a colon.
            shown = base64.b64encode(":".join(map(quote_plus, client)).encode())
            self._fields.append((b"Authorization", b"Basic " + shown))

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the bearer token."""
        return bearer_token(exchange.request)

    async def verify(self, credential: bytes, exchange: Exchange) -> Principal:
        """Ask whose token it is.

        Raises:
            CredentialInvalid: The token is not active, or is for another issuer or audience.
            AuthUnavailable: The authority does not answer.
        """
        if len(credential) > LONGEST:
            raise CredentialInvalid("longer than any token")
        form = urlencode({"token": credential, "token_type_hint": "access_token"}).encode()  # nosec B105 - of a kind
        try:
            answer = _read(await self._fetcher.fetch(b"POST", self._url, self._fields, form))
        except FetchFailed as error:
            self._fetcher.complain("Introspection", self._url, error)
            raise AuthUnavailable("The authority that knows the token does not answer.") from None
        if answer["active"] is not True:
            raise CredentialInvalid("not active")
        return self._principal(answer)

    def withhold(self, exchange: Exchange) -> None:
        """Do nothing: a token is shown in its field only."""

    def _principal(self, answer: Mapping[str, Any]) -> Principal:
        expires = moment(answer, "exp", inf)
        if expires <= self._wall_clock():
            raise CredentialInvalid("expired")
        principal = self._expected.principal(answer, self.name, expires)
        if principal.subject:
            return principal
        # RFC 7662 section 2.2: all of these members are optional, and a token of a machine has no user.
        subject = word(answer.get("username")) or word(answer.get("client_id"))
        if not subject:
            raise CredentialInvalid("nobody's")
        return replace(principal, subject=subject)


def _read(fetched: Fetched) -> dict[str, Any]:
    if fetched.status != 200:
        # A 401 too is no fault of the caller: it is the gateway that the authority does not know.
        raise FetchFailed(f"status {fetched.status}")
    try:
        answer = read_object(fetched.body)  # refuses a member that stands there twice, and could be read in two ways
    except Unreadable as error:
        raise FetchFailed(f"the answer is {error}") from None
    if not isinstance(answer.get("active"), bool):
        raise FetchFailed("the answer does not say whether the token is active")
    return answer
