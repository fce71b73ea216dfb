"""What a simulation says is what a gateway does that runs: the same faults, on sockets and in memory.

Each backend fails by a rule here (every so many answers), not by chance, so that the rates can be compared closely.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import requests

from gateway.config import from_mapping
from gateway.config.schema.cases import CaseRequest
from gateway.simulation.faults import parse_fault
from gateway.simulation.mix import draw, made_up
from gateway.simulation.playing import Outcome, Scene, play
from gateway.simulation.service import parse_service
from gateway.simulation.traffic import arrivals, parse_load
from tests.system.gateway_process import running
from tests.system.ports import free_port

REQUESTS = 600


@contextmanager
def failing(every: int) -> Iterator[str]:
    """Serve, and answer each so-manieth request with 503; 0 for none. Gives the URL."""
    turns = count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            failed = every and next(turns) % every == 0
            self.send_response(503 if failed else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """The gateway logs."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)


def configuration(urls: list[str], **route: Any) -> dict[str, Any]:
    """Return one of backends that take turns."""
    return {
        "upstreams": [{"name": "all", "backends": [{"url": url} for url in urls]}],
        "routes": [{"name": "all", "path": "/*", "upstream": "all", **route}],
    }


def real(directory: Path, known: dict[str, Any]) -> dict[str, float]:
    """Return the shares of statuses, and retries for each request, of a gateway that runs."""
    with running(directory, **known) as gateway, requests.Session() as session:
        # One after the other: a retry then comes before the next request, as it does in memory at 20 a second.
        found = [session.get(f"{gateway.url}/x", timeout=10).status_code for _ in range(REQUESTS)]
    records = [one for one in gateway.logs if one["path"] == "/x"]
    shares = {str(status): found.count(status) / REQUESTS for status in set(found)}
    return {**shares, "retries": sum(one["attempts"] - 1 for one in records) / len(records)}


def simulated(known: dict[str, Any], *faults: str) -> dict[str, float]:
    """Return the same of a simulation, of ten times as many requests."""
    settings = from_mapping(known)
    scene = Scene(
        settings,
        300.0,
        1,
        [CaseRequest(url="http://any.invalid/x")],
        made_up(4, {}),
        [parse_service("1ms")],
        [parse_fault(one) for one in faults],
    )
    outcome: Outcome = play(scene, draw(arrivals([parse_load("20/s")], 300.0, 1), [1], 4, 1))
    figures = outcome.figures
    shares = {str(status): number / figures.tally.count for status, number in figures.statuses.items()}
    return {**shares, "retries": figures.retries / figures.tally.count}


def agree(one: dict[str, float], other: dict[str, float], within: float) -> bool:
    """Whether all shares are the same, as far as so many requests can tell."""
    return all(abs(one.get(name, 0.0) - other.get(name, 0.0)) <= within for name in {*one, *other})


def test_errors_of_a_backend_are_those_that_clients_get(tmp_path: Path) -> None:
    """One of three backends fails every second time; nothing is tried again."""
    with ExitStack() as stack:
        urls = [stack.enter_context(failing(every)) for every in (0, 0, 2)]
        known = configuration(urls)
        found, told = real(tmp_path, known), simulated(known, "all[2]:503=50%")

    assert agree(found, told, 0.03), (found, told)
    assert 0.1 < found["503"] < 0.23


def test_retries_save_as_many(tmp_path: Path) -> None:
    """One of three is not there: each request is answered, and as many are tried again, at once."""
    with ExitStack() as stack:
        urls = [stack.enter_context(failing(0)) for _ in range(2)]
        urls.append(f"http://127.0.0.1:{free_port()}")
        known = configuration(urls, retry={"attempts": 1, "budget": 1.0, "backoff": "0s"})
        found, told = real(tmp_path, known), simulated(known, "all[2]:down")

    assert agree(found, told, 0.06), (found, told)
    assert found["200"] == told["200"] == 1.0
    assert 0.3 < found["retries"] < 0.6
