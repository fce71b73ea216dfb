"""Bodies: every chunk once and in order, then the end; and the faster side is paused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.body import HIGH_WATER, Body
from gateway.headers import Headers


class Source:
    """Counts pauses, and what went over the limit."""

    def __init__(self) -> None:
        self.paused = False
        self.over = 0

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False

    def body_over_limit(self, body: Body) -> None:
        self.over += 1


class Sink:
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.data = b""
        self.ended: list[Headers | None] = []
        self.failed = 0

    def body_received(self, data: bytes) -> None:
        assert data
        assert not self.ended
        self.data += data

    def body_ended(self, trailers: Headers | None) -> None:
        self.ended.append(trailers)

    def body_failed(self) -> None:
        self.failed += 1


@given(st.lists(st.binary(min_size=1, max_size=10)), st.integers(0, 10))
def test_every_octet_once_and_in_order(chunks: list[bytes], attached_after: int) -> None:
    """Whenever the writing side takes it."""
    body, sink = Body(Source()), Sink()
    first = b""
    for number, chunk in enumerate(chunks):
        if number == attached_after:
            first = body.take()
            body.attach(sink)
        body.push(chunk)
    if len(chunks) <= attached_after:
        first = body.take()
        body.attach(sink)
    body.end()

    assert first + sink.data == b"".join(chunks)
    assert body.received == len(b"".join(chunks))
    assert sink.ended == [None]


def test_what_waits_is_bounded() -> None:
    """At `HIGH_WATER` the reading side is paused, once; it goes on when the writing side attaches."""
    source = Source()
    body = Body(source)
    body.push(b"x" * (HIGH_WATER - 1))
    assert not source.paused
    body.push(b"x")
    assert source.paused
    body.push(b"x")  # of the same read
    assert len(body.take()) == HIGH_WATER + 1
    body.attach(Sink())

    assert not source.paused


def test_nothing_waits_twice() -> None:
    """`take` leaves nothing behind."""
    body = Body(Source())
    body.push(b"once")

    assert (body.take(), body.take()) == (b"once", b"")


def test_a_full_writer_pauses_the_reader() -> None:
    """Until it has room; pausing twice has the effect of once."""
    source = Source()
    body = Body(source)
    body.attach(Sink())
    body.pause()
    body.pause()
    assert source.paused
    body.resume()
    body.resume()

    assert not source.paused


def test_a_writer_that_is_full_from_the_start_pauses_the_reader() -> None:
    """It pauses before it attaches, and attaching does not resume."""
    source = Source()
    body = Body(source)
    body.push(b"x" * HIGH_WATER)
    body.take()
    body.pause()
    body.attach(Sink())
    assert source.paused
    body.resume()
    assert not source.paused


def test_that_one_writer_was_full_does_not_hold_the_next() -> None:
    """When a request is sent again on another connection."""
    source = Source()
    body = Body(source)
    body.keep(100)
    body.push(b"x")
    body.take()
    body.pause()
    body.attach(Sink())
    body.detach()
    body.rewind()
    assert body.take() == b"x"
    body.attach(Sink())
    assert not source.paused


def test_the_end_lets_the_reader_go() -> None:
    """It has the next message to read, even while the writing side is full."""
    source = Source()
    body = Body(source)
    body.attach(Sink())
    body.pause()
    body.end()
    assert not source.paused
    body.pause()

    assert not source.paused


def test_the_end_may_come_before_the_writer() -> None:
    """The writing side finds it in the attributes, trailers included."""
    body = Body(Source())
    trailers = Headers([(b"X-Sum", b"1")])
    body.push(b"all")
    body.end(trailers)

    assert (body.take(), body.ended, body.trailers) == (b"all", True, trailers)


def test_a_failure_is_told_once_there_is_someone_to_tell() -> None:
    """And it stands in the attribute."""
    early, late, sink = Body(Source()), Body(Source()), Sink()
    early.fail()
    late.attach(sink)
    late.fail()

    assert early.failed
    assert late.failed
    assert sink.failed == 1


def test_a_writer_that_has_left_hears_nothing() -> None:
    """It gets neither chunks nor the end."""
    body, sink = Body(Source()), Sink()
    body.attach(sink)
    body.detach()
    body.push(b"x")
    body.end()

    assert (sink.data, sink.ended) == (b"", [])


def test_the_octet_over_the_limit_is_dropped() -> None:
    """With its whole chunk; only the reading side is told."""
    source, sink = Source(), Sink()
    body = Body(source)
    body.limit = 4
    body.attach(sink)
    body.push(b"1234")
    assert source.over == 0
    body.push(b"5")

    assert (sink.data, source.over) == (b"1234", 1)


def test_a_body_without_a_reader_to_stop() -> None:
    """A body that a test or a step makes has no source to pause."""
    body, sink = Body(), Sink()
    body.push(b"x" * HIGH_WATER)
    body.pause()
    body.resume()
    body.limit = 1
    body.push(b"x")
    assert len(body.take()) == HIGH_WATER
    body.attach(sink)
    body.end()

    assert sink.ended == [None]


def test_all_of_a_body_is_gathered_before_it_is_taken() -> None:
    """Even beyond `HIGH_WATER`; the reading side is not paused."""
    source = Source()
    body = Body(source, length=3 * HIGH_WATER)
    told: list[bool] = []
    body.gather(3 * HIGH_WATER, lambda: told.append(body.ended))
    for _ in range(3):
        body.push(b"x" * HIGH_WATER)
    assert (told, source.paused) == ([], False)
    body.end()
    assert told == [True]
    assert len(body.take()) == 3 * HIGH_WATER


PASSES = {b"x-sum": True, b"x-user-id": False}
TRAILERS = [(b"X-Sum", b"1"), (b"X-User-ID", b"root")]


def test_trailers_are_sifted_whether_they_have_come_or_will_come() -> None:
    """A body may have ended before its route is known."""
    early, late, sink = Body(), Body(), Sink()
    early.end(Headers(TRAILERS))
    early.sift_trailers(PASSES)
    late.sift_trailers(PASSES)
    late.attach(sink)
    late.end(Headers(TRAILERS))

    for trailers in (early.trailers, late.trailers, *sink.ended):
        assert trailers is not None
        assert list(trailers) == [(b"X-Sum", b"1")]
