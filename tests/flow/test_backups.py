"""`backup: true`: a backend that is asked when no other may be tried."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness

FIRST = "http://127.0.0.1:9001"
BACKUP = "http://127.0.0.1:9003"


def gateway(route: dict[str, Any] | None = None, **upstream: Any) -> Harness:
    """Two backends, and `c` behind them; each says its name."""
    backends = [{"url": f"http://127.0.0.1:{9001 + number}", "backup": number == 2} for number in range(3)]
    made = Harness(
        "a",
        "b",
        "c",
        upstreams=[{"name": "shop", "backends": backends, **upstream}],
        routes=[{"name": "shop", "path": "/*", "upstream": "shop", **(route or {})}],
    )
    for name in "abc":
        made.backend(name).answers(ok(name.encode()))
    return made


def answered(made: Harness, requests: int = 6) -> str:
    """Who answers so many requests, each once."""
    return "".join(sorted({made.get("/").body.decode() for _ in range(requests)}))


def fail(made: Harness, *names: str) -> None:
    """Let backends answer 500, to their checks too."""
    for name in names:
        made.backend(name).answers(ok(b"no", status=b"500 No"))


def recover(made: Harness, *names: str) -> None:
    """Let backends be well again."""
    for name in names:
        made.backend(name).answers(ok(name.encode()))


def test_it_waits_for_checks_that_fail_and_goes_when_they_pass() -> None:
    """Of all others; it is checked all the while."""
    made = gateway(health_check={"interval": 1, "timeout": 1})
    made.advance(4)
    checks = len(made.backend("c").requests)
    assert checks >= 3
    assert answered(made) == "ab"
    assert len(made.backend("c").requests) == checks

    fail(made, "a")
    made.advance(5)
    assert answered(made) == "b"
    assert made.metric("gateway_upstream_on_backups", upstream="shop") == 0
    fail(made, "b")
    made.advance(5)
    assert answered(made) == "c"
    assert made.metric("gateway_upstream_on_backups", upstream="shop") == 1
    recover(made, "a")
    made.advance(5)
    assert answered(made) == "a"
    fail(made, "a", "c")
    made.advance(5)
    assert made.get("/").status == 503


def test_open_breakers_lead_to_it_and_closed_ones_back() -> None:
    """Without an error for anybody from then on."""
    made = gateway(circuit_breaker={"failure_threshold": 2, "timeout": 5, "error_rate": {"min_requests": 100}})
    fail(made, "a", "b")
    assert [made.get("/").status for _ in range(4)] == [500] * 4
    assert answered(made) == "c"
    recover(made, "a", "b")
    made.advance(6)
    answered(made)
    assert answered(made) == "ab"


def test_it_is_better_than_a_panic() -> None:
    """Ejected backends are used again when too few are left, but not where a backup is well."""
    made = gateway(passive_health={"failures": 1, "eject": 10, "max_ejected_percent": 100}, panic_threshold=1.0)
    fail(made, "a", "b")
    made.get("/")
    made.get("/")
    assert answered(made) == "c"
    assert made.metric("gateway_upstream_panic", upstream="shop") == 0
    fail(made, "c")
    made.get("/")
    recover(made, "a", "b", "c")
    assert answered(made) == "ab"
    assert made.metric("gateway_upstream_panic", upstream="shop") == 1
    made.advance(11)
    assert answered(made) == "ab"
    assert made.metric("gateway_upstream_panic", upstream="shop") == 0


def test_ejections_lead_to_it_however_many_there_have_to_be() -> None:
    """`max_ejected_percent` is for upstreams that nobody else takes over from."""
    made = gateway(passive_health={"failures": 2, "eject": 10})
    fail(made, "a", "b")
    assert [made.get("/").status for _ in range(4)] == [500] * 4
    assert answered(made) == "c"
    recover(made, "a", "b")
    made.advance(11)
    assert answered(made) == "ab"

    made.apply(upstreams=[{**made.configuration["upstreams"][0], "backends": [{"url": FIRST}, {"url": BACKUP}]}])
    fail(made, "a", "c")
    answered(made, 20)
    assert made.metric("gateway_backend_ejected") == 1  # both are backends like any other now: one of them stays


def test_a_retry_comes_to_it_last() -> None:
    """When both others were tried."""
    made = gateway(route={"retry": {"attempts": 2, "backoff": 0.001, "budget": 1}})
    fail(made, "a")
    made.backend("b").refuse_connections()
    made.backend("a").answers(ok(b"no", status=b"503 No"))
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(0.2)

    assert client.responses()[0].body == b"c"
    assert made.last_log["attempts"] == 3
    made.check_quiet()


def test_a_slow_answer_does_not_come_to_it() -> None:
    """The second attempt of a hedge goes to one of the others, or is not made."""
    made = gateway(route={"hedge": {"min_delay": 0.1, "budget": 1}})
    for _ in range(32):
        made.get("/")
    made.apply(upstreams=[{"name": "shop", "backends": [{"url": FIRST}, {"url": BACKUP, "backup": True}]}])
    made.backend("a").stall()
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(5)

    assert client.received == b""
    assert made.backend("c").requests == []


def test_a_client_leaves_it_when_the_others_are_back() -> None:
    """Its cookie binds it to a backup only as long as the backups are in use."""
    made = gateway(sticky={}, health_check={"interval": 1, "timeout": 1})
    fail(made, "a", "b")
    made.advance(5)
    answer = made.get("/")
    cookie = (answer.headers.get(b"set-cookie") or b"").partition(b";")[0].decode()
    assert (answer.body, made.get("/", Cookie=cookie).headers.get(b"set-cookie")) == (b"c", None)
    recover(made, "a", "b")
    made.advance(5)

    moved = made.get("/", Cookie=cookie)
    assert moved.body in b"ab"
    assert moved.headers.get(b"set-cookie")


@pytest.mark.parametrize("strategy", ["least_connections", "random", "ip_hash", "consistent_hash"])
def test_whatever_the_strategy(strategy: str) -> None:
    """Those that hash have a ring of each kind."""
    made = gateway(strategy=strategy, circuit_breaker={"failure_threshold": 1, "error_rate": {"min_requests": 100}})
    answered(made, 30)
    assert made.backend("c").requests == []
    fail(made, "a", "b")
    while made.get("/").body != b"c":
        pass
    assert answered(made) == "c"


def test_what_upstreams_show_of_it() -> None:
    """That it is one, and that it waits."""
    made = gateway(circuit_breaker={"failure_threshold": 1, "error_rate": {"min_requests": 100}})
    (shown,) = made.gateway.figures.view()
    assert [one.get("backup") for one in shown["backends"]] == [None, None, True]
    assert [one["next"] for one in shown["backends"]] == ["may be picked", "may be picked", "is left out"]
    fail(made, "a", "b")
    made.get("/")
    made.get("/")
    (shown,) = made.gateway.figures.view()
    assert [one["next"] for one in shown["backends"]] == ["is left out", "is left out", "may be picked"]
