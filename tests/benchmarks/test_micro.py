"""The micro-benchmark measures what it says, and notices when it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.micro import instructions, turns
from benchmarks.micro.assembly import CLIENTS
from benchmarks.micro.calls import assembled
from benchmarks.micro.exchanges import EXCHANGES, choose
from benchmarks.peers import ROOT


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_scenario_is_answered_as_it_says(name: str) -> None:
    """A slice counts its answers and its lines in the log."""
    assembly = assembled(EXCHANGES[name])

    assert 0 < assembly.slice(2) < 1
    assert 0 < assembly.slice(1) < 1


@pytest.mark.parametrize("name", ["plain", "tls", "errors"])
def test_another_answer_than_expected_is_an_error(name: str) -> None:
    """No figure is given for work that was not done."""
    assembly = assembled(replace(EXCHANGES[name], status=418))

    with pytest.raises(RuntimeError, match=r"0 of 1 answers with 418: b'HTTP/1\.1"):
        assembly.slice(1)


def test_calls_with_another_answer_than_expected_are_an_error() -> None:
    """Over HTTP/2, too."""
    assembly = assembled(replace(EXCHANGES["grpc"], status=418))

    with pytest.raises(RuntimeError, match="16 of 16 calls with 0, statuses"):
        assembly.slice(1)


def test_new_heads_are_new_and_others_are_the_same() -> None:
    """On both sides, for every number."""
    for name, exchange in EXCHANGES.items():
        requests, answers = exchange.requests(), exchange.answers()
        different = len({requests(number) for number in range(CLIENTS)})
        assert different == (CLIENTS if name in ("new-heads", "new-lines") else 1)
        assert len({answers(number) for number in range(CLIENTS)}) == different


def test_only_lines_that_must_be_the_same_are_no_new_lines() -> None:
    """One line of a new head is new, or nearly all."""
    same = {}
    for name in ("plain", "new-heads", "new-lines"):
        messages = EXCHANGES[name].requests(), EXCHANGES[name].answers()
        heads = [
            [message(number).partition(b"\r\n\r\n")[0].split(b"\r\n") for number in (1, 2)] for message in messages
        ]
        same[name] = [[line.partition(b" ")[0] for line in one if line in other] for one, other in heads]

    request, answer = same["plain"]
    assert same["new-heads"] == [request, answer]
    assert same["new-lines"] == [
        [b"GET", b"Host:"],
        [b"HTTP/1.1", b"Date:", b"Content-Type:", b"Content-Length:", b"Connection:"],
    ]


def test_an_unknown_scenario_is_named_with_those_that_there_are() -> None:
    """All of them."""
    with pytest.raises(ValueError, match="no micro-benchmark slow; there are plain, chain"):
        choose(["slow"])


def test_sides_are_measured_in_processes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sides, here of the same code: a row for each, and the ratio to the first."""
    monkeypatch.setattr(turns, "SLICES", 2)

    table = turns.compare(choose(["errors"]), {"before": ROOT, "after": ROOT}, 1, instructions=False)

    assert [row[:2] for row in table.rows] == [["errors", "before"], ["errors", "after"]]
    assert table.rows[0][4] == "1.00"
    assert 0 < float(table.rows[1][4]) < 100
    assert "in 1 pairs" in table.notes[0]


def test_a_worker_that_would_measure_another_checkout_ends(tmp_path: Path) -> None:
    """Say so, and give no figure."""
    with pytest.raises(RuntimeError, match="ended with 1"):
        turns.Worker("errors", tmp_path)


def test_counts_are_read_from_what_perf_and_valgrind_write() -> None:
    """The forms of perf 6.1 and of valgrind 3.19; a kernel that cannot count says so in the same place."""
    perf = "# started on Sat Nov 28\n\n123456,,instructions:u,2000000,100.00,,\n"

    assert instructions.read(perf, instructions.PERF) == 123456
    assert instructions.read("<not supported>,,instructions:u,0,100.00,,\n", instructions.PERF) is None
    assert instructions.read("==7== \n==7== I   refs:      1,303,404\n", instructions.VALGRIND) == 1303404
