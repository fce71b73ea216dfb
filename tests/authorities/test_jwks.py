"""Published keys: fetched before they are old, looked for when they are missing, kept while the issuer is down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from gateway.authorities.jwks import FIRST_RETRY, LAST_RETRY, LEAST_AGE, MOST_AGE, MOST_WAITING, JwksKeys, Times
from gateway.authorities.publisher import Published, Publisher
from gateway.dialling.fetching import FetchFailed
from gateway.errors import AuthUnavailable
from tests.tokens import ec_key, jwk, rsa_key

A, B = jwk(rsa_key(), "a"), jwk(ec_key(), "b")
COOLDOWN = 30.0
REFRESH = 300.0


class Issuer:
    """An issuer that publishes what the test says, when it says so."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.asked = 0
        self.stopped = 0
        self.counted: list[str] = []
        self.changed = 0
        self.answer: Callable[[], Deferred[Published]] = lambda: self.publishes(A)
        self.slow: list[Deferred[Published]] = []
        self.keys = JwksKeys(
            "default",
            cast("Publisher", self),
            frozenset(["RS256", "ES256"]),
            Times(REFRESH, COOLDOWN),
            self.clock,
            lambda: 1.0,
            self.counted.append,
        )
        self.keys.changed = self._changed

    def _changed(self) -> None:
        self.changed += 1

    async def ask(self) -> Published:
        self.asked += 1
        return await self.answer()

    async def stop(self) -> None:
        self.stopped += 1

    def publishes(self, *members: dict[str, Any], max_age: int | None = None) -> Deferred[Published]:
        """Answer with these keys."""
        return succeed(Published({"keys": list(members)}, max_age))

    def is_down(self) -> Deferred[Published]:
        """Answer nothing: every fetch fails."""
        return fail(FetchFailed("no connection"))

    def is_slow(self) -> Deferred[Published]:
        """Answer when the test says so."""
        self.slow.append(Deferred())
        return self.slow[-1]

    def look(self, kid: str | None, found: Callable[[], bool] | None = None) -> list[Any]:
        """Look for a key as a verification does; what comes of it stands in the list, `None` for a good end.

        Args:
            kid: The name that a token gives.
            found: Whether the key is there; by default, whether one of that name is.
        """
        came: list[Any] = []
        try:
            more = self.keys.more("RS256", kid, found or (lambda: bool(self.keys.keys(kid))))
        except AuthUnavailable as error:
            return [error]
        if more is None:
            return ["not worth while"]
        self.waiting = ensureDeferred(_await(more)).addBoth(
            lambda result: came.append(result if result is None else result.value)
        )
        return came

    def names(self) -> set[str | None]:
        """The names of the keys that are held."""
        return {key.kid for key in self.keys.keys(None)}


async def _await(answer: Any) -> Any:
    return await answer


@pytest.fixture
def issuer() -> Issuer:
    """An issuer that publishes key `a`, and has not been asked yet."""
    return Issuer()


def test_keys_are_there_before_the_first_token(issuer: Issuer) -> None:
    """They are fetched when the gateway starts."""
    issuer.keys.startService()

    assert issuer.names() == {"a"}
    assert [key.kid for key in issuer.keys.keys("a")] == ["a"]
    assert list(issuer.keys.keys("b")) == []
    assert (len(issuer.keys), issuer.counted, issuer.changed) == (1, ["success"], 1)


def test_keys_are_fetched_again_before_they_are_old(issuer: Issuer) -> None:
    """After four fifths of the time for which they are good."""
    issuer.keys.startService()
    issuer.clock.advance(REFRESH * 0.8 - 1)
    assert issuer.asked == 1
    assert issuer.keys.age == REFRESH * 0.8 - 1
    issuer.answer = lambda: issuer.publishes(A, B)
    issuer.clock.advance(1)

    assert issuer.asked == 2
    assert issuer.names() == {"a", "b"}
    assert issuer.changed == 2


@pytest.mark.parametrize(("max_age", "seconds"), [(1_000, 1_000), (0, LEAST_AGE), (10**9, MOST_AGE)])
def test_an_issuer_says_when_they_are_old(issuer: Issuer, max_age: int, seconds: float) -> None:
    """Within `LEAST_AGE` and `MOST_AGE`."""
    issuer.answer = lambda: issuer.publishes(A, max_age=max_age)
    issuer.keys.startService()
    issuer.clock.advance(seconds * 0.8 - 0.1)
    assert issuer.asked == 1
    issuer.clock.advance(0.2)

    assert issuer.asked == 2


def test_the_same_keys_again_change_nothing(issuer: Issuer) -> None:
    """Cached results of verifications stay."""
    issuer.keys.startService()
    issuer.clock.advance(REFRESH)

    assert (issuer.asked, issuer.changed) == (2, 1)


def test_keys_without_a_name_are_for_every_name(issuer: Issuer) -> None:
    """Where no key has the name that the token gives."""
    issuer.answer = lambda: issuer.publishes(A, jwk(ec_key()))
    issuer.keys.startService()

    assert [key.kid for key in issuer.keys.keys("a")] == ["a"]
    assert [key.kid for key in issuer.keys.keys("x")] == [None]


def test_a_key_that_is_not_there_is_looked_for_at_once(issuer: Issuer) -> None:
    """The issuer may have rotated its keys."""
    issuer.keys.startService()
    issuer.answer = lambda: issuer.publishes(A, B)

    assert issuer.look("b") == [None]
    assert issuer.names() == {"a", "b"}


def test_keys_that_are_not_there_are_not_looked_for_all_the_time(issuer: Issuer) -> None:
    """Once in the cooldown, and once early, however many tokens name unknown keys."""
    issuer.keys.startService()
    assert [issuer.look("x1"), issuer.look("x2")] == [[None], [None]]
    for number in range(100):
        assert issuer.look(f"y{number}") == ["not worth while"]
    assert issuer.asked == 3
    for _ in range(3):
        issuer.clock.advance(COOLDOWN)
        assert issuer.look("x3") == [None]
        assert issuer.look("x4") == ["not worth while"]  # the early question of this set has been asked

    assert issuer.asked == 6


def test_a_made_up_key_does_not_hide_a_rotation(issuer: Issuer) -> None:
    """By the early question of each new set, tokens of the new key are not refused for the rest of the cooldown."""
    issuer.keys.startService()
    assert issuer.look("made-up") == [None]
    issuer.answer = lambda: issuer.publishes(A, B)
    issuer.clock.advance(1)

    assert issuer.look("b") == [None]
    assert issuer.names() == {"a", "b"}


def test_the_name_that_was_looked_for_gets_no_early_question(issuer: Issuer) -> None:
    """A client that goes on showing one wrong token leaves it to others; without a name tokens are all alike."""
    issuer.keys.startService()
    assert issuer.look("made-up") == [None]
    assert issuer.look("made-up") == ["not worth while"]
    assert issuer.look(None, lambda: False) == [None]
    issuer.clock.advance(COOLDOWN)
    assert issuer.asked == 3


def test_sets_that_differ_by_turns_are_not_asked_for_all_the_time(issuer: Issuer) -> None:
    """Two instances of an issuer: each answer is a new set, and made-up tokens get at most two questions a cooldown."""
    sets = [A, B]

    def next_set() -> Deferred[Published]:
        sets.reverse()
        return issuer.publishes(sets[0])

    issuer.answer = next_set
    issuer.keys.startService()
    for second in range(90):
        issuer.look(f"x{second}")
        issuer.clock.advance(1)

    assert issuer.asked == 1 + 2 * 3


def test_a_key_without_a_name_is_looked_for_though_there_is_one(issuer: Issuer) -> None:
    """The verifier says whether one of the keys has signed the token; that a key is held does not say it."""
    issuer.answer = issuer.is_slow
    issuer.keys.startService()
    waiting = issuer.look(None, lambda: len(issuer.keys) == 2)
    issuer.slow[0].callback(Published({"keys": [jwk(rsa_key())]}, None))
    assert waiting == []
    issuer.slow[1].callback(Published({"keys": [jwk(rsa_key()), jwk(rsa_key("two"))]}, None))

    assert waiting == [None]
    assert issuer.asked == 2


def test_a_secret_is_not_looked_for(issuer: Issuer) -> None:
    """No set has a secret that is used; and tokens signed with made-up secrets do not use up the question."""
    issuer.keys.startService()

    assert issuer.keys.more("HS256", None, lambda: False) is None
    assert issuer.asked == 1


def test_few_wait_for_an_issuer_that_says_nothing(issuer: Issuer) -> None:
    """Further requests get `AuthUnavailable` at once."""
    issuer.answer = issuer.is_slow
    issuer.keys.startService()
    waiting = [issuer.look("a") for _ in range(MOST_WAITING)]

    (error,) = issuer.look("a")
    assert isinstance(error, AuthUnavailable)
    issuer.slow[0].callback(Published({"keys": [A]}, None))
    assert waiting == [[None]] * MOST_WAITING


def test_the_scheduled_fetch_does_not_use_up_the_cooldown(issuer: Issuer) -> None:
    """A key that is published right after it would not be found otherwise."""
    issuer.keys.startService()
    issuer.clock.advance(REFRESH * 0.8)
    issuer.answer = lambda: issuer.publishes(A, B)

    assert issuer.look("b") == [None]
    assert issuer.names() == {"a", "b"}


def test_it_is_asked_once_at_a_time(issuer: Issuer) -> None:
    """Requests that come meanwhile wait for the same answer."""
    issuer.answer = issuer.is_slow
    issuer.keys.startService()
    waiting = [issuer.look("a") for _ in range(10)]
    assert issuer.asked == 1
    issuer.slow[0].callback(Published({"keys": [A]}, None))

    assert waiting == [[None]] * 10
    assert issuer.asked == 1


def test_an_answer_that_was_asked_for_before_may_not_have_it(issuer: Issuer) -> None:
    """The issuer is asked once more then: the key may have been published since."""
    issuer.answer = issuer.is_slow
    issuer.keys.startService()
    waiting = [issuer.look("b") for _ in range(10)]
    issuer.slow[0].callback(Published({"keys": [A]}, None))
    assert waiting == [[]] * 10
    issuer.slow[1].callback(Published({"keys": [A, B]}, None))

    assert waiting == [[None]] * 10
    assert issuer.asked == 2


def test_who_goes_takes_nobody_elses_answer(issuer: Issuer) -> None:
    """A client goes away, and the fetch goes on for the others."""
    issuer.answer = issuer.is_slow
    issuer.keys.startService()
    issuer.look("a")
    gone = issuer.waiting
    stays = issuer.look("a")
    gone.cancel()
    issuer.slow[0].callback(Published({"keys": [A]}, None))

    assert stays == [None]


def test_while_the_issuer_is_down_its_keys_stay(issuer: Issuer) -> None:
    """It is asked again, less and less often; the log has one line for the outage and one for its end."""
    issuer.keys.startService()
    issuer.answer = issuer.is_down
    with capturedLogs() as logs:
        issuer.clock.advance(REFRESH * 0.8)
        for seconds in (1, 2, 4, 8, 16, 32, LAST_RETRY, LAST_RETRY):
            before = issuer.asked
            issuer.clock.advance(seconds - 0.1)
            assert issuer.asked == before
            issuer.clock.advance(0.2)
            assert issuer.asked == before + 1
            assert issuer.names() == {"a"}
        issuer.answer = lambda: issuer.publishes(A)
        issuer.clock.advance(LAST_RETRY)

    assert issuer.counted == ["success", *["failure"] * 9, "success"]
    assert [str(event["log_level"].name) for event in logs] == ["warn", "info"]


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": [jwk(rsa_key(), "a", use="enc")]}])
def test_an_answer_without_keys_is_none(issuer: Issuer, document: dict[str, Any]) -> None:
    """The earlier keys are kept."""
    issuer.keys.startService()
    issuer.answer = lambda: succeed(Published(document, None))
    issuer.clock.advance(REFRESH)

    assert issuer.names() == {"a"}
    assert issuer.counted[:2] == ["success", "failure"]


def test_with_an_issuer_down_an_unknown_key_is_not_known_to_be_bad(issuer: Issuer) -> None:
    """The token may be good: 503, not 401."""
    issuer.keys.startService()
    issuer.answer = issuer.is_down
    for _ in range(2):
        (error,) = issuer.look("b")
        assert isinstance(error, AuthUnavailable)

    assert issuer.asked == 2


def test_without_any_keys_every_second_one_request_asks(issuer: Issuer) -> None:
    """The other requests get `AuthUnavailable` at once."""
    issuer.answer = issuer.is_down
    issuer.keys.startService()
    assert issuer.keys.age == float("inf")
    for _ in range(3):
        assert isinstance(issuer.look("a")[0], AuthUnavailable)
    assert issuer.asked == 2
    issuer.answer = lambda: issuer.publishes(A)
    issuer.clock.advance(2 * FIRST_RETRY)

    assert issuer.names() == {"a"}


def test_before_it_runs_nobody_is_asked(issuer: Issuer) -> None:
    """A configuration that is only checked makes no connections."""
    assert isinstance(issuer.look("a")[0], AuthUnavailable)
    assert issuer.asked == 0


def test_an_error_of_ours_is_told_with_a_traceback(issuer: Issuer) -> None:
    """The keys are kept."""
    issuer.keys.startService()
    issuer.answer = lambda: fail(ZeroDivisionError())
    with capturedLogs() as logs:
        issuer.clock.advance(REFRESH)

    assert "log_failure" in logs[0]
    assert issuer.names() == {"a"}


@pytest.mark.parametrize("slow", [True, False])
def test_when_it_stops_nothing_is_left(issuer: Issuer, slow: bool) -> None:
    """No timer, no fetch, no connection."""
    if slow:
        issuer.answer = issuer.is_slow
    issuer.keys.startService()
    came = issuer.look("b")
    done: list[Any] = []
    issuer.keys.stopService().addBoth(done.append)

    assert done == [None]
    assert issuer.stopped == 1
    assert issuer.clock.getDelayedCalls() == []
    assert came != []
