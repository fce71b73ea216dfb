"""API keys: where a request may show one, and how it is taken out before forwarding."""

from __future__ import annotations

from collections.abc import Awaitable
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CredentialInvalid
from gateway.headers import Headers
from gateway.identity.api_keys import LONGEST, KeyRecord, digester
from gateway.message import Request
from gateway.middleware.api_key import ApiKeyAuthenticator
from gateway.principal import Principal
from gateway.storage.key_memory import MemoryKeys

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from tests.middleware.conftest import MakeExchange

KEY = b"gw_acme_0123456789"
RECORD = KeyRecord("acme", sha256(KEY).digest(), "Acme Ltd", expires=200.0)


def authenticator(query: str | None = "api_key", now: float = 100.0) -> ApiKeyAuthenticator:
    """An authenticator that knows one key."""
    return ApiKeyAuthenticator(MemoryKeys([RECORD]), digester(b""), "X-API-Key", query, lambda: now)


@pytest.mark.parametrize(
    ("target", "fields", "shown"),
    [
        (b"/", [], None),
        (b"/?a=b", [], None),
        (b"/?api_keys=x&xapi_key=y", [], None),
        (b"/?API_KEY=x", [], None),
        (b"/", [(b"X-API-Key", KEY)], KEY),
        (b"/", [(b"x-aPI-key", KEY)], KEY),
        (b"/?api_key=" + KEY, [], KEY),
        (b"/?a=1&&%61pi_key=%67w_acme_0123456789", [], KEY),
        (b"/?api_key=a+b%20c", [], b"a b c"),
        (b"/?api_key=" + KEY, [(b"X-API-Key", KEY)], KEY),
        (b"/", [(b"X-API-Key", KEY), (b"X-API-Key", KEY)], KEY),
        (b"/", [(b"X-API-Key", b"k" * LONGEST)], b"k" * LONGEST),
    ],
)
def test_where_a_key_is_looked_for(
    make: MakeExchange, target: bytes, fields: list[tuple[bytes, bytes]], shown: bytes | None
) -> None:
    """Field names count in any case, parameter names as written; the same key in both places is one key."""
    assert authenticator().find(make(fields, target)) == shown


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        (b"/?api_key=other", [(b"X-API-Key", KEY)]),
        (b"/?api_key=a&api_key=b", []),
        (b"/", [(b"X-API-Key", KEY), (b"X-API-Key", b"other")]),
        (b"/?api_key=", [(b"X-API-Key", KEY)]),
        (b"/?api_key", []),
        (b"/", [(b"X-API-Key", b"")]),
        (b"/", [(b"X-API-Key", b"k" * (LONGEST + 1))]),
    ],
)
def test_what_is_no_key_is_refused_at_once(
    make: MakeExchange, target: bytes, fields: list[tuple[bytes, bytes]]
) -> None:
    """Two keys, an empty one, one that is too long: the store is not asked."""
    with pytest.raises(CredentialInvalid):
        authenticator().find(make(fields, target))


def test_without_a_parameter_the_query_is_the_backends(make: MakeExchange) -> None:
    """The query is neither read nor rewritten."""
    exchange = make(target=b"/?api_key=k")
    authenticator(query=None).withhold(exchange)

    assert authenticator(query=None).find(exchange) is None
    assert exchange.request.target == b"/?api_key=k"


@pytest.mark.parametrize(
    ("target", "left"),
    [
        (b"/a?api_key=k", b"/a"),
        (b"/a?x=1&api_key=k&y=%20", b"/a?x=1&y=%20"),
        (b"/a?%61%70%69_key=k&x", b"/a?x"),
        (b"/a?api_key=k&&x", b"/a?&x"),
        (b"/a?api_key=k&api_key=k", b"/a"),
        (b"/a?x=api_key", b"/a?x=api_key"),
        (b"/a?", b"/a?"),
        (b"/%3Fapi_key=k?x", b"/%3Fapi_key=k?x"),
    ],
)
def test_the_parameter_is_taken_out(make: MakeExchange, target: bytes, left: bytes) -> None:
    """The rest stays as the client wrote it."""
    exchange = make(target=target)
    authenticator().withhold(exchange)

    assert exchange.request.target == left
    assert exchange.request.query == left.partition(b"?")[2]


@given(st.lists(st.tuples(st.sampled_from(["api_key", "a", "b c", "", "ä"]), st.text(max_size=5)), max_size=6))
def test_nothing_that_would_be_read_as_a_key_is_forwarded(pairs: list[tuple[str, str]]) -> None:
    """In whatever place of the query it stands."""
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs).encode()
    exchange = _exchange(b"/?" + query)
    authenticator().withhold(exchange)

    assert authenticator().find(exchange) is None
    kept = [pair for pair in pairs if pair[0] != "api_key"]
    left = exchange.request.target.partition(b"?")[2].decode()
    assert [part for part in left.split("&") if part] == [f"{quote(name)}={quote(value)}" for name, value in kept]


def _exchange(target: bytes) -> Exchange:
    from gateway.exchange import Exchange

    exchange = Exchange.__new__(Exchange)
    exchange.request = Request(b"GET", target, Headers())
    return exchange


def test_a_key_that_is_at_hand_is_judged_at_once(make: MakeExchange) -> None:
    """The store's answer is no Deferred, so the authenticator's is none."""
    principal = authenticator().verify(KEY, make())

    assert isinstance(principal, Principal)
    assert principal.subject == "Acme Ltd"


@pytest.mark.parametrize(("key", "now"), [(b"gw_acme_other", 100.0), (KEY, 200.0)])
def test_any_other_is_refused(make: MakeExchange, key: bytes, now: float) -> None:
    """So is the right key after it has expired."""
    with pytest.raises(CredentialInvalid):
        authenticator(now=now).verify(key, make())


class Slow:
    """A store that answers later."""

    async def find(self, digest: bytes) -> KeyRecord | None:
        return RECORD if digest == RECORD.digest else None


def test_a_key_that_is_kept_elsewhere_is_waited_for(make: MakeExchange) -> None:
    """And judged by the same rules as one in memory."""
    waiting = ApiKeyAuthenticator(Slow(), digester(b""), "X-API-Key", None, lambda: 100.0)

    def outcome(key: bytes) -> Principal | None:
        answer = waiting.verify(key, make())
        assert not isinstance(answer, Principal)
        return _ran(answer)

    principal = outcome(KEY)
    assert principal is not None
    assert principal.key_id == "acme"
    with pytest.raises(CredentialInvalid):
        outcome(b"other")


def _ran(answer: Awaitable[Principal]) -> Principal | None:
    try:
        answer.send(None)  # type: ignore[attr-defined]  # a coroutine that never waits
    except StopIteration as done:
        found: Principal = done.value
        return found
    return None


BEARER = ApiKeyAuthenticator(
    MemoryKeys([RECORD]), digester(b""), "Authorization", "api_key", lambda: 100.0, "Bearer", leaves_tokens=True
)


@pytest.mark.parametrize(
    ("target", "value", "shown"),
    [
        (b"/", b"Bearer " + KEY, KEY),
        (b"/", b"bEARER   " + KEY, KEY),
        (b"/", b"Basic " + KEY, None),
        (b"/", KEY, None),
        (b"/", b"BearerX " + KEY, None),
        (b"/", b"Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln", None),
        (b"/?api_key=" + KEY, b"Basic YTpi", KEY),
        (b"/?api_key=" + KEY, b"Bearer " + KEY, KEY),
    ],
)
def test_a_key_behind_a_scheme(make: MakeExchange, target: bytes, value: bytes, shown: bytes | None) -> None:
    """A credential of another scheme is no key; one that may be a JWT is left to the verifiers of tokens."""
    assert BEARER.find(make([(b"Authorization", value)], target)) == shown
    assert BEARER.challenge == b'Bearer realm="api"'


@pytest.mark.parametrize("values", [[b"Bearer"], [b"Bearer "], [b"Basic a", b"Bearer " + KEY], [b"Bearer k"] * 2])
def test_a_scheme_without_one_key_is_refused(make: MakeExchange, values: list[bytes]) -> None:
    """Of two fields a backend could read the one that was not verified."""
    with pytest.raises(CredentialInvalid):
        BEARER.find(make([(b"Authorization", value) for value in values]))


def test_a_key_that_looks_like_a_token_is_a_key_where_nobody_else_reads_it(make: MakeExchange) -> None:
    """Where the route has no other way to authenticate."""
    alone = ApiKeyAuthenticator(MemoryKeys([RECORD]), digester(b""), "Authorization", None, lambda: 100.0, "Token")

    assert alone.find(make([(b"Authorization", b"Token eyJ.a.b")])) == b"eyJ.a.b"
    assert alone.challenge == b'Token realm="api"'
