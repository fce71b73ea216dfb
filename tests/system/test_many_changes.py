"""A thousand changes of every kind under load: no request fails, and the process is as large afterwards as before."""

from __future__ import annotations

import http.client
import itertools
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system import backends
from tests.system.gateway_process import GatewayProcess, until
from tests.system.operating import SOON, Operator
from tests.system.test_processes import Several

pytestmark = pytest.mark.timeout(900)

GROWN = 6 << 20
"""Octets by which a process may grow from the warm-up to the end; before that was looked at it was 28 MB."""


class Load:
    """Clients that ask all the time: on a connection that they keep, on a new one each time, and so by TLS.

    Attributes:
        answers: How many requests were answered with 200.
        faults: What else became of requests.
    """

    def __init__(self, port: int, tls_port: int, trusted: ssl.SSLContext) -> None:
        self.answers = 0
        self.faults: list[str] = []
        self._over = threading.Event()

        def plain() -> http.client.HTTPConnection:
            return http.client.HTTPConnection("127.0.0.1", port, timeout=30)

        def by_tls() -> http.client.HTTPConnection:
            return http.client.HTTPSConnection("localhost", tls_port, timeout=30, context=trusted)

        ways = [(plain, True), (plain, False), (by_tls, False), (by_tls, True)]
        self._threads = [threading.Thread(target=self._ask, args=way) for way in ways]

    def __enter__(self) -> Load:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()

    def _ask(self, connect: Callable[[], http.client.HTTPConnection], keeps: bool) -> None:
        connection = connect()
        for path in itertools.cycle(("/name", "/found")):
            if self._over.wait(0.01):  # four clients a hundred times a second: the gateway is to change meanwhile
                break
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.faults.append(repr(error))
                connection.close()
                continue
            if answer.status == 200:
                self.answers += 1
            else:
                self.faults.append(f"{answer.status} {text!r}")
            if not keeps:
                connection.close()
        connection.close()


def memory(gateway: GatewayProcess) -> int:
    """Return the octets that all its processes occupy."""
    if not isinstance(gateway, Several):
        return gateway.memory
    statuses = [Path(f"/proc/{pid}/status").read_text().splitlines() for pid in (gateway.pid, *gateway.workers)]
    return 1024 * sum(int(line.split()[1]) for status in statuses for line in status if line.startswith("VmRSS"))


@pytest.mark.parametrize(("processes", "warm", "changes"), [(1, 200, 1000), (2, 60, 120)])
def test_no_request_fails_and_memory_is_flat(tmp_path: Path, processes: int, warm: int, changes: int) -> None:
    """Fifteen kinds of change in turn, and after each round one that the gateway has to notice by itself."""
    with backends.backend("one") as one, backends.backend("other") as other:
        gateway = GatewayProcess(tmp_path) if processes == 1 else Several(tmp_path, processes)
        operator = Operator(gateway, [one.url, other.url])
        by_itself = itertools.cycle(operator.slow)

        def change_until(number: int) -> int:
            for kind in itertools.cycle(operator.quick):
                operator.change(kind)
                if kind == operator.quick[-1]:
                    operator.change(next(by_itself))
                    if operator.changes >= number:
                        return memory(gateway)
            raise AssertionError

        try:
            if isinstance(gateway, Several):
                gateway.run()
            else:
                gateway.start(wait=False)
                until(gateway.answers, "the gateway does not answer", SOON)
            with Load(gateway.port, operator.tls_port, operator.trusted) as load:
                before = change_until(warm)
                after = change_until(changes)
        finally:
            if isinstance(gateway, Several):
                gateway.end()
            gateway.stop()
    assert load.faults == []
    assert load.answers > operator.changes
    assert after - before < GROWN * processes, f"{before} octets after {warm} changes, {after} after {changes}"
    assert "Traceback" not in gateway.errors
