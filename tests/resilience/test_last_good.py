"""The memory of the last good answers."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.headers import Headers
from gateway.resilience.last_good import MOST_VARIANTS, Answer, LastGood, Values


def answer(body: bytes = b"x", until: float = 100.0, varies: tuple[bytes, ...] = (), values: Values = ()) -> Answer:
    """One that was kept at second 0."""
    return Answer(Headers([(b"A", b"b")]), body, varies, values, 0.0, until)


def nothing(names: tuple[bytes, ...]) -> Values:
    """A request without any of these fields."""
    return (None,) * len(names)


def test_the_last_one_is_found_until_its_time_is_over() -> None:
    """And it takes the place of the one before."""
    store = LastGood(10_000)
    store.keep("/", answer(b"old"))
    store.keep("/", answer(b"new"))

    found = store.find("/", nothing, 99.9)
    assert found is not None
    assert found.body == b"new"
    assert store.find("/", nothing, 100.0) is None
    assert store.find("/other", nothing, 0.0) is None
    assert len(store) == 1


def test_answers_that_differ_by_the_request_stand_side_by_side() -> None:
    """The newest that fits is found; of many the oldest goes."""
    store = LastGood(1_000_000)
    for number in range(MOST_VARIANTS + 1):
        store.keep("/", answer(b"%d" % number, varies=(b"accept",), values=(b"%d" % number,)))

    assert len(store) == MOST_VARIANTS
    assert store.find("/", lambda names: (b"0",), 0.0) is None
    found = store.find("/", lambda names: (b"3",), 0.0)
    assert found is not None
    assert found.body == b"3"


def test_the_least_used_goes_first() -> None:
    """Being found is a use."""
    one = answer(b"x" * 1000)
    store = LastGood(2 * one.octets)
    store.keep("a", one)
    store.keep("b", one)
    store.find("a", nothing, 0.0)

    store.keep("c", one)

    assert [store.find(key, nothing, 0.0) is not None for key in "abc"] == [True, False, True]


def test_one_that_is_larger_than_all_is_not_kept() -> None:
    """And pushes nothing out."""
    store = LastGood(2000)
    store.keep("a", answer())

    store.keep("b", answer(b"x" * 3000))

    assert store.find("a", nothing, 0.0) is not None
    assert len(store) == 1


def test_what_is_under_way_has_its_bound_too() -> None:
    """As much as may be held."""
    store = LastGood(1000)

    assert store.reserve(600)
    assert not store.reserve(600)
    store.release(600)
    assert store.reserve(1000)


class Memory(RuleBasedStateMachine):
    """Whatever happens, it holds no more than it may and knows how much that is."""

    def __init__(self) -> None:
        super().__init__()
        self.store = LastGood(5000)

    @rule(key=st.sampled_from("abc"), size=st.integers(0, 6000), value=st.sampled_from([None, b"1", b"2"]))
    def keep(self, key: str, size: int, value: bytes | None) -> None:
        """Keep an answer."""
        self.store.keep(key, answer(b"x" * size, varies=(b"v",), values=(value,)))

    @rule(key=st.sampled_from("abc"))
    def forget(self, key: str) -> None:
        """It was changed."""
        self.store.forget(key)
        assert self.store.find(key, nothing, 0.0) is None

    @invariant()
    def counts(self) -> None:
        """The figure is the sum."""
        answers = [one for some in self.store._answers.values() for one in some]
        assert self.store.octets == sum(one.octets for one in answers) <= 5000


TestMemory = Memory.TestCase
TestMemory.settings = settings(max_examples=30, stateful_step_count=20)
