"""Changes of a large configuration under a gateway that serves."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import requests

from tests.system import backends
from tests.system.gateway_process import GatewayProcess, until

ROUTES = 1000


def configuration(url: str, number: int) -> dict[str, Any]:
    """Write many routes; the last is for another path each time."""
    paths = [*(f"/r{one}/*" for one in range(ROUTES - 1)), f"/changed{number}/*"]
    routes = [{"name": f"r{one}", "path": path, "upstream": "all"} for one, path in enumerate(paths)]
    return {"upstreams": [{"name": "all", "backends": [{"url": url}]}], "routes": routes}


def test_requests_pass_while_one_route_of_many_changes(tmp_path: Path) -> None:
    """None fails, and none waits for as long as reading takes; what cannot be read changes nothing."""
    with backends.backend() as origin:
        gateway = GatewayProcess(tmp_path, **configuration(origin.url, 0)).start(wait=False)
        over, waits, statuses = threading.Event(), list[float](), set[int]()

        def ask() -> None:
            with requests.Session() as session:
                while not over.is_set():
                    began = time.monotonic()
                    statuses.add(session.get(f"{gateway.url}/r0/x", timeout=30).status_code)
                    waits.append(time.monotonic() - began)

        def status(path: str) -> int:
            return requests.get(gateway.url + path, timeout=30).status_code

        asking = threading.Thread(target=ask)
        try:
            until(gateway.answers, "it does not start", 60)
            asking.start()
            for number in (1, 2):
                gateway.configure(**configuration(origin.url, number))
                until(lambda: status(f"/changed{number}/x") == 200, "it is not in force", 60)  # noqa: B023
                assert status(f"/changed{number - 1}/x") == 404
            wrong = json.loads(gateway.config.read_text())
            wrong["routes"][7]["timeout"] = "soon"
            gateway.config.write_text(json.dumps(wrong, indent=1))
            until(lambda: "routes[7].timeout: expected a duration" in gateway.errors, "nothing is said", 60)
            assert status("/changed2/x") == 200
        finally:
            over.set()
            if asking.ident is not None:
                asking.join()
            gateway.stop()

    assert statuses == {200}
    assert max(waits) < 2.0  # on a machine that does much else; the benchmark `change` has the figures
