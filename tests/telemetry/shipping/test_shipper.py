"""A shipper against a receiver that answers as it is told, on a virtual clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from twisted.logger import capturedLogs

from gateway.telemetry.shipping.contract import Parcel, Verdict
from gateway.telemetry.shipping.phases import State
from gateway.telemetry.shipping.shipper import FIRST, FLUSH, LONGEST, LONGEST_ASKED_FOR, MOST_TRIES
from tests.telemetry.shipping.scripted import Bench, Down, ScriptedSink, receipt


def test_a_batch_leaves_when_it_is_full_or_when_the_interval_is_over() -> None:
    """Whichever comes first; nothing leaves before."""
    bench = Bench(batch=3, interval=1.0)

    bench.put("a", "b")
    bench.clock.advance(0.5)
    assert bench.posted == []
    bench.put("c", "d")
    assert bench.posted == [[b"a", b"b", b"c"]]
    bench.clock.advance(1.0)

    assert bench.posted[1:] == [[b"d"]]
    assert (bench.shipper.state, bench.shipper.octets, bench.delivered) == (State.EMPTY, 0, 4)
    assert not bench.clock.getDelayedCalls()


def test_one_batch_is_under_way_at_a_time() -> None:
    """What comes meanwhile leaves behind it, full batches without a wait."""
    bench = Bench()
    bench.answers = [None]
    bench.put(*"abcdefgh")
    assert len(bench.posted) == 1

    assert bench.open is not None
    bench.open.callback(receipt())

    assert bench.posted == [[b"a", b"b", b"c"], [b"d", b"e", b"f"]]
    bench.clock.advance(1.0)
    assert bench.posted[2:] == [[b"g", b"h"]]


@pytest.mark.parametrize("trouble", [Down("no connection"), receipt(503), receipt(429), receipt(408), receipt(500)])
def test_what_fails_is_sent_again_after_longer_and_longer_pauses(trouble: object) -> None:
    """In the same order, before anything else, and nothing is lost."""
    bench = Bench()
    bench.answers = [trouble] * 4  # type: ignore[list-item]

    with capturedLogs() as logs:
        bench.put(*"abcd")
        for _ in range(200):
            bench.clock.advance(0.1)

    assert bench.posted == [[b"a", b"b", b"c"]] * 5 + [[b"d"]]
    waits = [after - before for before, after in zip(bench.at[:5], bench.at[1:5], strict=False)]
    assert waits == pytest.approx([FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST], abs=0.11)
    assert (bench.lost, bench.delivered) == (0, 4)
    assert len(logs) == 2  # it failed, it works again


def test_pauses_differ_from_gateway_to_gateway_and_have_a_bound() -> None:
    """Between half of a step and the whole."""
    lucky = Bench(chance=0.0)
    lucky.always = Down()
    lucky.put(*"abc")
    lucky.clock.advance(FIRST / 2)
    assert len(lucky.posted) == 2

    for _ in range(30):
        lucky.clock.advance(LONGEST)
    assert 30 <= len(lucky.posted) <= 32 + 1


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7.0),
        (format_datetime(datetime.fromtimestamp(1_700_000_009, UTC), usegmt=True), 9.0),
        ("86400", LONGEST_ASKED_FOR),
        (format_datetime(datetime.fromtimestamp(1_600_000_000, UTC), usegmt=True), FIRST),
        ("soon", FIRST),
        ("-1", FIRST),
    ],
)
def test_a_receiver_says_when_it_wants_to_be_asked_again(asked: str, seconds: float) -> None:
    """`Retry-After` in seconds or as a date, never less than our own pause, and up to a bound."""
    bench = Bench()
    bench.answers = [receipt(503, Retry_After=asked)]
    bench.put(*"abc")

    bench.clock.advance(seconds - 0.01)
    assert len(bench.posted) == 1
    bench.clock.advance(0.02)
    assert len(bench.posted) == 2


def test_what_is_refused_for_good_is_dropped_and_said() -> None:
    """And the next batch goes on."""
    bench = Bench()
    bench.answers = [receipt(400, b"bad \xff lines")]

    with capturedLogs() as logs:
        bench.put(*"abcdef")

    assert bench.posted == [[b"a", b"b", b"c"], [b"d", b"e", b"f"]]
    assert (bench.lost, bench.delivered, bench.shipper.lost) == (3, 3, 3)
    assert [event["cause"] for event in logs] == ["it answered 400: bad � lines"]


def test_some_items_of_a_batch_are_sent_again() -> None:
    """As a bulk answer says: one was taken, one refused, one is to come again; that one keeps its place."""
    sink = ScriptedSink()
    sink.verdict = Verdict(again=[b"b"], refused=1, said="c is malformed")
    bench = Bench(sink=sink)

    bench.put(*"abcd")
    assert (bench.lost, bench.delivered) == (1, 1)
    sink.verdict = None
    bench.clock.advance(FIRST)

    assert bench.posted == [[b"a", b"b", b"c"], [b"b"]]
    assert (bench.lost, bench.delivered) == (1, 2)


def test_a_batch_that_a_receiver_always_fails_at_is_given_up() -> None:
    """It must not keep the others for ever; one that nobody answers to is kept."""
    bench = Bench()
    bench.answers = [Down()] * 50 + [receipt(500)] * MOST_TRIES
    bench.put(*"abcdef")
    for _ in range(50):
        bench.clock.advance(LONGEST)
    assert bench.lost == 0

    for _ in range(MOST_TRIES):
        bench.clock.advance(LONGEST)

    assert (bench.lost, bench.delivered) == (3, 3)
    assert bench.posted[-1] == [b"d", b"e", b"f"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_that_says_that_nobody_answers_is_nobody(status: int) -> None:
    """An hour without a receiver behind its load balancer loses nothing that there is room for."""
    bench = Bench()
    bench.answers.extend([receipt(status)] * 5 * MOST_TRIES)
    bench.put(*"abcdef")

    for _ in range(5 * MOST_TRIES):
        bench.clock.advance(LONGEST)

    assert (bench.lost, bench.delivered) == (0, 6)


def test_the_queue_is_bounded_while_the_receiver_is_down() -> None:
    """What finds no room is dropped: the newest, unless the configuration wants the oldest dropped."""
    for oldest, kept in ((False, b"a"), (True, b"y")):
        bench = Bench(limit=5 * 65, batch=2, oldest=oldest)
        bench.always = Down()
        bench.put(*"abcdefghijklmnopqrstuvwxyz")
        assert (bench.lost, bench.shipper.queued) == (21, 5)
        assert bench.shipper.octets == 5 * 65

        bench.always = receipt()
        bench.clock.advance(LONGEST)
        bench.clock.advance(LONGEST)
        sent = [item for batch in bench.posted[1:] for item in batch]
        assert (kept in sent, bench.delivered) == (True, 5)
        assert sent == sorted(sent)


def test_the_end_sends_what_is_queued_without_waiting() -> None:
    """And fires when it is delivered."""
    bench = Bench(batch=10)
    bench.put(*"abcd")
    ended: list[object] = []

    bench.shipper.stopService().addCallback(ended.append)

    assert (bench.posted, ended, bench.stopped) == ([[b"a", b"b", b"c", b"d"]], [None], 1)
    assert not bench.clock.getDelayedCalls()
    bench.put("e")
    assert (bench.lost, len(bench.posted)) == (1, 1)


def test_the_end_waits_for_the_batch_that_is_under_way() -> None:
    """And sends the rest behind it, tries included."""
    bench = Bench()
    bench.answers = [None, receipt(503)]
    bench.put(*"abcde")
    ended: list[object] = []
    bench.shipper.stopService().addCallback(ended.append)
    assert bench.shipper.state is State.FLUSHING

    assert bench.open is not None
    bench.open.callback(receipt())
    assert (bench.shipper.state, ended) == (State.PAUSING, [])
    bench.clock.advance(FIRST)

    assert (ended, bench.delivered, bench.lost) == ([None], 5, 0)
    assert not bench.clock.getDelayedCalls()


def test_the_end_tries_at_once_what_was_to_be_sent_later() -> None:
    """A pause of minutes is no reason to lose anything."""
    bench = Bench()
    bench.answers = [receipt(503, Retry_After="300")]
    bench.put(*"abc")

    bench.shipper.stopService()

    assert bench.delivered == 3


def test_the_end_gives_a_slow_receiver_what_the_gateway_has_left() -> None:
    """It takes what it is sent: whatever else ends has the same time."""
    bench = Bench(patience=20.0)
    bench.always = None
    bench.put(*"abcd")
    ended: list[object] = []
    bench.shipper.stopService().addCallback(ended.append)

    for _ in range(2):
        bench.clock.advance(8)
        assert bench.open is not None
        bench.open.callback(receipt())

    assert (ended, bench.delivered, bench.lost) == ([None], 4, 0)
    assert not bench.clock.getDelayedCalls()


@pytest.mark.parametrize(("seconds", "fails"), [(8, True), (FLUSH + 20, False)])
def test_the_end_gives_a_slow_receiver_no_more_than_that(seconds: float, fails: bool) -> None:
    """Nor anything once it fails."""
    bench = Bench(patience=20.0)
    bench.always = None
    bench.put(*"abcd")
    ended: list[object] = []
    bench.shipper.stopService().addCallback(ended.append)
    bench.clock.pump([1.0] * int(seconds - 1))
    assert ended == []

    bench.clock.advance(1)
    if fails:
        assert bench.open is not None
        bench.open.errback(Down())

    assert (ended, bench.lost) == ([None], 4)
    assert not bench.clock.getDelayedCalls()


@pytest.mark.parametrize("always", [None, Down("refused")])
def test_the_end_does_not_wait_for_ever(always: Exception | None) -> None:
    """What is left then is counted as lost, and what is under way cancelled."""
    bench = Bench()
    bench.always = always
    bench.put(*"abcd")
    ended: list[object] = []
    bench.shipper.stopService().addCallback(ended.append)

    with capturedLogs() as logs:
        bench.clock.pump([0.1] * int(10 * FLUSH + 2))

    assert (ended, bench.lost) == ([None], 4)
    assert bench.cancelled == (1 if always is None else 0)
    assert [event["count"] for event in logs] == [4]
    assert not bench.clock.getDelayedCalls()


def test_an_end_with_nothing_to_send_is_over_at_once() -> None:
    """Twice, too."""
    bench = Bench()

    for _ in range(2):
        ended: list[object] = []
        bench.shipper.stopService().addCallback(ended.append)
        assert ended == [None]


class _Clumsy(ScriptedSink):
    """Fails at what begins with an x."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def pack(self, items: Sequence[bytes]) -> Parcel:
        if self._at == "pack" and items[0].startswith(b"x"):
            raise ValueError("x")
        return super().pack(items)

    def judge(self, items: Sequence[bytes], answer: object) -> Verdict:
        if self._at == "judge" and items[0].startswith(b"x"):
            raise ValueError("x")
        return Verdict()


@pytest.mark.parametrize("at", ["pack", "judge"])
def test_a_fault_of_ours_costs_one_batch(at: str) -> None:
    """Shipping goes on with the next."""
    bench = Bench(sink=_Clumsy(at))

    with capturedLogs() as logs:
        bench.put("x1", "x2", "x3", "a", "b", "c")

    assert (bench.lost, bench.delivered) == (3, 3)
    assert any("log_failure" in event for event in logs)
