"""Discovery for real: a gateway of its own, a real etcd that is killed, compacted and emptied, and load."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.registries.etcd_server import PROGRAM, EtcdServer, etcd_server
from tests.system.backends import backend
from tests.system.gateway_process import GatewayProcess, until

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

        until(so, f"not only {names} answer")


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


def ready(gateway: GatewayProcess) -> str:
    """Return what `/ready` says."""
    said: str = requests.get(f"http://127.0.0.1:{gateway.admin_port}/ready", timeout=5).json()["status"]
    return said
