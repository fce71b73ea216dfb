"""What several processes have in common, by real ones: limits, places, revocations, figures, changes, checks."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import requests

from tests.system import backends
from tests.system.gateway_process import one_upstream, until
from tests.system.test_processes import Several
from tests.system.test_upgrade import START

pytestmark = pytest.mark.timeout(180)

TOKEN = "change-me-change-me-change-me-change-me"
SECRET = "an-example-secret-of-forty-octets-or-more"
MANY = 24
"""Connections: that all of them are at one of two workers happens once in eight million runs."""


@pytest.fixture(scope="module")
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(origin: backends.Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Several]:
    """Two processes, with something of each kind that holds for both."""
    made = Several(tmp_path_factory.mktemp("whole"))
    upstream = {
        "name": "checked",
        "backends": [{"url": origin.url}],
        "health_check": {"path": "/slow/0", "interval": "250ms"},
    }
    own = one_upstream(origin.url)
    routes: list[dict[str, Any]] = [
        {"name": "limited", "path": "/limited", "rate_limit": {"requests": 100, "window": "1h"}},
        {"name": "places", "path": "/slow/*", "in_flight": 3},
        {"name": "users", "path": "/name", "auth": {"type": "jwt"}},
        {"name": "free", "path": "/free"},
    ]
    made.configure(
        upstreams=[*own["upstreams"], upstream],
        routes=[{"upstream": "all", **route} for route in routes],
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
        admin={"endpoint": f"tcp:{made.admin_port}:interface=127.0.0.1", "token": TOKEN},
    )
    try:
        yield made.run()
    finally:
        made.end()


def ask(gateway: Several, path: str, count: int = MANY, headers: dict[str, str] | None = None) -> Counter[int]:
    """Ask so often, each time on a connection of its own; returns how often which status came."""
    return Counter(requests.get(gateway.url + path, timeout=START, headers=headers).status_code for _ in range(count))


def admin(gateway: Several, method: str, path: str, **more: Any) -> requests.Response:
    """Ask the admin port of whichever worker takes it."""
    url = f"http://127.0.0.1:{gateway.admin_port}{path}"
    return requests.request(method, url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=START, **more)


def counted(gateway: Several, route: str) -> list[float]:
    """Return how many requests of a route were counted, as several scrapes say."""
    pattern = re.compile(rf'^gateway_requests_total{{.*route="{route}".*}} (\S+)$', re.MULTILINE)
    texts = [admin(gateway, "GET", "/metrics").text for _ in range(6)]
    return [sum(map(float, pattern.findall(text))) for text in texts]


def test_a_limit_admits_what_it_says(gateway: Several) -> None:
    """A hundred, whichever worker they come to."""
    with ThreadPoolExecutor(8) as threads:
        found = sum(threads.map(lambda _: ask(gateway, "/limited", 16), range(8)), Counter())

    assert found == {200: 100, 429: 28}


def test_places_are_of_all(gateway: Several, origin: backends.Backend) -> None:
    """Three at once; then there are three again."""
    for _ in range(2):
        with ThreadPoolExecutor(12) as threads:
            found = sum(threads.map(lambda _: ask(gateway, "/slow/2", 1), range(12)), Counter())
        assert found == {200: 3, 503: 9}


def test_a_token_that_is_revoked_is_refused_by_all(gateway: Several) -> None:
    """At once, and by a worker that is started after that."""
    token = jwt.encode({"sub": "u", "jti": "t1", "exp": int(time.time()) + 600}, SECRET, "HS256")
    shown = {"Authorization": f"Bearer {token}"}
    assert ask(gateway, "/name", headers=shown) == {200: MANY}
    assert admin(gateway, "POST", "/auth/revocations", json={"jti": "t1"}).status_code == 200
    until(lambda: ask(gateway, "/name", headers=shown) == {401: MANY}, "a worker still takes it")

    kill_one(gateway)
    assert ask(gateway, "/name", headers=shown) == {401: MANY}


def kill_one(gateway: Several) -> None:
    """Kill a worker, and wait until another stands in its place."""
    killed = gateway.workers[0]
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in gateway.workers and len(gateway.workers) == 2, "nobody comes after it", START)
    until(lambda: "1 of 2" not in admin(gateway, "GET", "/ready").text)


def test_figures_are_of_all_and_outlive_a_worker(gateway: Several) -> None:
    """As many requests as were sent, whoever is asked; a worker that is killed takes none of them along."""
    before = counted(gateway, "free")[-1]
    assert ask(gateway, "/free", 50) == {200: 50}
    until(lambda: set(counted(gateway, "free")) == {before + 50}, "not all are counted")
    time.sleep(1.1)  # until the parent has heard of it

    kill_one(gateway)
    assert set(counted(gateway, "free")) == {before + 50}
    assert ask(gateway, "/free") == {200: MANY}
    until(lambda: set(counted(gateway, "free")) == {before + 50 + MANY}, "figures were lost")


def test_a_change_by_the_admin_api_is_of_all(gateway: Several) -> None:
    """From any worker, to any worker, under one version; a wrong one changes nothing."""
    for number in range(4):
        said = admin(gateway, "PUT", "/config/routes/new", json={"path": "/new", "respond": {"body": f"new {number}"}})
        assert said.status_code in (200, 201), said.text
        texts = {requests.get(f"{gateway.url}/new", timeout=START).text for _ in range(MANY)}
        assert texts == {f"new {number}"}
        versions = {admin(gateway, "GET", "/config").headers["ETag"] for _ in range(8)}
        assert len(versions) == 1
    assert admin(gateway, "PUT", "/config/routes/new", json={"path": 7, "respond": {}}).status_code == 422
    assert {requests.get(f"{gateway.url}/new", timeout=START).text for _ in range(MANY)} == {"new 3"}
    listed = admin(gateway, "GET", "/config/versions").json()
    assert len(str(listed)) > 10


def test_a_backend_is_checked_once(gateway: Several, origin: backends.Backend) -> None:
    """Every quarter of a second, not every eighth; and each worker knows what came of it."""
    before, began = len(origin.waiting), time.monotonic()
    until(lambda: time.monotonic() - began > 2)
    checks, longest = len(origin.waiting) - before, time.monotonic() - began
    assert 1 <= checks <= 4 * longest + 2

    known = [admin(gateway, "GET", "/upstreams").json() for _ in range(6)]
    assert all("checked" in str(one) for one in known)


def test_failed_exchanges_of_all_are_known_to_all(gateway: Several) -> None:
    """Whichever worker they failed in, and whichever takes the question."""
    answers = [requests.get(f"{gateway.url}/nowhere", timeout=START) for _ in range(MANY)]
    ids = {answer.headers["X-Request-ID"] for answer in answers}
    assert {answer.status_code for answer in answers} == {404}

    for _ in range(6):
        until(lambda: ids <= {one["id"] for one in admin(gateway, "GET", "/exchanges").json()})
    assert all(admin(gateway, "GET", f"/exchanges/{name}").json()["id"] == name for name in ids)
    assert admin(gateway, "GET", "/exchanges/none").status_code == 404


def test_the_live_page_is_of_all_workers(gateway: Several) -> None:
    """Whichever worker has the page: figures of both, and what failed in either."""
    url = f"http://127.0.0.1:{gateway.admin_port}"
    assert requests.get(f"{url}/ui/", timeout=START).headers["Content-Type"] == "text/html; charset=utf-8"
    failed: set[str] = set()
    missing = {f"/nowhere/{number}" for number in range(16)}  # a process tells of twenty a second
    with requests.get(f"{url}/live/events", stream=True, timeout=START) as feed:
        name, asked = "", False
        for line in feed.iter_lines(decode_unicode=True):
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data" and name == "figures":
                assert json.loads(value)["processes"] == 2
                if not asked:
                    asked = True
                    for path in missing:  # each on a connection of its own
                        assert requests.get(gateway.url + path, timeout=START).status_code == 404
            elif key == "data" and name == "failed":
                failed.add(json.loads(value)["path"])
            if missing <= failed:
                break
    assert missing <= failed
