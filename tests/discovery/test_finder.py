"""A finder follows its source through everything, says so once, and rests longer and longer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from gateway.discovery.backoff import FIRST, LONGEST, BackOff
from gateway.discovery.contract import Answer, SourceFault, Tell
from gateway.discovery.finder import SPACING, Counts, Finder, State
from gateway.discovery.members import MOST, Member

ONE, TWO = Member("http://10.0.0.1"), Member("http://10.0.0.2")


class Source:
    """Does what it is told to do."""

    longest_pause = LONGEST

    def __init__(self) -> None:
        self.tell: Tell = lambda answer: None
        self.asked: list[float] = []
        self.fails: Exception | None = None
        self.closed = False
        self.clock = Clock()
        self._ending: Deferred[None] = Deferred()

    async def follow(self, tell: Tell) -> None:
        self.asked.append(self.clock.seconds())
        if self.fails is not None:
            raise self.fails
        self.tell = tell
        self._ending = Deferred()
        await self._ending

    def close(self) -> None:
        self.closed = True

    def end(self, error: Exception | None = None) -> None:
        """End as a watch does."""
        self._ending.callback(None) if error is None else self._ending.errback(error)


class Bench:
    """A finder, its source, and what they tell."""

    def __init__(self, keep_empty: bool = True, known: Sequence[Member] = (), says: bool = True) -> None:
        self.source = Source()
        self.clock = self.source.clock
        self.taken: list[tuple[Member, ...]] = []
        self.kept: list[tuple[Member, ...]] = []
        self.counted: list[str] = []

        def count(what: str) -> Callable[[str], None]:
            return lambda upstream: self.counted.append(what)

        counts = Counts(count("changed"), count("failed"), count("refused"))
        self.finder = Finder(
            "users",
            "etcd",
            (),
            self.source,
            keep_empty,
            known,
            self.clock,
            lambda: 0.5,
            counts,
            self._keep,
            lambda: says,
        )
        self.finder.tell(lambda members: self.taken.append(tuple(members)))
        self.finder.startService()

    def _keep(self, members: Sequence[Member]) -> None:
        self.kept.append(tuple(members))

    def say(self, *members: Member, refused: tuple[str, ...] = ()) -> None:
        """Answer."""
        self.source.tell(Answer(list(members), list(refused)))


@pytest.fixture
def bench() -> Bench:
    """A source that has not answered."""
    return Bench()


def test_members_are_told_now_and_when_they_change(bench: Bench) -> None:
    """The same again is no change."""
    assert bench.taken == [()]
    bench.say(ONE)
    bench.say(ONE)
    bench.clock.advance(1)
    bench.say(ONE, TWO)
    assert bench.taken == [(), (ONE,), (ONE, TWO)]
    assert bench.kept == [(ONE,), (ONE, TWO)]
    assert bench.counted == ["changed", "changed"]


def test_what_follows_at_once_comes_together(bench: Bench) -> None:
    """The first is in force at once, the last after the spacing; what came and went is not seen."""
    for number in range(50):
        bench.say(Member(f"http://10.0.1.{number}"))
    assert len(bench.taken) == 2
    bench.clock.advance(SPACING)
    assert bench.taken[-1] == (Member("http://10.0.1.49"),)
    assert len(bench.taken) == 3
    bench.say(ONE)
    bench.clock.advance(SPACING / 2)
    bench.say(Member("http://10.0.1.49"))
    bench.clock.advance(SPACING)
    assert bench.taken[-1] == (Member("http://10.0.1.49"),)


def test_a_source_that_fails_changes_nothing(bench: Bench) -> None:
    """It is said once, not for each try, and once when it is over."""
    bench.say(ONE)
    with capturedLogs() as events:
        bench.source.fails = SourceFault("it is gone")
        bench.source.end(SourceFault("it is gone"))
        for _ in range(100):
            bench.clock.advance(1)
        assert bench.finder.state is State.STALE
        assert bench.finder.view() | {"since_seconds": 0, "last_answer_seconds": 0} == {
            "type": "etcd",
            "state": "stale",
            "since_seconds": 0,
            "members": 1,
            "last_answer_seconds": 0,
            "why": "it is gone",
        }
        bench.source.fails = None
        bench.clock.advance(LONGEST)
        bench.say(ONE)
    said = [event["log_format"].format(**event) for event in events if event["log_namespace"] == "gateway.discovery"]
    assert said == [
        "users: discovery by etcd is stale, 1 members stay in force: it is gone",
        "users: discovery by etcd is current",
    ]
    assert bench.taken == [(), (ONE,)]


def test_pauses_grow_and_differ(bench: Bench) -> None:
    """From half of a step to the whole, twice as long each time, up to a bound; an answer begins anew."""
    bench.source.fails = SourceFault("it is gone")
    bench.source.end(SourceFault("it is gone"))
    for _ in range(300):
        bench.clock.advance(0.1)
    gaps = [later - earlier for earlier, later in zip(bench.source.asked, bench.source.asked[1:], strict=False)]
    assert gaps[0] < 0.3
    assert gaps == sorted(gaps)
    assert 3.6 < gaps[-1] < 3.9
    low, high = BackOff(lambda: 0.0, LONGEST), BackOff(lambda: 0.999, LONGEST)
    assert [low.pause() for _ in range(2)] == [FIRST / 2, FIRST]
    assert high.pause() > FIRST * 0.99
    assert max(high.pause() for _ in range(20)) <= LONGEST


def test_an_unforeseen_failure_does_not_end_it(bench: Bench) -> None:
    """It is logged with its traceback, and the source is asked again."""
    bench.say(ONE)
    with capturedLogs() as events:
        bench.source.end(ZeroDivisionError())
        bench.clock.advance(1)
    assert any("log_failure" in event for event in events)
    assert len(bench.source.asked) == 2
    bench.say(TWO)
    assert bench.taken[-1] == (TWO,)


def test_a_watch_that_ends_is_no_fault(bench: Bench) -> None:
    """It goes on soon; one that ends at once again and again rests."""
    bench.say(ONE)
    bench.clock.advance(60)
    bench.source.end()
    bench.clock.advance(0.05)
    assert len(bench.source.asked) == 2
    assert bench.finder.state is State.CURRENT
    bench.source.end()
    bench.clock.advance(0.05)
    assert len(bench.source.asked) == 2
    bench.clock.advance(FIRST)
    assert len(bench.source.asked) == 3


@pytest.mark.parametrize(("keep", "taken"), [(True, (ONE,)), (False, ())])
def test_an_empty_answer(keep: bool, taken: tuple[Member, ...]) -> None:
    """It empties only where that is wanted."""
    bench = Bench(keep_empty=keep)
    bench.say(ONE)
    bench.clock.advance(1)
    bench.say()
    assert bench.taken[-1] == taken
    assert bench.finder.state is (State.STALE if keep else State.CURRENT)


def test_garbage_never_empties() -> None:
    """All members are refused: that is no empty answer, though those would count."""
    bench = Bench(keep_empty=False)
    bench.say(ONE)
    bench.clock.advance(1)
    bench.say(refused=("expected a URL, found 7",))
    assert bench.taken[-1] == (ONE,)
    assert bench.finder.state is State.STALE
    assert "found 7" in bench.finder.why


def test_more_than_the_most_are_none(bench: Bench) -> None:
    """A registry that has lost its mind does not fill the memory."""
    bench.say(ONE)
    bench.clock.advance(1)
    bench.say(*(Member(f"http://10.{n // 65536}.{n // 256 % 256}.{n % 256}") for n in range(MOST + 1)))
    assert bench.taken[-1] == (ONE,)
    assert bench.finder.state is State.STALE


def test_what_was_known_before_is_in_force_until_there_is_an_answer() -> None:
    """From the cache on disk; a source that fails leaves it."""
    bench = Bench(known=[ONE])
    assert bench.taken == [(ONE,)]
    assert bench.finder.view()["state"] == "waiting"
    bench.source.fails = SourceFault("it is gone")
    bench.source.end(SourceFault("it is gone"))
    bench.clock.advance(1)
    assert bench.finder.state is State.STALE
    bench.source.fails = None
    bench.clock.advance(LONGEST)
    bench.say(TWO)
    assert bench.taken == [(ONE,), (TWO,)]


def test_a_stop_leaves_no_timer(bench: Bench) -> None:
    """In the middle of a watch, of a pause, and of the spacing between two changes."""
    bench.say(ONE)
    bench.say(TWO)
    bench.finder.stopService()
    assert bench.source.closed
    assert not bench.clock.getDelayedCalls()
    other = Bench()
    other.source.end(SourceFault("x"))
    other.finder.stopService()
    assert not other.clock.getDelayedCalls()


def test_refusals_are_told_once(bench: Bench) -> None:
    """Until an answer has none."""
    with capturedLogs() as events:
        for refused in [("a",), ("a",), (), ("b",)]:
            bench.clock.advance(1)
            bench.say(ONE, refused=refused)
    said: list[Any] = [event for event in events if "not taken" in event["log_format"]]
    assert [event["cause"] for event in said] == ["a", "b"]
    assert bench.counted.count("refused") == 3


def test_one_of_several_processes_that_know_the_same_tells_the_log() -> None:
    """The others take it without a word."""
    quiet = Bench(says=False)
    with capturedLogs() as events:
        quiet.say(ONE, refused=("a",))
        quiet.clock.advance(1)
        quiet.source.end(SourceFault("it is gone"))
    assert quiet.taken[-1] == (ONE,)
    assert quiet.finder.state is State.STALE
    assert events == []
