"""What searches found is played again, and each kind of target notices a fault that is planted."""

from __future__ import annotations

import pytest

from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http1 import request_parser
from gateway.http1.lines import REQUESTS
from gateway.testing import Harness
from tests.conformance.strict import Ambiguous
from tests.fuzzing import corpus, targets
from tests.fuzzing.run import Found, table
from tests.fuzzing.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_all_that_was_kept_is_read_in_one_way(name: str) -> None:
    """The corpus, and what searches begin with."""
    kept = corpus.load(name)

    assert len(kept) > 10
    for octets in [*TARGETS[name].begins, *kept]:
        TARGETS[name].play(octets)


class Forgetful:
    """Reads lines as ours do, and forgets the last."""

    def read(self, lines: bytes, most: int) -> Headers | None:
        """Read the lines of a head."""
        found = REQUESTS.read(lines, most)
        return found and Headers(list(found)[:-1])


def test_a_second_reading_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that came in one read has a field less than the same head in pieces."""
    monkeypatch.setattr(request_parser, "REQUESTS", Forgetful())

    with pytest.raises(AssertionError):
        TARGETS["requests"].play(TARGETS["requests"].begins[0])


class Smuggler:
    """A step that ends the head of an answer early."""

    name = "smuggler"

    def on_response(self, exchange: Exchange) -> None:
        """Add a field with a second answer in it."""
        assert exchange.response is not None
        exchange.response.headers.add(b"X", b"a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0")


def test_an_answer_that_becomes_two_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strict reader at the client has more than one, or none that it can read."""

    class Planted(targets._Gateways):
        def take(self) -> Harness:
            gateway = super().take()
            gateway.insert("/*", Smuggler())
            return gateway

    monkeypatch.setattr(targets, "_gateways", Planted())

    with pytest.raises((AssertionError, Ambiguous)):
        TARGETS["answering"].play(TARGETS["answering"].begins[0])


def test_the_table_says_what_was_found() -> None:
    """A row a target, and how long all of them had."""
    shown = table([Found("requests", 5, 12_345, 80, 12, [b"x"]), Found("answers", 5, 1, 2, 3, [])], 7)

    assert shown.title == "fuzzing: 10 seconds, seed 7"
    assert shown.rows[0] == ["requests", "5", "12,345", "80", "12", "1"]
