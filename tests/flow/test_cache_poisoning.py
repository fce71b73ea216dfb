"""Known attacks on caches: what one client sends never changes what another one gets.

Each line of the table is an attack that has worked on some cache and some backend: what the attacker sends, what the
victim sends, and a backend that falls for it (it makes its answer of something that it should not, and says that
everybody may keep it). The victim must get what it gets from a gateway that no attacker has spoken to; and the table
must not be true only because nothing is kept, so a second victim must get the answer from the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.client import Received, parse_responses
from gateway.testing import Harness
from tests.flow.cache_attacks import OF_EACH, Attack, field_of, says
from tests.flow.cache_attacks_by_answer import ANSWERS
from tests.flow.cache_attacks_by_key import REQUESTS
from tests.http2.client import Http2Client

Make = Callable[..., Harness]
ATTACKS = [*REQUESTS, *ANSWERS]
READ_BY_SOME = ("host", "x-forwarded-host", "x-original-url", "x-http-method-override")


FORWARDED: dict[str, dict[str, Any]] = {
    "direct": {},
    "behind a proxy": {"trusted_proxies": ["192.0.2.1"]},
    "behind a proxy, nothing added": {
        "trusted_proxies": ["192.0.2.1"],
        "forwarded": {"x_forwarded": False, "x_real_ip": False, "via": False},
    },
    "behind a proxy, Forwarded": {"trusted_proxies": ["192.0.2.1"], "forwarded": {"forwarded": True}},
}
"""Where the gateway stands: a proxy that it trusts passes on most of what clients write."""


def gateway(make: Make, attack: Attack, **settings: Any) -> Harness:
    """Return a gateway with a cache, before the backend of an attack."""
    route = {"name": "all", "path": "/*", "upstream": "orders", "cache": attack.cache, **attack.route}
    harness = make("orders", routes=[route], **settings)
    harness.backend("orders").answer = attack.backend
    return harness


def answer(harness: Harness, sent: bytes) -> Received:
    """Send a request on a connection of its own; return the first response."""
    client = harness.send(sent)
    responses = parse_responses(client.received, (sent.partition(b" ")[0],), ended=client.closed is not None)
    harness.advance(0.0)
    return responses[0] if responses else Received()


def facts(received: Received) -> tuple[Any, ...]:
    """Return what a client can tell of an answer."""
    fields = sorted((lower, value) for lower, _, value in received.headers.fields if lower not in OF_EACH)
    return received.status, received.body, received.complete, fields


@pytest.mark.parametrize("stands", FORWARDED)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_victim_gets_its_own(make: Make, attack: Attack, stands: str) -> None:
    """Whatever the attacker has sent before, between and after, once and again."""
    wanted = facts(answer(gateway(make, attack, **FORWARDED[stands]), attack.victim))
    harness = gateway(make, attack, **FORWARDED[stands])

    for sent in (*attack.sent, *attack.sent):
        answer(harness, sent)
    first = answer(harness, attack.victim)
    for sent in attack.sent:
        answer(harness, sent)
    second = answer(harness, attack.victim)
    third = answer(harness, attack.victim)
    last = answer(harness, attack.victim)

    assert [facts(one) for one in (first, second, third, last)] == [wanted] * 4
    assert (b"; hit" in (last.headers.get(b"cache-status") or b"")) is attack.kept


@pytest.mark.parametrize(
    ("authority", "fields"),
    [
        ("gateway.test", [("host", "evil.example")]),
        ("evil.example", [("host", "gateway.test")]),
        ("evil.example", []),
        ("GATEWAY.test", []),
        ("gateway.test:1337", []),
        ("gateway.test", [("x-forwarded-host", "evil.example")]),
        ("gateway.test", [("x-original-url", "/evil")]),
        ("gateway.test", [("content-length", "0"), ("x-http-method-override", "POST")]),
    ],
)
def test_an_attacker_with_http2(make: Make, authority: str, fields: list[tuple[str, str]]) -> None:
    """`:authority` beside `host`, and the fields of HTTP/1.1: the victim has either version."""
    attack = Attack("", (), says(lambda asked: [field_of(asked, name) for name in READ_BY_SOME]))
    wanted = answer(gateway(make, attack), attack.victim).body
    harness = gateway(make, attack)

    def ask(authority: str, fields: list[tuple[str, str]]) -> bytes:
        client = Http2Client()
        harness.memory.accept(client, "192.0.2.1")
        got = client.request("GET", "/a/b", fields, authority=authority)
        harness.network.pump()
        return bytes(got.body)

    for _ in range(2):
        ask(authority, fields)

    assert answer(harness, attack.victim).body == wanted
    assert ask("gateway.test", []) == wanted
    assert answer(harness, attack.victim).body == wanted
