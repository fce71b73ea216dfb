"""API keys as a way to authenticate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.errors import CredentialInvalid
from gateway.exchange import Exchange
from gateway.http.queries import pairs, take_out
from gateway.identity.api_keys import LONGEST, KeyRecord, KeyStore, judge
from gateway.identity.bearer import may_be_jwt
from gateway.principal import Principal


class ApiKeyAuthenticator:
    """Looks for a key in a field or a query parameter; see `gateway.interfaces.Authenticator`.

    Args:
        store: Where keys are looked up.
        digest: Turns a key into what the store knows it by.
        header: Name of the field.
        query: Name of the parameter; None where keys are not taken from there.
        wall_clock: Unix seconds.
        scheme: What stands before a key in the field (`Bearer`), None for nothing.
        leaves_tokens: Whether a bearer token that may be a JWT is left to the route's other authenticators.
    """

    name = "api_key"
    cacheable = True

    def __init__(
        self,
        store: KeyStore,
        digest: Callable[[bytes], bytes],
        header: str,
        query: str | None,
        wall_clock: Callable[[], float],
        scheme: str | None = None,
        leaves_tokens: bool = False,
    ) -> None:
        self._store = store
        self._digest = digest
        self._header = header.lower().encode()
        self._query = None if query is None else query.encode()
        self._wall_clock = wall_clock
        self._scheme = None if scheme is None else scheme.lower().encode()
        self._leaves_tokens = leaves_tokens
        self.challenge = (scheme or "ApiKey").encode() + b' realm="api"'
        self.fields = frozenset([self._header])

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the key that a request shows, in the field or in the query; the same key in both is one key."""
        request = exchange.request
        shown: set[bytes] = set()
        if self._header in request.headers.index:
            values = request.headers.get_all(self._header)
            shown.update(values if self._scheme is None else self._behind_the_scheme(values))
        if self._query is not None and request.query:
            shown.update(value for name, value in pairs(request.query) if name == self._query)
        if not shown:
            return None
        if len(shown) > 1:
            raise CredentialInvalid("two different keys")
        key = shown.pop()
        if not 0 < len(key) <= LONGEST:
            raise CredentialInvalid("a key of no such length")
        return key

    def _behind_the_scheme(self, values: list[bytes]) -> list[bytes]:
        """Return the key of a field with a scheme, none where the scheme is another.

        Raises:
            CredentialInvalid: The scheme has no key behind it; or there are two such fields, and a backend could read
                the one that was not verified.
        """
        if len(values) > 1:
            raise CredentialInvalid("two fields with a key")
        scheme, _, key = values[0].partition(b" ")
        if scheme.lower() != self._scheme:
            return []
        key = key.strip(b" ")
        if not key:
            raise CredentialInvalid("no key after the scheme")
        return [] if self._leaves_tokens and may_be_jwt(key) else [key]

    def verify(self, credential: bytes, exchange: Exchange) -> Principal | Awaitable[Principal]:
        """Say whom the key stands for."""
        digest = self._digest(credential)
        found = self._store.find(digest)
        if found is None or isinstance(found, KeyRecord):
            return judge(found, digest, self._wall_clock())
        return self._wait(found, digest)

    def withhold(self, exchange: Exchange) -> None:
        """Take the parameter out of the request target: the backend, and its logs, do not need it."""
        if self._query is not None:
            take_out(exchange.request, self._query)

    async def _wait(self, found: Awaitable[KeyRecord | None], digest: bytes) -> Principal:
        return judge(await found, digest, self._wall_clock())
