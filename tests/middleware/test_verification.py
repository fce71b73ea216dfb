"""An authenticator behind the cache of results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred

from gateway.errors import AuthUnavailable, CredentialInvalid
from gateway.exchange import Exchange
from gateway.headers import HeaderBlock, Headers
from gateway.identity.results import Results
from gateway.identity.revocations import Revocations
from gateway.interfaces import Authenticator
from gateway.middleware.verification import MOST_WAITING, Memory, Verification
from gateway.principal import Principal
from tests.middleware.conftest import exchange_for

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange

ALICE = Principal("alice", method="test", token_id="t1")
NAMED = replace(ALICE, fields=((b"X-User-ID", b"alice"),))


class Way:
    """An authenticator that answers as the test says, and counts how often it is asked."""

    name = "test"
    challenge = b'Test realm="api"'
    fields = frozenset([b"x-test"])

    def __init__(self, answer: Callable[[], Any] = lambda: ALICE, cacheable: bool = True) -> None:
        self.cacheable = cacheable
        self.asked: list[bytes] = []
        self._answer = answer

    def find(self, exchange: Exchange) -> bytes | None:
        return exchange.request.headers.get(b"x-test")

    def verify(self, credential: bytes, exchange: Exchange) -> Principal | Awaitable[Principal]:
        self.asked.append(credential)
        answer: Principal | Awaitable[Principal] = self._answer()
        return answer

    def withhold(self, exchange: Exchange) -> None: ...


class Bench:
    """A verification and the parts around it."""

    def __init__(self, way: Way, seed: bytes = b"seed") -> None:
        self.way = way
        self.results = Results(60.0, 5.0, 10)
        self.revocations = Revocations()
        self.counted: list[str] = []
        self.now = 100.0
        authenticator: Authenticator = way
        self.memory = Memory(
            self.results,
            self.revocations,
            lambda principal: ((b"X-User-ID", principal.subject.encode()),),
            lambda: self.now,
            lambda: self.now + 1e9,
            lambda method, outcome: self.counted.append(outcome),
        )
        self.verification = Verification(authenticator, seed, self.memory)

    def ask(self, make: MakeExchange, credential: bytes = b"secret") -> Any:
        """Verify for an exchange that begins now."""
        exchange = make()
        exchange.started = self.now
        return self.verification.principal(exchange, credential)


def failing(error: Exception) -> Callable[[], Any]:
    """An answer that is an error."""

    def answer() -> Any:
        raise error

    return answer


def test_a_credential_is_verified_once_a_minute(make: MakeExchange) -> None:
    """Then it is verified again."""
    bench = Bench(Way())
    for bench.now in (100.0, 100.0, 159.9, 160.0):
        assert bench.ask(make) == NAMED

    assert len(bench.way.asked) == 2
    assert bench.counted == ["verified", "cached", "cached", "verified"]


def test_another_credential_is_verified_by_itself(make: MakeExchange) -> None:
    """And the same one again under another seed: rules or keys have changed."""
    bench = Bench(Way())
    bench.ask(make, b"one")
    bench.ask(make, b"two")
    Verification(bench.way, b"other", bench.memory).principal(make(), b"one")

    assert bench.way.asked == [b"one", b"two", b"one"]


def test_a_refusal_is_remembered_for_five_seconds(make: MakeExchange) -> None:
    """So that a flood of one bad credential costs little."""
    bench = Bench(Way(failing(CredentialInvalid("expired"))))
    for bench.now in (100.0, 104.9, 105.0):
        with pytest.raises(CredentialInvalid):
            bench.ask(make)

    assert len(bench.way.asked) == 2


def test_what_could_not_be_found_out_is_not_remembered(make: MakeExchange) -> None:
    """The authority may answer the next request."""
    bench = Bench(Way(failing(AuthUnavailable())))
    for _ in range(2):
        with pytest.raises(AuthUnavailable):
            bench.ask(make)

    assert len(bench.way.asked) == 2
    assert bench.counted == ["unavailable", "unavailable"]


def test_nothing_of_a_credential_is_kept(make: MakeExchange) -> None:
    """The cache has its hash only."""
    bench = Bench(Way())
    bench.ask(make, b"hunter2")

    assert b"hunter2" not in repr([*bench.results.known]).encode()
    assert [len(key) for key in bench.results.known] == [32]


def test_what_is_not_to_be_kept_is_not(make: MakeExchange) -> None:
    """An authority that looks at the whole request is asked every time."""
    bench = Bench(Way(cacheable=False))
    bench.ask(make)
    bench.ask(make)

    assert len(bench.way.asked) == 2
    assert len(bench.results) == 0


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("cacheable", [True, False])
def test_a_revoked_credential_is_refused(make: MakeExchange, known: bool, cacheable: bool) -> None:
    """Whether or not its principal is in the cache."""
    bench = Bench(Way(cacheable=cacheable))
    if known:
        bench.ask(make)
    bench.revocations.add("jti", "t1", now=0.0)

    with pytest.raises(CredentialInvalid):
        bench.ask(make)


def test_a_revocation_that_has_ended_holds_nobody_up(make: MakeExchange) -> None:
    """Entries end by the wall clock."""
    bench = Bench(Way())
    bench.revocations.add("jti", "t1", now=0.0, until=1e9 + 99.0)

    assert bench.ask(make) == NAMED


def test_a_name_that_cannot_be_written_is_a_refusal(make: MakeExchange) -> None:
    """Half of a surrogate pair in an authority's answer, for example."""
    bench = Bench(Way(lambda: Principal("\ud800")))

    with pytest.raises(CredentialInvalid):
        bench.ask(make)


def test_fields_of_the_authenticators_own_come_after(make: MakeExchange) -> None:
    """As forward authentication has."""
    bench = Bench(Way(lambda: replace(ALICE, fields=((b"X-Plan", b"gold"),))))

    assert bench.ask(make).fields == ((b"X-User-ID", b"alice"), (b"X-Plan", b"gold"))


class Slow:
    """Verifications that end when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[Principal]] = []
        self.cancelled = 0

    def __call__(self) -> Deferred[Principal]:
        def cancel(_: object) -> None:
            self.cancelled += 1

        self.waiting.append(Deferred(cancel))
        return self.waiting[-1]


def start(answer: Awaitable[Principal]) -> tuple[Deferred[Any], list[Any]]:
    """Wait for an answer as the chain does; return what to cancel, and where the result will stand."""
    came: list[Any] = []

    async def wait() -> Principal:
        return await answer

    return ensureDeferred(wait()).addBoth(came.append), came


def test_requests_with_the_same_new_credential_have_it_verified_once(make: MakeExchange) -> None:
    """All get the answer; it is remembered."""
    slow = Slow()
    bench = Bench(Way(slow))
    waiting = [start(bench.ask(make))[1] for _ in range(3)]
    assert waiting == [[], [], []]

    slow.waiting[0].callback(ALICE)

    assert waiting == [[NAMED], [NAMED], [NAMED]]
    assert len(bench.way.asked) == 1
    assert bench.ask(make) is waiting[0][0]


def test_a_refusal_that_takes_time_is_everybodys(make: MakeExchange) -> None:
    """All requests that wait for it are refused, and it is remembered."""
    slow = Slow()
    bench = Bench(Way(slow))
    waiting = [start(bench.ask(make))[1] for _ in range(2)]
    slow.waiting[0].errback(CredentialInvalid())

    assert [came[0].check(CredentialInvalid) for came in waiting] == [CredentialInvalid] * 2
    with pytest.raises(CredentialInvalid):
        bench.ask(make)
    assert len(bench.way.asked) == 1


def test_who_goes_takes_nobody_elses_answer(make: MakeExchange) -> None:
    """The first client goes away, and the second gets the answer."""
    slow = Slow()
    bench = Bench(Way(slow))
    first, _ = start(bench.ask(make))
    _, came = start(bench.ask(make))
    first.cancel()
    slow.waiting[0].callback(ALICE)

    assert came == [NAMED]
    assert slow.cancelled == 0


def test_the_last_to_go_ends_it(make: MakeExchange) -> None:
    """The verification is cancelled; a request that comes then begins another."""
    slow = Slow()
    bench = Bench(Way(slow))
    waiting = [start(bench.ask(make))[0] for _ in range(2)]
    for one in waiting:
        one.cancel()
    assert slow.cancelled == 1

    _, came = start(bench.ask(make))
    slow.waiting[1].callback(ALICE)

    assert came == [NAMED]


def test_few_wait_for_an_authority_that_says_nothing(make: MakeExchange) -> None:
    """Further requests get `AuthUnavailable` at once; one that goes, or gets its answer, makes room."""
    slow = Slow()
    bench = Bench(Way(slow))
    waiting = [start(bench.ask(make)) for _ in range(MOST_WAITING)]
    with pytest.raises(AuthUnavailable):
        bench.ask(make)
    assert bench.counted[-1] == "unavailable"

    waiting[0][0].cancel()
    start(bench.ask(make))
    with pytest.raises(AuthUnavailable):
        bench.ask(make)
    slow.waiting[0].callback(ALICE)
    assert bench.ask(make) == NAMED


def test_what_was_found_out_before_something_was_forgotten_is_not_kept(make: MakeExchange) -> None:
    """A key was revoked while its verification was under way."""
    slow = Slow()
    bench = Bench(Way(slow))
    _, came = start(bench.ask(make))
    bench.results.clear()
    slow.waiting[0].callback(ALICE)

    assert came == [NAMED]
    assert len(bench.results) == 0


def test_an_answer_that_is_there_at_once_needs_no_waiting(make: MakeExchange) -> None:
    """An authenticator's coroutine may end without waiting."""

    async def at_once() -> Principal:
        return ALICE

    bench = Bench(Way(at_once))
    _, came = start(bench.ask(make))

    assert came == [NAMED]
    assert bench.ask(make) == NAMED


def test_a_principal_is_not_kept_past_its_end(make: MakeExchange) -> None:
    """By the wall clock."""
    bench = Bench(Way(lambda: replace(ALICE, expires=1e9 + 110.0)))
    for bench.now in (100.0, 109.9, 110.0):
        bench.ask(make)

    assert len(bench.way.asked) == 2
    assert inf not in {until for _, until in bench.results.known.values()}


class FieldWay(Way):
    """One that goes by the fields alone, and verifies the credentials whose names do not begin with `bad`.

    Args:
        by_fields: Whether it says so.
    """

    def __init__(self, by_fields: bool) -> None:
        super().__init__()
        self.by_fields = by_fields
        self.found = 0

    def find(self, exchange: Exchange) -> bytes | None:
        self.found += 1
        return super().find(exchange)

    def verify(self, credential: bytes, exchange: Exchange) -> Principal:
        self.asked.append(credential)
        if credential.startswith(b"bad"):
            raise CredentialInvalid("not known")
        return replace(ALICE, subject=credential.decode(), token_id=f"id of {credential.decode()}")


class Remembering:
    """Two routes with rules of their own, behind one cache; heads are remembered, as a parser does.

    Args:
        by_fields: Whether that spares them anything.
    """

    def __init__(self, by_fields: bool) -> None:
        self.ways = [FieldWay(by_fields), FieldWay(by_fields)]
        self.bench = Bench(self.ways[0])
        self.routes = [self.bench.verification, Verification(self.ways[1], b"other", self.bench.memory)]
        self.blocks: dict[str, HeaderBlock] = {}

    def ask(self, credential: str, route: int = 0, changed: bool = False) -> Principal | str | None:
        """Return who a credential stands for, or why it is refused."""
        bench, verification = self.bench, self.routes[route]
        exchange = exchange_for()
        exchange.started = bench.now
        fields = Headers([(b"X-Test", credential.encode())] if credential else [])
        exchange.request.headers = Headers.over(self.blocks.setdefault(credential, HeaderBlock(fields)))
        if changed:
            exchange.request.headers.add(b"X-More", b"1")
        known = verification.known(exchange)
        if known is not None:
            return known
        shown = verification.find(exchange)
        if shown is None:
            return None
        try:
            answer = verification.principal(exchange, shown)
        except CredentialInvalid as error:
            return error.detail
        assert isinstance(answer, Principal)
        return answer


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["one", "two", "bad", ""]),
            st.sampled_from([0.0, 0.0, 0.0, 4.0, 30.0, 61.0]),
            st.sampled_from(["ask", "ask", "ask", "ask", "changed", "other", "revoke", "forget"]),
        ),
        max_size=40,
    )
)
def test_a_head_that_is_known_changes_no_answer(steps: list[tuple[str, float, str]]) -> None:
    """Whatever comes in whatever order, and however late: the same answers and counts, and the same is verified.

    On two routes; with heads that a step before has changed; with credentials that are revoked or forgotten meanwhile.
    """
    warm, cold = Remembering(by_fields=True), Remembering(by_fields=False)
    for credential, later, what in steps:
        answers = []
        for side in (warm, cold):
            bench = side.bench
            bench.now += later
            if what == "revoke":
                bench.revocations.add("jti", f"id of {credential}", bench.now + 1e9, bench.now + 1e9 + 50)
            if what == "forget":
                bench.results.forget(lambda principal: principal.subject == credential)  # noqa: B023
            answers.append(side.ask(credential, route=int(what == "other"), changed=what == "changed"))
        assert answers[0] == answers[1]
    assert warm.bench.counted == cold.bench.counted
    assert [way.asked for way in warm.ways] == [way.asked for way in cold.ways]


def test_a_known_head_is_not_looked_at_again() -> None:
    """The first request has its credential verified, the second finds it by its hash, the others find the hash."""
    warm, cold = Remembering(by_fields=True), Remembering(by_fields=False)
    for side in (warm, cold):
        for _ in range(5):
            side.ask("one")

    assert (warm.ways[0].found, cold.ways[0].found) == (2, 5)
    assert warm.bench.counted == ["verified", "cached", "cached", "cached", "cached"]


def test_a_head_keeps_the_hash_and_no_credential() -> None:
    """And nothing of the configuration that it was verified under: a reload leaves it to be collected."""
    side = Remembering(by_fields=True)
    for _ in range(3):
        side.ask("one")

    kept = side.blocks["one"].credential
    assert kept is not None
    assert type(kept[0]) is object
    assert kept[1] == sha256(b"seed" + b"one").digest()
