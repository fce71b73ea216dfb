"""Ask an authority about each request: it lets the request pass, or answers it.

An authenticator, see `gateway.interfaces.Authenticator`; Traefik calls this
forwardAuth, nginx auth_request. A 2xx lets the request pass, with fields for
the backend; the client gets a 3xx or 4xx as it is (a redirect to a login page,
for example); on any other status, and without an answer, the request is
refused.

Tests: `tests/flow/test_authorities.py::test_a_yes_lets_the_request_pass_with_fields_for_the_backend`.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.dialling.fetching import Fetched, Fetcher, FetchFailed
from gateway.errors import AuthorityRefused, AuthUnavailable
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.fields import (
    FRAMING,
    HOP_BY_HOP,
    IDENTITY_PREFIX,
    NEVER_FORWARDED,
    OTHER_URLS,
    FieldFilter,
    folded,
    passed_on,
)
from gateway.message import Response
from gateway.principal import Principal

_NOT_SHOWN = frozenset(
    [b"x-forwarded-method", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-uri", b"x-forwarded-for",
     b"x-request-id", b"expect", b"content-type", b"content-encoding", b"range", b"accept-encoding",
     b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range"]
)  # fmt: skip
"""Fields of the client's request that the authority does not get: those that are written anew; those about the
request's content, which is not sent; and those that ask for a part of an answer, a compressed one, or a 304.
"""


class ForwardAuth:
    """Has requests judged by an authority.

    Args:
        fetcher: Asks the authority.
        url: Its URL.
        shown: Fields of the request that the authority gets; `*` for all.
        told: Fields of a 2xx that the backend gets.
        passed: Fields of a 3xx or 4xx that the client gets.
        user: The field of a 2xx with the user.
        roles: The field of a 2xx with the roles, separated by commas.
        withheld: Fields that tell backends who is calling; the client's own are not shown.
        decisive: Fields that decide something; shown in one spelling, as they are forwarded in one.
    """

    name = "forward"
    challenge = b""
    cacheable = False  # the authority may decide by any part of the request (D-64)

    def __init__(
        self,
        fetcher: Fetcher,
        url: str,
        shown: Iterable[str],
        told: Iterable[str],
        passed: Iterable[str],
        user: str,
        roles: str,
        withheld: frozenset[bytes] = frozenset(),
        decisive: frozenset[bytes] = frozenset(),
    ) -> None:
        self._fetcher = fetcher
        self._url = url.encode()
        self._shown = _lower(shown)
        self._shows_all = b"*" in self._shown
        # The authority says who is calling: as a backend, it gets no field in which the client says that itself.
        dropped = HOP_BY_HOP | FRAMING | NEVER_FORWARDED | OTHER_URLS | _NOT_SHOWN | withheld
        self._passes = FieldFilter(dropped, (IDENTITY_PREFIX,), decisive)
        self._told = _lower(told)
        self._passed = _lower(passed)
        self._user = user.encode()
        self._folded_user = folded(user.lower().encode())
        self._roles = roles.encode()
        # The backend gets cookies, some of which are its own, but not the token that was for the authority.
        shows_token = self._shows_all or b"authorization" in self._shown
        self.fields = frozenset([b"authorization"] if shows_token else [])

    def find(self, exchange: Exchange) -> bytes:
        """Return a placeholder: the request itself is what the authority judges."""
        return b"*"

    async def verify(self, credential: bytes, exchange: Exchange) -> Principal:
        """Ask whether the request may pass.

        Raises:
            AuthorityRefused: The authority does not let it pass; has the authority's answer for the client.
            AuthUnavailable: The authority does not answer.
        """
        try:
            answer = await self._fetcher.fetch(b"GET", self._url, self._fields(exchange))
            if answer.status >= 500 or answer.status < 200:
                raise FetchFailed(f"status {answer.status}")
            user = self._user_of(answer) if answer.status < 300 else ""
        except FetchFailed as error:
            self._fetcher.complain("Forward authentication", self._url, error)
            raise AuthUnavailable("The authority that decides about the request does not answer.") from None
        if answer.status >= 300:
            raise AuthorityRefused(self._response(answer))
        headers = answer.headers
        roles = (headers.joined(self._roles) or b"").decode("utf-8", "replace").split(",")
        return Principal(
            subject=user,
            roles=frozenset(role.strip() for role in roles if role.strip()),
            method="forward",
            fields=tuple((name, value) for lower, name, value in headers.fields if lower in self._told),
        )

    def withhold(self, exchange: Exchange) -> None:
        """Do nothing: the credential is in fields."""

    def _user_of(self, answer: Fetched) -> str:
        """Return the user that a 2xx names, empty for none.

        Two fields that a backend could take for the user's (`X-User`, `X_User`) are refused, even with one value:
        something between the authority and the gateway has added one, and the backend might read that one.

        Raises:
            FetchFailed: There are several such fields, or the user is not text.
        """
        values = [value for lower, _, value in answer.headers.fields if folded(lower) == self._folded_user]
        if len(values) > 1:
            raise FetchFailed(f"it names the user in {len(values)} fields")
        value = answer.headers.get(self._user) or b""
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise FetchFailed("the user's name is not text") from None

    def _fields(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        request = exchange.request
        passed = passed_on(request.headers, self._passes)
        fields = [(name, value) for lower, name, value in passed if self._shows_all or lower in self._shown]
        return [
            *fields,
            (b"X-Forwarded-Method", request.method),
            (b"X-Forwarded-Proto", exchange.scheme),
            (b"X-Forwarded-Host", request.host),
            (b"X-Forwarded-Uri", request.target),
            (b"X-Forwarded-For", exchange.client_address.encode()),
            (b"X-Request-ID", exchange.request_id.encode()),
        ]

    def _response(self, answer: Fetched) -> Response:
        fields = [(name, value) for lower, name, value in answer.headers.fields if lower in self._passed]
        return Response(answer.status, Headers(fields), answer.body)


def _lower(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(name.lower().encode() for name in names)
