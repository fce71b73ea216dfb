"""Body filters by themselves; `tests/flow/test_filters.py` has them on exchanges."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from gateway.body import HIGH_WATER, Body
from gateway.errors import ClientAborted, InternalError
from gateway.filters import Recording, through, whole
from gateway.headers import Headers
from tests.bodies import CHUNKS, Broken, Deflate, Each, Sink, Source, Upper, pour

# -- what goes through


@given(CHUNKS, st.integers(0, 12), st.integers(0, 12))
def test_all_of_it_in_order_then_the_end(chunks: list[bytes], before: int, after: int) -> None:
    """However the body is cut, and whenever filter and sink are attached."""
    content = b"".join(chunks)
    for body_filter, meant in (
        (Each(1), content),
        (Each(0), b""),
        (Each(3, b"!"), bytes(octet for octet in content for _ in range(3)) + b"!"),
        (Upper(), content.upper()),
    ):
        sink = pour(chunks, body_filter, before, after)
        assert (sink.data, sink.ended, sink.failed) == (meant, 1, 0)
    assert zlib.decompress(pour(chunks, Deflate(), before, after).data) == content


@given(CHUNKS, st.integers(0, 12))
def test_filters_stand_behind_each_other(chunks: list[bytes], before: int) -> None:
    """The second filter gets what the first makes, the end included."""
    body = Body(Source())
    for chunk in chunks[:before]:
        body.push(chunk)
    first, last = Recording(10_000), Recording(10_000)
    sink = Sink(through(through(through(through(body, first), Each(2)), Deflate()), last))
    for chunk in chunks[before:]:
        body.push(chunk)
    body.end()
    assert zlib.decompress(sink.data) == bytes(octet for chunk in chunks for octet in chunk for _ in range(2))
    assert (first.content, last.content, sink.ended) == (b"".join(chunks), sink.data, 1)


def test_a_body_that_is_complete_goes_through_at_once() -> None:
    """The new body has ended as soon as it is made."""
    body = Body(Source(), 3)
    body.push(b"abc")
    body.end()
    filtered = through(body, Each(1, b"!"))
    assert (filtered.ended, filtered.length, filtered.take()) == (True, None, b"abc!")


def test_trailers_go_last_and_may_be_changed() -> None:
    """A filter may drop one that does not fit the new content, a digest for example."""

    class Drop(Each):
        def trailers(self, before: Headers | None) -> Headers | None:
            assert before is not None
            return None

    for body_filter, names in ((Each(1), [b"X-Sum"]), (Drop(1), [])):
        body = Body(Source())
        sink = Sink(through(body, body_filter))
        body.end(Headers([(b"X-Sum", b"1")]))
        assert [name for name, _ in sink.trailers or ()] == names


def test_trailers_are_sifted_behind_the_filter_too() -> None:
    """The forwarder sets the rule on the body that it forwards."""
    body = Body(Source())
    filtered = through(body, Each(1))
    filtered.sift_trailers({b"x-sum": False})
    sink = Sink(filtered)
    body.end(Headers([(b"X-Sum", b"1")]))
    assert list(sink.trailers or ()) == []


# -- lengths


@pytest.mark.parametrize(("said", "made"), [(3, 4), (3, 2), (0, 1), (1, 0)])
def test_a_filter_that_breaks_its_word_about_the_length_fails(said: int, made: int) -> None:
    """Octets beyond the length would be read as the next message: none of them is passed on."""

    class Liar(Each):
        def length(self, before: int | None) -> int | None:
            return said

    found: list[Exception] = []
    body = Body(Source(), 1)
    sink = Sink(through(body, Liar(made), found.append))
    body.push(b"a")
    body.end()
    assert isinstance(found[0], InternalError)
    assert len(sink.data) <= said
    assert sink.ended == 0


def test_a_length_that_is_kept_is_known() -> None:
    """So that the receiver gets Content-Length."""
    assert pour([b"ab", b"c"], Upper(), 1, 1, length=3).body.length == 3
    assert pour([b"ab", b"c"], Recording(9), 1, 1, length=3).body.length == 3
    assert pour([b"ab", b"c"], Each(1), 1, 1, length=3).body.length is None


# -- back-pressure


def test_a_full_sink_stops_the_source() -> None:
    """And lets it go on later; the filter's output does not pile up."""
    source = Source()
    body = Body(source)
    sink = Sink(through(body, Upper()), room=2)
    body.push(b"ab")
    assert source.paused
    body.push(b"c")  # of the same read
    assert sink.data == b"AB"
    sink.read_on()
    assert (sink.data, source.paused) == (b"ABC", False)


def test_a_filter_that_makes_much_of_little_is_asked_for_no_more_than_there_is_room_for() -> None:
    """A decompressor, for example, waits for the sink in the middle of a chunk's output."""
    source = Source()
    body = Body(source)
    each = Each(100_000)
    filtered = through(body, each)
    body.push(b"ab")
    body.end()
    assert each.made == HIGH_WATER  # nobody takes it yet
    assert not filtered.ended
    sink = Sink(filtered, room=HIGH_WATER + 10)
    assert each.made == HIGH_WATER + 10
    sink.read_on(5)
    assert each.made == HIGH_WATER + 15
    assert sink.ended == 0
    sink.read_on()
    assert (len(sink.data), sink.ended) == (200_000, 1)


@given(CHUNKS, st.lists(st.integers(1, 200), max_size=20), st.integers(1, 5))
def test_pauses_lose_nothing(chunks: list[bytes], rooms: list[int], times: int) -> None:
    """Wherever the sink pauses: within a chunk or between two, before the end or after it."""
    source = Source()
    body = Body(source)
    sink = Sink(through(body, Each(times, b"!")), room=1)
    waiting, left = list(chunks), list(rooms)
    while waiting or left:
        if waiting and not source.paused:
            body.push(waiting.pop(0))
        elif left:
            sink.read_on(left.pop(0))
        else:
            sink.read_on()
    body.end()
    sink.read_on()
    assert sink.data == bytes(octet for chunk in chunks for octet in chunk for _ in range(times)) + b"!"
    assert sink.ended == 1
    assert not source.paused


def test_what_nobody_takes_stops_the_source() -> None:
    """As it does without a filter."""
    source = Source()
    body = Body(source)
    filtered = through(body, Upper())
    body.push(b"x" * HIGH_WATER)
    assert source.paused
    assert len(filtered.take()) == HIGH_WATER


def test_a_filter_that_passes_nothing_on_does_not_stop_the_source() -> None:
    """Since nothing waits behind it."""
    source = Source()
    body = Body(source)
    sink = Sink(through(body, Each(0)), room=1)
    for _ in range(3):
        body.push(b"x" * HIGH_WATER)
    assert (source.paused, sink.data) == (False, b"")


def test_a_filter_is_hung_on_a_body_whose_source_was_stopped() -> None:
    """The filter makes room, so the source goes on."""
    source = Source()
    body = Body(source)
    body.push(b"x" * HIGH_WATER)
    assert source.paused
    through(body, Each(0))
    assert not source.paused


# -- failing, detaching, limits


@pytest.mark.parametrize("place", ["chunk", "between", "end", "trailers"])
def test_a_filter_that_fails_lets_the_source_go_and_fails_the_body(place: str) -> None:
    """What the source still sends is dropped, so that it is not paused for ever; nothing follows the failure."""
    source = Source()
    body = Body(source)
    sink = Sink(through(body, Broken(place)), room=1)
    body.push(b"a")
    sink.read_on()
    body.push(b"b")
    if place in ("chunk", "between"):
        body.push(b"x" * HIGH_WATER)
    body.end()
    assert (sink.ended, sink.failed, source.paused) == (0, 1, False)
    assert sink.data == {"chunk": b"", "between": b"a", "end": b"ab", "trailers": b"ab"}[place]


def test_who_hung_the_filter_is_told_in_place_of_the_sink() -> None:
    """The exchange can answer with an error."""
    found: list[Exception] = []
    body = Body(Source())
    sink = Sink(through(body, Broken("chunk"), found.append))
    body.push(b"a")
    assert isinstance(found[0], ValueError)
    assert sink.failed == 0


@pytest.mark.parametrize("place", ["chunk", "between"])
def test_a_filter_that_fails_at_once_fails_in_the_step_that_hangs_it(place: str) -> None:
    """The chain handles failures of its steps."""
    body = Body(Source())
    body.push(b"a")
    with pytest.raises(ValueError, match=place):
        through(body, Broken(place))


@pytest.mark.parametrize("hung_before", [True, False])
def test_a_body_that_breaks_off_breaks_off_behind_the_filter(hung_before: bool) -> None:
    """The filter's `end` is not called: it has not seen everything."""
    recording = Recording(100)
    body = Body(Source())
    body.push(b"a")
    if not hung_before:
        body.fail()
    filtered = through(body, recording)
    if hung_before:
        sink = Sink(filtered)
        body.fail()
        assert (sink.data, sink.failed, sink.ended) == (b"a", 1, 0)
    assert filtered.failed
    assert not filtered.ended
    assert recording.content is None


def test_a_sink_that_leaves_and_another_that_comes() -> None:
    """A request is sent again: the filter runs once, and its output is kept behind it."""
    body = Body(Source())
    filtered = through(body, Each(2))
    filtered.keep(100)
    first = Sink(filtered)
    body.push(b"ab")
    filtered.detach()
    body.push(b"c")
    body.end()
    assert filtered.repeatable
    filtered.rewind()
    second = Sink(filtered)
    assert (first.data, second.data, second.ended) == (b"aabb", b"aabbcc", 1)


def test_a_body_that_the_exchange_has_failed_takes_no_more() -> None:
    """The client is gone; what the source still sends is dropped."""
    body = Body(Source())
    each = Each(1)
    filtered = through(body, each)
    filtered.fail()
    body.push(b"a")
    assert (each.made, filtered.take()) == (0, b"")


def test_limits_hold_on_both_sides_of_a_filter() -> None:
    """The source is told of its own body, the only one that it knows."""
    source = Source()
    body = Body(source)
    body.limit = 2
    filtered = through(through(body, Each(3)), Each(1))
    assert filtered.origin is body
    body.push(b"aaa")
    assert source.over == [body]

    source, body = Source(), Body(source)
    body = Body(source)
    filtered = through(through(body, Each(3)), Each(1))
    filtered.limit = 5
    sink = Sink(filtered)
    body.push(b"a")
    assert (source.over, sink.data) == ([], b"aaa")
    body.push(b"b")
    assert (source.over, sink.data) == ([body], b"aaabb")
    body.push(b"c")
    assert sink.data == b"aaabb"


# -- recording


@given(CHUNKS, st.integers(0, 100))
def test_what_is_recorded_is_all_or_nothing(chunks: list[bytes], most: int) -> None:
    """And recording changes nothing."""
    recording, content = Recording(most), b"".join(chunks)
    sink = pour(chunks, recording, 2, 2)
    assert sink.data == content
    assert recording.content == (content if len(content) <= most else None)


# -- all of a body


def test_the_whole_is_there_when_it_has_ended() -> None:
    """Nothing has been taken from it."""
    body = Body(length=2)
    done = whole(body, 2)
    body.push(b"a")
    body.push(b"b")
    assert not done.called
    body.end()
    assert done.called
    assert body.take() == b"ab"


@pytest.mark.parametrize("come", [True, False])
def test_a_body_that_breaks_off_fails(come: bool) -> None:
    """The client is gone, before or after `whole` is called."""
    body = Body(length=2)
    seen: list[object] = []
    if come:
        body.fail()
    done: Deferred[None] = whole(body, 2)
    done.addErrback(lambda failure: seen.append(failure.type))
    body.fail()
    assert seen == [ClientAborted]


def test_who_waits_no_more_is_told_nothing() -> None:
    """The exchange has ended for another reason."""
    body = Body(length=2)
    seen: list[object] = []
    done = whole(body, 2)
    done.addErrback(lambda failure: seen.append(failure.type))
    done.cancel()
    body.end()
    assert seen == [CancelledError]


@pytest.mark.parametrize("early", [True, False])
def test_of_a_body_that_is_too_long_nothing_is_lost(early: bool) -> None:
    """The caller is told as soon as it is too long; the chunks wait, and the rest comes when they are taken."""
    source = Source()
    body = Body(source)
    if early:
        body.push(b"x" * HIGH_WATER)
    done = whole(body, 10)
    if not early:
        body.push(b"x" * HIGH_WATER)
    assert done.called
    assert not body.ended
    assert source.paused
    sink = Sink(body)
    assert not source.paused
    body.push(b"y")
    body.end()
    assert sink.data == b"x" * HIGH_WATER + b"y"


def test_what_a_filter_makes_is_gathered_too() -> None:
    """Its length need not be known."""
    source = Source()
    body = Body(source)
    filtered = through(body, Each(2 * HIGH_WATER))
    done = whole(filtered, 5 * HIGH_WATER)
    body.push(b"ab")
    assert not done.called
    body.end()
    assert done.called
    assert len(filtered.take()) == 4 * HIGH_WATER
