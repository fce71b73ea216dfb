"""Which tier of a limit a request is on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.headers import Headers
from gateway.http.forwarded import NetworkSet
from gateway.limiting.plans import Plans, condition_met, needs_principal
from gateway.principal import Principal

CLAIMS = {"plan": "pro", "org": {"size": 7}, "beta": True, "teams": ["red", 5], "https://x.example/plan": "a=b"}
ALICE = Principal("alice", frozenset(["admin"]), frozenset(["read"]), claims=CLAIMS, key_id="acme")


def exchange(principal: Principal | None = ALICE, address: str = "192.0.2.1", **headers: str) -> Any:
    """What conditions look at."""
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return SimpleNamespace(
        client_address=address, principal=principal, request=SimpleNamespace(headers=Headers(fields))
    )


@pytest.mark.parametrize(
    "condition",
    [
        "claim.plan=pro",
        "claim.org.size=7",
        "claim.beta=true",
        "claim.teams=red",
        "claim.teams=5",
        "claim.https://x.example/plan=a=b",
        "key=acme",
        "api_key=acme",
        "user=alice",
        "role=admin",
        "scope=read",
    ],
)
def test_who_is_known_meets_it(condition: str) -> None:
    """Nobody else does: neither who is unknown nor who has something else."""
    met = condition_met(condition)

    assert met(exchange())
    assert not met(exchange(None))
    assert not met(exchange(Principal("", claims={"org": None, "teams": [["red"]], "plan": {"pro": 1}})))
    assert needs_principal([condition])


@pytest.mark.parametrize(
    "condition",
    ["claim.plan=p", "claim.plan=Pro", "claim.beta=True", "claim.org=7", "key=a", "key=acm", "user=ali", "role=adm"],
)
def test_a_part_or_another_spelling_does_not_meet_it(condition: str) -> None:
    """Values are compared whole."""
    assert not condition_met(condition)(exchange())


def test_a_field_meets_it_whoever_calls() -> None:
    """By its name in any case; its value whole."""
    met = condition_met("header.X-Plan=pro")

    assert met(exchange(None, x_plan="pro"))
    assert not met(exchange(x_plan="pro2"))
    assert not met(exchange())
    assert not needs_principal(["header.X-Plan=pro"])


def test_the_first_that_is_met_counts() -> None:
    """Though a later one allows more, or less."""
    plans = Plans("base", [("role=admin", "admin"), ("user=alice", None), ("claim.plan=pro", "pro")])

    assert plans.of(exchange()) == "admin"
    assert plans.of(exchange(Principal("alice", claims=CLAIMS))) is None
    assert plans.of(exchange(Principal("bob", claims=CLAIMS))) == "pro"
    assert plans.of(exchange(None)) == "base"


def test_some_addresses_have_no_limit_whoever_calls_from_there() -> None:
    """What cannot be read as an address is not among them."""
    plans = Plans("base", [("user=alice", "alice")], NetworkSet(["10.0.0.0/8"]))

    assert plans.of(exchange(address="10.1.2.3")) is None
    assert plans.of(exchange(address="::ffff:10.1.2.3")) is None
    assert plans.of(exchange(address="")) == "alice"
    assert plans.of(exchange(None, address="11.0.0.1")) == "base"


@pytest.mark.parametrize(("said", "met"), [(False, True), (True, False), ("false", True), (0, False)])
def test_a_claim_that_is_false_is_written_as_json_has_it(said: Any, met: bool) -> None:
    """`claim.beta=false` is met by false, not by what Python would call so."""
    assert condition_met("claim.beta=false")(exchange(Principal("bob", claims={"beta": said}))) is met
