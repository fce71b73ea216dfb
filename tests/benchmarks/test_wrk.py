from __future__ import annotations

import pytest

from benchmarks import wrk

PRINTED = """Running 4s test @ http://127.0.0.1:9001/
  Socket errors: connect 0, read 1, write 0, timeout 2
Requests/sec:  14999.59

benchmark-result {"seconds": 4.000109, "requests": 60000, "bytes": 18060000, \
"mean_us": 4266, "p50_us": 3104, "p99_us": 8123, "connect": 0, "read": 1, "write": 0, "timeout": 2, "status": 4}
"""


def test_the_counts_are_read_from_the_line_that_the_script_prints() -> None:
    """Whatever wrk writes for people around it."""
    load = wrk.parse(PRINTED)

    assert (load.requests, load.received) == (60000, 18060000)
    assert load.seconds == pytest.approx(4.000109)
    assert load.p50 == pytest.approx(0.003104)
    assert load.p99 == pytest.approx(0.008123)


def test_every_kind_of_failure_counts() -> None:
    """Socket errors, timeouts and error statuses alike are failed requests."""
    assert wrk.parse(PRINTED).failed == 1 + 2 + 4


def test_connections_without_an_answer_are_found_by_littles_law() -> None:
    """60,000 answers in 4 s at 4.266 ms are 64 requests under way: all of 64 connections, a third of 192."""
    load = wrk.parse(PRINTED)

    assert load.unanswered(64) == 0
    assert load.unanswered(192) == 128


def test_a_run_that_broke_off_is_an_error() -> None:
    """No result line: never read as a run without failures."""
    with pytest.raises(wrk.LoadFailed, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:9001 Connection refused\n")


def test_a_script_quotes_what_it_is_given() -> None:
    """A header value with quotes stays one Lua string."""
    text = wrk.script([("If-None-Match", '"abc"')])

    assert 'wrk.headers["If-None-Match"] = "\\"abc\\""' in text


def test_a_script_sends_a_body_as_it_is() -> None:
    """JSON among it."""
    assert 'wrk.body = "{\\"a\\":1}"' in wrk.script([], "POST", body=b'{"a":1}')


def test_a_script_asks_for_paths_in_turn_only_where_several_are_given() -> None:
    """Without paths wrk repeats one prepared request, which is cheaper for it."""
    assert "function request()" not in wrk.script([])
    assert 'local paths = {"/a", "/b"}' in wrk.script([], paths=["/a", "/b"])
