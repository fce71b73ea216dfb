"""The authentication steps: who passes, who is refused, and with which words."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from gateway.awaited import Awaited, Hearer
from gateway.errors import AuthUnavailable, CredentialInvalid, CredentialMissing, Forbidden, GatewayError
from gateway.exchange import Exchange
from gateway.identity.results import Results
from gateway.identity.revocations import Revocations
from gateway.middleware.authentication import Authentication, Demands, FullAuthentication
from gateway.middleware.verification import Memory, Verification
from gateway.principal import Principal

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange


class Way:
    """An authenticator that takes a field as the credential, and `good` as a valid one."""

    cacheable = True

    def __init__(self, name: str, challenge: bytes = b"", principal: Principal | None = None, late: Any = None) -> None:
        self.name = name
        self.challenge = challenge
        self.fields = frozenset([name.encode()])
        self.withheld: list[Exchange] = []
        self._principal = principal or Principal(f"user of {name}", method=name)
        self._late = late

    def find(self, exchange: Exchange) -> bytes | None:
        value = exchange.request.headers.get(self.name.encode())
        if value == b"two of them":
            raise CredentialInvalid("two of them")
        return value

    def verify(self, credential: bytes, exchange: Exchange) -> Any:
        if self._late is not None:
            return self._late
        if credential != b"good":
            raise CredentialInvalid("it is hunter2's, and expired")
        return self._principal

    def withhold(self, exchange: Exchange) -> None:
        self.withheld.append(exchange)


class Bench:
    """A step over several ways."""

    def __init__(self, *ways: Way, kind: type[Any] = Authentication, **demands: Any) -> None:
        self.counted: list[tuple[str, str]] = []
        memory = Memory(
            Results(60.0, 5.0, 10),
            Revocations(),
            lambda principal: ((b"X-User-ID", principal.subject.encode()),),
            lambda: 100.0,
            lambda: 1e9,
            self._count,
        )
        made = [Verification(way, way.name.encode(), memory) for way in ways]
        self.step = kind(made, Demands(**demands), self._count)

    def _count(self, method: str, outcome: str) -> None:
        self.counted.append((method, outcome))

    def run(self, exchange: Exchange) -> Any:
        """Run the step; raise its error, also one that comes later."""
        answer = self.step.on_request(exchange)
        if answer is None:
            return None
        outcome: list[Any] = []
        ensureDeferred(_await(answer)).addBoth(outcome.append)
        if outcome and outcome[0] is not None:
            outcome[0].raiseException()
        return outcome


async def _await(answer: Any) -> Any:
    return await answer


A = b'Bearer realm="api"'
B = b'Key realm="api"'


def challenges(error: GatewayError) -> list[bytes]:
    """The challenges of an error's WWW-Authenticate fields."""
    return [value for name, value in error.headers if name == b"WWW-Authenticate"]


KINDS: list[Callable[..., Bench]] = [lambda *ways, **demands: Bench(*ways, **demands)]
KINDS.append(lambda *ways, **demands: Bench(*ways, kind=FullAuthentication, **demands))


@pytest.mark.parametrize("bench", KINDS)
def test_a_good_credential_passes(make: MakeExchange, bench: Callable[..., Bench]) -> None:
    """The exchange has the principal, and the backend gets its fields."""
    exchange = make([(b"a", b"good")])
    bench(Way("a", A)).run(exchange)

    assert exchange.user == "user of a"
    assert exchange.headers_out == [(b"X-User-ID", b"user of a")]


@pytest.mark.parametrize("bench", KINDS)
def test_nothing_shown_is_missing(make: MakeExchange, bench: Callable[..., Bench]) -> None:
    """The challenges of all ways are offered, in order, each once; without an error code (RFC 6750 section 3.1)."""
    made = bench(Way("a", A), Way("b", B), Way("c", A), Way("d"))

    with pytest.raises(CredentialMissing) as error:
        made.run(make())

    assert challenges(error.value) == [A, B]
    assert made.counted == [("none", "missing")]


@pytest.mark.parametrize("bench", KINDS)
@pytest.mark.parametrize("shown", [b"bad", b"two of them"])
def test_a_bad_credential_is_refused(make: MakeExchange, bench: Callable[..., Bench], shown: bytes) -> None:
    """The log has the cause, the client does not."""
    made = bench(Way("a", A), Way("b", B))
    exchange = make([(b"a", shown), (b"b", b"good")])

    with capturedLogs() as logs, pytest.raises(CredentialInvalid) as error:
        made.run(exchange)

    assert challenges(error.value) == [A + b', error="invalid_token"', B]
    assert error.value.detail == ""
    assert exchange.principal is None
    assert made.counted[-1] == ("a", "invalid")
    assert any("cause" in event for event in logs)


def test_the_first_that_is_shown_decides(make: MakeExchange) -> None:
    """A bad credential is not made good by the next one, and of two good ones the first names the caller (C-20)."""
    bench = Bench(Way("a"), Way("b"))
    both = make([(b"b", b"good"), (b"a", b"good")])
    bench.run(both)
    assert both.user == "user of a"

    with pytest.raises(CredentialInvalid):
        bench.run(make([(b"a", b"bad"), (b"b", b"good")]))


def test_what_is_absent_falls_through(make: MakeExchange) -> None:
    """The next way is tried."""
    exchange = make([(b"b", b"good")])
    Bench(Way("a"), Way("b")).run(exchange)

    assert exchange.user == "user of b"


def test_all_of_needs_all(make: MakeExchange) -> None:
    """A missing credential is `auth.missing`, a bad one `auth.invalid`; the first way names the caller."""
    first = Principal("alice", frozenset(["r"]), frozenset(["s"]), "a", {}, expires=50.0)
    second = Principal("app", frozenset(["admin"]), frozenset(["write"]), "b", {"x": 1}, "key-1", "t1", inf)
    bench = Bench(Way("a", A, first), Way("b", B, second), kind=FullAuthentication)

    with pytest.raises(CredentialMissing):
        bench.run(make([(b"a", b"good")]))
    with pytest.raises(CredentialInvalid):
        bench.run(make([(b"a", b"good"), (b"b", b"bad")]))

    exchange = make([(b"a", b"good"), (b"b", b"good")])
    bench.run(exchange)
    principal = exchange.principal
    assert principal is not None
    assert (principal.subject, *principal.roles, *principal.scopes) == ("alice", "r", "s")
    assert (principal.key_id, principal.token_id, principal.claims, principal.expires) == ("key-1", "t1", {"x": 1}, 50)
    assert exchange.headers_out == [(b"X-User-ID", b"alice")]


@pytest.mark.parametrize("bench", KINDS)
@pytest.mark.parametrize(
    ("demands", "passes"),
    [
        ({"scopes": frozenset(["read"])}, True),
        ({"scopes": frozenset(["read", "write"])}, True),
        ({"scopes": frozenset(["read", "admin"])}, False),
        ({"roles": frozenset(["editor", "admin"])}, True),
        ({"roles": frozenset(["admin"])}, False),
        ({"scopes": frozenset(["read"]), "roles": frozenset(["admin"])}, False),
    ],
)
def test_scopes_are_all_needed_and_roles_one_of(
    make: MakeExchange, bench: Callable[..., Bench], demands: dict[str, Any], passes: bool
) -> None:
    """Otherwise 403: the caller is known."""
    way = Way("a", A, Principal("alice", frozenset(["editor"]), frozenset(["read", "write"]), "a"))
    made, exchange = bench(way, **demands), make([(b"a", b"good")])
    if passes:
        made.run(exchange)
        return

    with pytest.raises(Forbidden):
        made.run(exchange)

    assert exchange.user == "alice"
    assert exchange.headers_out == []
    assert made.counted == [("a", "verified"), ("a", "forbidden")]


def test_what_is_lacking_is_told_to_who_shows_tokens(make: MakeExchange) -> None:
    """By the `Bearer` challenge (RFC 6750 section 3.1); other schemes have no words for it."""
    with pytest.raises(Forbidden) as error:
        Bench(Way("a", A), Way("b", B), scopes=frozenset(["write", "admin"])).run(make([(b"a", b"good")]))
    assert challenges(error.value) == [A + b', error="insufficient_scope", scope="admin write"']

    with pytest.raises(Forbidden) as error:
        Bench(Way("a", A), roles=frozenset(["admin"])).run(make([(b"a", b"good")]))
    assert challenges(error.value) == [A + b', error="insufficient_scope"']


def test_a_credential_is_withheld_unless_it_is_to_be_forwarded(make: MakeExchange) -> None:
    """Those of ways that did not decide are withheld too, a query parameter for example."""
    ways = Way("a"), Way("b")
    exchange = make([(b"a", b"good")])
    Bench(*ways).run(exchange)
    assert [way.withheld for way in ways] == [[exchange], [exchange]]

    ways = Way("a"), Way("b")
    Bench(*ways, forward_credentials=True).run(exchange)
    assert [way.withheld for way in ways] == [[], []]


@pytest.mark.parametrize("bench", KINDS)
def test_an_answer_that_takes_time_is_waited_for(make: MakeExchange, bench: Callable[..., Bench]) -> None:
    """Then the exchange goes on."""
    late: Deferred[Principal] = Deferred()
    exchange = make([(b"a", b"good")])

    outcome = bench(Way("a", A, late=late)).run(exchange)
    assert outcome == []
    late.callback(Principal("alice"))

    assert outcome == [None]
    assert exchange.user == "alice"


@pytest.mark.parametrize("bench", KINDS)
@pytest.mark.parametrize(
    ("late", "said"),
    [
        (CredentialInvalid("expired"), [A + b', error="invalid_token"']),
        (AuthUnavailable(), []),
    ],
)
def test_an_answer_that_takes_time_may_be_no(
    make: MakeExchange, bench: Callable[..., Bench], late: GatewayError, said: list[bytes]
) -> None:
    """With the same answer to the client as one at once; a 503 stays a 503."""
    waiting: Deferred[Principal] = Deferred()
    waiting.errback(late)

    with pytest.raises(type(late)) as error:
        bench(Way("a", A, late=waiting)).run(make([(b"a", b"good")]))

    assert challenges(error.value) == said
    assert error.value.detail == ""


class Told(Hearer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def callback(self, value: Any) -> None:
        self.said.append(value)

    def errback(self, failure: Failure) -> None:
        self.said.append(failure.type)


def heard(make: MakeExchange, late: Deferred[Principal], **demands: Any) -> tuple[Awaited, Told]:
    """Begin to authenticate with a credential whose verification takes time, and hear the step as the chain does."""
    answer = Bench(Way("a", A, late=late), **demands).step.on_request(make([(b"a", b"good")]))
    told = Told()
    assert isinstance(answer, Awaited)
    answer.hear(told)
    return answer, told


def test_who_waits_is_told_once(make: MakeExchange) -> None:
    """To go on, or what went wrong: a bad credential, too few scopes."""
    ends: list[tuple[Principal | Exception, dict[str, Any], Any]] = [
        (Principal("alice"), {}, None),
        (CredentialInvalid("expired"), {}, CredentialInvalid),
        (AuthUnavailable(), {}, AuthUnavailable),
        (Principal("alice"), {"scopes": frozenset(["write"])}, Forbidden),
    ]
    for end, demands, outcome in ends:
        late: Deferred[Principal] = Deferred()
        answer, told = heard(make, late, **demands)
        assert told.said == []
        late.errback(end) if isinstance(end, Exception) else late.callback(end)
        answer.cancel()

        assert told.said == [outcome]


def test_who_goes_ends_a_verification_that_nobody_else_waits_for(make: MakeExchange) -> None:
    """And what comes later is not heard."""
    given_up: list[object] = []
    late: Deferred[Principal] = Deferred(given_up.append)
    answer, told = heard(make, late)

    answer.cancel()

    assert given_up == [late]
    assert told.said == [CancelledError]
