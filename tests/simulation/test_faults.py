"""What goes wrong, as a command line says it."""

from __future__ import annotations

import pytest

from gateway.config import Settings, from_mapping
from gateway.config.problems import Unexpected
from gateway.simulation.faults import Fault, check, parse_fault
from gateway.simulation.spans import Span


@pytest.mark.parametrize(
    ("said", "fault", "words"),
    [
        ("orders:down", Fault("orders", None, "down"), "orders is down"),
        ("orders[1]:lost@10m+5m", Fault("orders", 1, "lost", span=Span(600, 900)), "orders[1] does not answer"),
        ("a-b.c:slow=2.5", Fault("a-b.c", None, "slow", factor=2.5), "a-b.c takes 2.5 times as long"),
        ("orders:errors=20%", Fault("orders", None, "errors", share=0.2), "orders answers 20 % with 500"),
        (
            "orders[0]:503=0.5%@1m",
            Fault("orders", 0, "errors", share=0.005, status=503, span=Span(60.0)),
            "orders[0] answers 0.5 % with 503",
        ),
    ],
)
def test_a_fault_says_who_what_and_when(said: str, fault: Fault, words: str) -> None:
    """And can be told in words."""
    assert parse_fault(said) == fault
    assert str(fault) == words


@pytest.mark.parametrize(
    "said",
    ["", "orders", "orders:", ":down", "orders:up", "orders:slow", "orders:slow=0", "orders:errors=20", "orders:200=5%",
     "orders:errors=0%", "orders:errors=101%", "orders[x]:down", "orders[-1]:down", "orders:down,lost"],
)  # fmt: skip
def test_what_is_none_is_refused(said: str) -> None:
    """In words that show how one is written."""
    with pytest.raises(Unexpected, match=r"orders:down@10m\+5m"):
        parse_fault(said)


def settings(**more: object) -> Settings:
    """Two backends."""
    backends = [{"url": "http://127.0.0.1:9001"}, {"url": "http://127.0.0.1:9002"}]
    return from_mapping({"upstreams": [{"name": "orders", "backends": backends}], "routes": [], **more})


def test_what_the_configuration_has_can_fail() -> None:
    """All of an upstream, and each of its backends."""
    check([parse_fault(one) for one in ("orders:down", "orders[0]:down", "orders[1]:slow=3")], settings())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("orders[2]:down", r"from orders\[0\] to orders\[1\], found orders\[2\]"),
        ("order:down", "did you mean `orders`"),
    ],
)
def test_what_it_does_not_have_is_refused(said: str, words: str) -> None:
    """With what there is."""
    with pytest.raises(ValueError, match=words):
        check([parse_fault(said)], settings())


IN_REDIS = {"rate_limit_store": "redis"}


@pytest.mark.parametrize("said", ["redis:down@10m+5m", "redis:lost", "redis:slow=20"])
def test_redis_can_fail_where_limits_are_counted_in_it(said: str) -> None:
    """Like a backend."""
    check([parse_fault(said)], settings(**IN_REDIS))


@pytest.mark.parametrize(
    ("said", "more", "words"),
    [
        ("redis:down", {}, "expected `rate_limit_store: redis` in the configuration"),
        ("redis:down", {"cache_store": "redis"}, "caches and API keys are in memory here"),
        ("redis:errors=20%", IN_REDIS, "found 'redis answers 20 % with 500'"),
        ("redis[0]:down", IN_REDIS, r"found 'redis\[0\] is down'"),
        ("redi:down", IN_REDIS, "did you mean `redis`"),
    ],
)
def test_of_redis_nothing_else_can_fail(said: str, more: dict[str, object], words: str) -> None:
    """What limits do not ask for is not there; its answers are no HTTP, and it is one."""
    with pytest.raises(ValueError, match=words):
        check([parse_fault(said)], settings(**more))


def test_an_upstream_may_be_called_redis() -> None:
    """Then the fault is of that."""
    backends = [{"url": "http://127.0.0.1:9001"}]

    check([parse_fault("redis[0]:503=1%")], settings(upstreams=[{"name": "redis", "backends": backends}]))
