"""Discovery for real: a gateway of its own, a real etcd that is killed, compacted and emptied, and load."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.registries.etcd_server import PROGRAM, EtcdServer, etcd_server
from tests.system.backends import backend
from tests.system.gateway_process import GatewayProcess, until
from tests.system.test_processes import Several
from tests.system.test_upgrade import START

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no etcd on PATH")

PREFIX = "/services/all/"


class Load:
    """Clients that ask without a pause.

    Attributes:
        failed: What was answered with anything but 200.
        names: The backends that answered, in order.
    """

    def __init__(self, url: str) -> None:
        self.failed: list[str] = []
        self.names: list[str] = []
        self._url = url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        with requests.Session() as session:
            while not self._over.wait(0.002):
                try:
                    answer = session.get(f"{self._url}/name", timeout=10)
                except requests.RequestException as error:
                    self.failed.append(repr(error))
                    continue
                if answer.status_code != 200:
                    self.failed.append(f"{answer.status_code} {answer.text}")
                self.names.append(answer.text)

    def stop(self) -> None:
        """Let them go."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def until_only(self, *names: str) -> None:
        """Wait until these backends answer, each of them, and no others."""

        def so() -> bool:
            seen = self.names[-40:]
            return len(self.names) > 40 and set(seen) == set(names)

        until(so, f"not only {names} answer", START)


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[EtcdServer]:
    """A server of the test's own."""
    (tmp_path / "etcd").mkdir()
    with etcd_server(tmp_path / "etcd") as server:
        yield server


def test_etcd_may_do_what_it_likes(etcd: EtcdServer, tmp_path: Path) -> None:
    """Members come and go, etcd is killed, compacted and emptied, the gateway starts without it: nobody fails."""
    with backend("one") as one, backend("two") as two:
        gateway = GatewayProcess(
            tmp_path,
            upstreams=[{"name": "all", "discovery": {"type": "etcd", "endpoints": [etcd.url], "prefix": PREFIX}}],
            routes=[{"path": "/*", "upstream": "all"}],
            discovery_cache=str(tmp_path / "found.json"),
        )
        etcd.put(f"{PREFIX}1", one.url)
        try:
            gateway.start()
            until(lambda: requests.get(gateway.url, timeout=5).status_code == 200)
            load = Load(gateway.url)
            try:
                load.until_only("one")
                etcd.put(f"{PREFIX}2", two.url)
                load.until_only("one", "two")
                etcd.delete(f"{PREFIX}1")
                load.until_only("two")
                etcd.kill()
                until(lambda: ready(gateway) == "degraded")
                etcd.start()
                etcd.compact(etcd.put(f"{PREFIX}1", one.url))
                load.until_only("one", "two")
                until(lambda: ready(gateway) == "ok")
                etcd.delete(PREFIX, f"{PREFIX[:-1]}0")
                until(lambda: ready(gateway) == "degraded")
                load.until_only("one", "two")
            finally:
                load.stop()
            assert load.failed == []
            etcd.kill()
            assert gateway.stop() == -signal.SIGTERM
            gateway.start()
            assert requests.get(gateway.url, timeout=5).status_code == 200
            until(lambda: ready(gateway) == "degraded")
        finally:
            gateway.stop()
        assert "Traceback" not in gateway.errors


@pytest.mark.timeout(240)
def test_of_several_processes_any_may_end_and_etcd_too(etcd: EtcdServer, tmp_path: Path) -> None:
    """Each in its turn while etcd is away: the next one knows who is there; three hundred at once harm nobody."""
    with backend("one") as one, backend("two") as two, backend("three") as three:
        gateway = Several(
            tmp_path,
            upstreams=[{"name": "all", "discovery": {"type": "etcd", "endpoints": [etcd.url], "prefix": PREFIX}}],
            routes=[{"path": "/*", "upstream": "all"}],
        )
        etcd.put(f"{PREFIX}1", one.url)
        try:
            gateway.run()
            until(lambda: requests.get(gateway.url, timeout=START).status_code == 200, "nobody is found", START)
            etcd.put(f"{PREFIX}2", two.url)
            with loaded(gateway.url) as load:
                load.until_only("one", "two")
            etcd.kill()
            until(lambda: ready(gateway) == "degraded", "nobody says that etcd is away", START)

            for ended in gateway.workers:
                os.kill(ended, signal.SIGKILL)
                until(lambda: len(set(gateway.workers) - {ended}) == 2, "nobody comes after it", START)  # noqa: B023  # at once
                until(lambda: gateway.metric("gateway_workers") == 2, "it is not known", START)
                with loaded(gateway.url) as load:
                    load.until_only("one", "two")

            etcd.start()
            with loaded(gateway.url) as load:
                for number in range(300):
                    etcd.put(f"{PREFIX}3/{number}", f"{three.url}/{number}")
                until(lambda: gateway.metric("gateway_discovery_members") == 302, "not all are found", START)
                until(lambda: ready(gateway) == "ok", "nobody says that etcd is back", START)
                etcd.delete(f"{PREFIX}1")
                etcd.delete(f"{PREFIX}2")
                load.until_only("three")
            assert gateway.errors.count("no sign of life") == 0
            # Once by each worker whose turn it was.
            assert 1 <= gateway.errors.count("all: discovery by etcd is stale, 2 members") <= 3
        finally:
            gateway.end()
        assert "Traceback" not in gateway.errors


@contextmanager
def loaded(url: str) -> Iterator[Load]:
    """Ask for as long as the block lasts; nobody may fail."""
    load = Load(url)
    try:
        yield load
    finally:
        load.stop()
    assert load.failed == []


def ready(gateway: GatewayProcess) -> str:
    """Return what `/ready` says."""
    said: str = requests.get(f"http://127.0.0.1:{gateway.admin_port}/ready", timeout=5).json()["status"]
    return said
