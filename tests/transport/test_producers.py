from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gateway.transport.producers import Membrane, Pulled
from tests.transport.producing import Producer


def test_two_reasons_to_pause_are_one_pause() -> None:
    """It goes on when neither is left."""
    producer = Producer()
    membrane = Membrane(producer)

    membrane.pause_for_tls()
    membrane.pause_for_tls()
    membrane.pauseProducing()
    membrane.resume_after_tls()
    assert producer.events == ["pause"]
    membrane.resumeProducing()
    assert producer.events == ["pause", "resume"]
    membrane.resumeProducing()
    membrane.resume_after_tls()
    membrane.stopProducing()

    assert producer.events == ["pause", "resume", "stop"]


def pulled(producer: Producer, clock: Clock, failed: list[str]) -> Pulled:
    """One that is asked by a clock."""
    return Pulled(producer, clock.callLater, lambda: failed.append("failed"))


def test_a_pull_producer_is_asked_once_a_turn() -> None:
    """As long as there is room, and until it is done."""
    producer, clock = Producer(), Clock()
    asking = pulled(producer, clock, [])

    asking.resumeProducing()
    clock.pump([1, 1, 1])
    assert producer.events == ["resume"] * 3
    asking.pauseProducing()
    clock.pump([1, 1])
    assert producer.events == ["resume"] * 3
    asking.resumeProducing()
    asking.resumeProducing()
    clock.advance(1)
    assert producer.events == ["resume"] * 4
    asking.stop_asking()
    clock.pump([1, 1])

    assert producer.events == ["resume"] * 4
    assert not clock.getDelayedCalls()


def test_a_lost_connection_is_told() -> None:
    """And nothing is asked for any more."""
    producer, clock = Producer(), Clock()
    asking = pulled(producer, clock, [])
    asking.resumeProducing()

    asking.stopProducing()
    clock.advance(1)

    assert producer.events == ["stop"]


class Failing(SynchronousTestCase):
    """With what Twisted keeps of logged errors."""

    def test_a_producer_that_fails_ends_its_connection(self) -> None:
        """The exception is logged."""

        class Broken(Producer):
            def resumeProducing(self) -> None:
                raise ValueError("broken")

        clock = Clock()
        failed: list[str] = []
        pulled(Broken(), clock, failed).resumeProducing()
        clock.pump([1, 1])

        assert failed == ["failed"]
        assert len(self.flushLoggedErrors(ValueError)) == 1
