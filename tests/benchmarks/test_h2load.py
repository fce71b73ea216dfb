"""What h2load prints, and how it is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import backend
from benchmarks.h2load import command, parse, run
from benchmarks.peers import find
from benchmarks.processes import free_port
from benchmarks.workload import ANSWER, ANSWER_PATH, GRPC_MESSAGE, GRPC_PATH
from benchmarks.wrk import LoadFailed

PRINTED = """starting benchmark...
spawning thread #0: 8 total client(s). 40 total requests
Application protocol: h2c

finished in 6.94ms, 5761.20 req/s, 427.03KB/s
requests: 44 total, 44 started, 43 done, 40 succeeded, 4 failed, 3 errored, 0 timeout
status codes: 40 2xx, 0 3xx, 1 4xx, 0 5xx
traffic: 2.96KB (3036) total, 1.88KB (1920) headers (space savings 51.02%), 200B (200) data
"""
LOG = "".join(f"1795880839634761\t200\t{number}\n" for number in range(1000, 101_000, 1000))


def test_counts_and_latencies_are_read() -> None:
    """Counts of the summary, latencies of the log; what was not answered well has failed, once."""
    load = parse(PRINTED, LOG)

    assert (load.requests, load.received, load.failed) == (40, 3036, 4)
    assert load.seconds == pytest.approx(0.00694)
    assert load.p50 == pytest.approx(0.051)
    assert load.p99 == pytest.approx(0.1)
    assert load.mean == pytest.approx(0.0505)


@pytest.mark.parametrize(
    ("printed", "log"),
    [
        ("", LOG),
        (PRINTED, ""),
        (PRINTED.replace("h2c", "http/1.1"), LOG),
        (PRINTED.partition("requests:")[0], LOG),
    ],
    ids=["nothing", "no-log", "http1", "broken-off"],
)
def test_a_run_that_says_nothing_of_http2_is_none(printed: str, log: str) -> None:
    """Rather than a figure of something else."""
    with pytest.raises(LoadFailed):
        parse(printed, log)


def test_the_command_has_what_is_sent() -> None:
    """Fields in lower case, and a body for POST."""
    argv = command("https://h/p", Path("/l"), 100, 8, 32, [("Accept", "a: b")], Path("/b"))

    assert argv == [
        "h2load",
        "-t1",
        "-c8",
        "-m32",
        "-n100",
        "--log-file=/l",
        "-H",
        "accept: a: b",
        "-d",
        "/b",
        "https://h/p",
    ]


@pytest.mark.skipif(None in (find("h2load"), find("nginx")), reason="needs h2load and nginx")
def test_a_real_backend_is_asked(tmp_path: Path) -> None:
    """For the small answer, and for one with trailers."""
    body = tmp_path / "body"
    body.write_bytes(GRPC_MESSAGE)
    port = free_port()
    with backend.start(tmp_path / "backend", free_port(), port):
        plain = run(f"http://127.0.0.1:{port}{ANSWER_PATH}", 500, 2, 16, [("Accept", "*/*")])
        called = run(f"http://127.0.0.1:{port}{GRPC_PATH}", 100, 2, 16, [("TE", "trailers")], body)

    assert (plain.requests, plain.failed) == (500, 0)
    assert plain.received > 500 * len(ANSWER)
    assert (called.requests, called.failed) == (100, 0)
    assert called.received > 100 * len(GRPC_MESSAGE)
