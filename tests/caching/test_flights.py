"""One answer that arrives once and goes to many; with fetches, in `tests/flow/test_cache_coalescing.py`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.body import HIGH_WATER, Body
from gateway.caching.flights import Flights, Room, Shared
from gateway.caching.key import make_key
from gateway.caching.store import Purge
from gateway.headers import Headers


class Source:
    """The reading side of a body."""

    def __init__(self) -> None:
        self.paused = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def body_over_limit(self, body: Body) -> None: ...


class Sink:
    """Takes a body, at a pace that is drawn."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.got = body.take()
        self.over = body.ended or body.failed
        if not self.over:
            body.attach(self)

    def body_received(self, data: bytes) -> None:
        self.got += data

    def body_ended(self, trailers: Headers | None) -> None:
        self.over = True

    def body_failed(self) -> None:
        self.over = True


class Answer:
    """A shared answer, what became of it, and its source."""

    def __init__(self, most: int) -> None:
        self.whole: list[bytes | None] = []
        self.deserted = self.gone = 0
        self.source = Source()
        self.body = Body(self.source)
        self.shared = Shared(most, self.whole.append, self._left, self._let_go)

    def _left(self) -> None:
        self.deserted += 1

    def _let_go(self) -> None:
        self.gone += 1

    def reader(self) -> Sink:
        reader = self.shared.read(None)
        sink = Sink(reader.body)
        reader.pump()
        return sink


@given(st.data(), st.integers(0, 300_000))
def test_everybody_gets_all_of_it(data: st.DataObject, most: int) -> None:
    """However it is cut, whoever pauses, and whenever somebody joins while that is possible."""
    answer = Answer(most)
    sinks = [answer.reader()]
    answer.shared.flow(answer.body)
    sent = b""
    for number in range(data.draw(st.integers(0, 8))):
        if data.draw(st.booleans()):
            body = data.draw(st.sampled_from(sinks)).body
            body.pause() if data.draw(st.booleans()) else body.resume()
        if answer.shared.complete and data.draw(st.booleans()):
            sinks.append(answer.reader())
        part = b"%d" % number * data.draw(st.integers(1, 90_000))
        sent += part
        answer.body.push(part)
    answer.body.end()
    for sink in sinks:
        sink.body.resume()

    assert [sink.got for sink in sinks] == [sent] * len(sinks)
    assert all(sink.over for sink in sinks)
    assert answer.whole == [sent if len(sent) <= most else None]
    assert not answer.source.paused
    assert (answer.deserted, answer.gone) == (0, 1)


def test_what_is_read_is_held_until_nobody_reads_it() -> None:
    """A part at a time, the same octets that are kept; then nothing of it is held, whoever holds what it was."""
    answer = Answer(500_000)
    fast, slow = answer.reader(), answer.shared.read(None)
    slow.body.attach(Sink(Body()))
    slow.body.pause()
    answer.shared.flow(answer.body)
    for _ in range(4):
        answer.body.push(b"x" * 100_000)
    answer.body.end()
    assert (fast.over, answer.gone) == (True, 0)

    slow.body.resume()

    assert slow.octet == 400_000
    assert answer.gone == 1
    assert answer.shared.part(slow) is None
    slow.cancel()
    assert answer.gone == 1


def test_a_part_of_what_is_whole() -> None:
    """From one octet to another."""
    gone: list[int] = []
    shared = Shared(0, lambda content: None, lambda: None, lambda: gone.append(1)).holds(bytes(range(200)) * 1000)
    readers = [shared.read(None, 7, 150_000), shared.read(None), shared.read(5, 3, 8)]
    sinks = [Sink(reader.body) for reader in readers]
    for reader in readers:
        assert not gone
        reader.pump()

    content = bytes(range(200)) * 1000
    assert [sink.got for sink in sinks] == [content[7:150_000], content, content[3:8]]
    assert gone == [1]


def test_the_slowest_sets_the_pace_only_past_the_bound() -> None:
    """The source is paused when an answer that is not kept waits for somebody, and goes on when that has passed."""
    answer = Answer(HIGH_WATER)
    fast, slow = answer.reader(), answer.reader()
    slow.body.pause()
    answer.shared.flow(answer.body)
    answer.body.push(b"x" * HIGH_WATER)
    assert not answer.source.paused

    answer.body.push(b"y")

    assert answer.source.paused
    assert len(fast.got) == HIGH_WATER + 1
    slow.body.resume()
    assert not answer.source.paused


def test_one_that_leaves_holds_nobody() -> None:
    """And when nobody is left, that is told once."""
    answer = Answer(0)
    first, second = answer.shared.read(None), answer.shared.read(None)
    second.body.pause()
    answer.shared.flow(answer.body)
    answer.body.push(b"x" * HIGH_WATER)
    assert answer.source.paused
    second.cancel()
    assert not answer.source.paused
    assert not answer.deserted

    first.cancel()
    first.cancel()

    assert answer.deserted == 1


def test_trailers_go_to_all_and_are_not_kept() -> None:
    """An answer without them would be another one."""
    answer = Answer(100)
    reader = answer.shared.read(None)
    answer.shared.flow(answer.body)
    answer.body.push(b"x")
    trailers = Headers([(b"X-Sum", b"1")])
    answer.body.end(trailers)

    assert reader.body.trailers == trailers
    assert answer.whole == [None]


def test_what_breaks_off_breaks_off_for_all() -> None:
    """And is not kept."""
    answer = Answer(100)
    sinks = [answer.reader(), answer.reader()]
    answer.shared.flow(answer.body)
    answer.body.push(b"x")
    answer.body.fail()

    assert [sink.body.failed for sink in sinks] == [True, True]
    assert answer.whole == [None]


def test_room() -> None:
    """No more is recorded at once than there is room for."""
    room = Room(10)
    assert room.take(6)
    assert not room.take(5)
    room.give_back(6)
    assert room.take(10)


def test_fetches_are_found_until_a_purge_meets_them() -> None:
    """Whatever tags an answer will have."""
    flights: Flights[str] = Flights()
    keys = {path: make_key(b"", "r", b"http", b"h", path, path, b"") for path in (b"/a", b"/b")}
    for path, key in keys.items():
        flights.enter(path, key, path.decode())

    flights.forget(Purge(url=b"h/a"))
    assert (flights.find(b"/a"), flights.find(b"/b")) == (None, "/b")
    flights.forget(Purge(url=b"h/b", query=b"other"))
    flights.forget(Purge(url=b"h/none"))
    flights.leave(b"/b", "another")
    assert flights.find(b"/b") == "/b"
    flights.forget(Purge(route="other"))
    assert len(flights) == 1
    flights.forget(Purge(tag=b"t"))
    assert len(flights) == 0
