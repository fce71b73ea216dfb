"""The content of a request and its copy, whatever the pace of the two who take them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.body import HIGH_WATER, Body
from gateway.forwarding.copied import MOST, Copied, Tee
from gateway.headers import Headers


class Client:
    """The reading side; remembers whether it is paused."""

    def __init__(self) -> None:
        self.paused = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def body_over_limit(self, body: Body) -> None:
        raise AssertionError("no limit is set")


class Taker:
    """A writing side, which takes so much before it is full."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.got = b""
        self.full = False
        self.there = False
        self.ends: list[Any] = []
        self.broken = 0

    def come(self) -> None:
        """Take what waits, and then what comes."""
        if self.there:
            return
        self.there = True
        self.got += self.body.take()
        if self.body.ended:
            self.ends.append(self.body.trailers)
            return
        if self.full:
            self.body.pause()
        self.body.attach(self)

    def turn(self) -> None:
        """Be full, or no longer."""
        self.full = not self.full
        if self.there:
            (self.body.pause if self.full else self.body.resume)()

    def body_received(self, data: bytes) -> None:
        self.got += data

    def body_ended(self, trailers: Headers | None) -> None:
        self.ends.append(trailers)

    def body_failed(self) -> None:
        self.broken += 1


STEPS = st.lists(
    st.one_of(st.integers(1, 120_000), st.sampled_from(["main comes", "copy comes", "main turns", "copy turns"])),
    max_size=40,
)


@given(STEPS, st.booleans())
def test_any_schedule_gives_the_backend_what_the_client_sent(steps: list[Any], ends: bool) -> None:
    """All of it, in order, at its own pace; the copy is the same, or its beginning, given up where too much waits."""
    client, outrun = Client(), [0]
    source = Body(client)

    def count() -> None:
        outrun[0] += 1

    copied = Copied(None, lambda: None, count)
    tee = Tee(source, copied)
    tee.begin()
    main, copy = Taker(tee.body), Taker(copied.body)
    sent, trailers = b"", Headers([(b"X-Sum", b"1")])
    for number, step in enumerate(steps):
        if isinstance(step, int):
            if client.paused:
                continue
            data = bytes([number]) * step
            sent += data
            source.push(data)
        else:
            who, what = (main if step.startswith("main") else copy), step.split()[1]
            who.come() if what == "comes" else who.turn()
        assert client.paused == ((main.there and main.full) or (not main.there and len(sent) >= HIGH_WATER))
        assert sent.startswith(main.got)
        assert sent.startswith(copy.got)
        assert copied._waits <= MOST
        assert outrun[0] <= 1
        if copy.there and not copy.full and not outrun[0]:
            assert copy.got == sent
    if ends:
        source.end(trailers)
    main.come()
    assert main.got == sent
    if not outrun[0]:
        copy.come()
        if copy.full:
            copy.turn()
        assert copy.got == sent
    if ends:
        assert main.ends == [trailers]
        assert copy.ends == ([] if outrun[0] else [trailers])
    assert copied.complete == ends
    assert (main.broken, copy.broken) == (0, 0)


def test_a_client_that_breaks_off() -> None:
    """The backend hears of it; the copy is ended by the step, which alone knows why."""
    source = Body(Client())
    copied = Copied(None, lambda: None, lambda: None)
    tee = Tee(source, copied)
    tee.begin()
    main = Taker(tee.body)
    main.come()
    source.push(b"abc")
    source.fail()
    assert (main.got, main.broken) == (b"abc", 1)
    assert not copied.complete


def test_what_has_ended_before() -> None:
    """Content that was gathered goes on as a whole."""
    source = Body(Client(), 3)
    source.push(b"abc")
    source.end()
    copied = Copied(3, lambda: None, lambda: None)
    tee = Tee(source, copied)
    tee.begin()
    assert (tee.body.ended, tee.body.length, tee.body.take(), tee.body.origin) == (True, 3, b"abc", source)
    assert (copied.body.ended, copied.body.length, copied.body.take()) == (True, 3, b"abc")


def test_it_is_sent_again_from_the_start() -> None:
    """What is kept for a retry is kept behind the tee: the copy gets no chunk twice."""
    source = Body(Client())
    copied = Copied(None, lambda: None, lambda: None)
    tee = Tee(source, copied)
    tee.begin()
    tee.body.keep(1000)
    main, copy = Taker(tee.body), Taker(copied.body)
    main.come()
    copy.come()
    source.push(b"abc")
    tee.body.rewind()
    again = Taker(tee.body)
    again.come()
    source.push(b"de")
    source.end()
    assert again.got == b"abcde" == copy.got
