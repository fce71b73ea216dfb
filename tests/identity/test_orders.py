"""Orders about credentials: read strictly, and obeyed at once."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.orders import FORGET_BY, REVOKE_BY, Control, NoRoom, Order, OrderUnreadable, decode, read
from gateway.identity.results import Results
from gateway.identity.revocations import Revocations
from gateway.identity.tunnels import OpenTunnels
from gateway.principal import Principal


class Desk:
    """A control, and the parts that it works on."""

    def __init__(self, most: int = 10) -> None:
        self.results = Results(60.0, 5.0, 10)
        self.revocations = Revocations(most)
        self.tunnels = OpenTunnels()
        self.told: list[Order] = []
        self.control = Control(self.results, self.revocations, self.tunnels, lambda: 100.0, self.told.append)
        self.results.keep(b"1", Principal("alice", token_id="t1"), 0.0, inf)
        self.results.keep(b"2", Principal("alice", key_id="k1"), 0.0, inf)
        self.results.keep(b"3", Principal("bob", token_id="t2"), 0.0, inf)


@pytest.mark.parametrize(
    ("order", "left"),
    [
        (Order(False), []),
        (Order(False, "user", "alice"), [b"3"]),
        (Order(False, "key_id", "k1"), [b"1", b"3"]),
        (Order(False, "jti", "t2"), [b"1", b"2"]),
        (Order(False, "user", "carol"), [b"1", b"2", b"3"]),
        (Order(True, "jti", "t1"), [b"2", b"3"]),
        (Order(True, "key_id", "k1"), [b"1", b"3"]),
    ],
)
def test_what_is_ordered_is_forgotten(order: Order, left: list[bytes]) -> None:
    """At once here, and the order is sent to the other instances."""
    desk = Desk()

    assert desk.control.give(order) == 3 - len(left)
    assert list(desk.results.known) == left
    assert desk.told == [order]


def test_what_is_revoked_is_refused_from_then_on() -> None:
    """Until it expires."""
    desk = Desk()
    desk.control.give(Order(True, "jti", "t1", 200.0))

    assert desk.revocations.refuses(Principal("alice", token_id="t1"), 199.0)
    assert not desk.revocations.refuses(Principal("alice", token_id="t1"), 200.0)


def test_what_is_heard_is_not_told_again() -> None:
    """Otherwise instances would send it to each other for ever."""
    desk = Desk()
    desk.control.obey(Order(False))

    assert desk.told == []
    assert not desk.results.known


def test_a_full_list_is_told() -> None:
    """The operator has to know that the credential is not refused."""
    desk = Desk(most=0)

    with pytest.raises(NoRoom):
        desk.control.give(Order(True, "jti", "t1"))
    assert desk.told == []


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(
    st.one_of(
        st.just(Order(False)),
        st.builds(Order, st.just(False), st.sampled_from(sorted(FORGET_BY)), TEXT),
        st.builds(Order, st.just(True), st.sampled_from(sorted(REVOKE_BY)), TEXT, st.floats(0, 1e12) | st.just(inf)),
    )
)
def test_an_order_is_read_as_it_was_told(order: Order) -> None:
    """Encoded here and decoded by another instance it is the same."""
    assert decode(order.encode()) == order


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"[]",
        b"\xff",
        b"1",
        b"[" * 100_000,
        b'{"revoke": true}',
        b'{"kind": "all", "name": "x"}',
        b'{"kind": 1}',
        b'{"kind": []}',
    ],
)
def test_what_is_no_order_is_told(message: bytes) -> None:
    """Anybody who can reach Redis may publish something."""
    with pytest.raises(OrderUnreadable):
        decode(message)


@pytest.mark.parametrize(
    ("revoke", "given_", "until"),
    [
        (True, {}, inf),
        (True, {"user": "alice"}, inf),
        (True, {"jti": "a", "key_id": "b"}, inf),
        (True, {"jti": ""}, inf),
        (True, {"jti": 7}, inf),
        (True, {"jti": "x" * 1025}, inf),
        (True, {"jti": "a"}, "tomorrow"),
        (True, {"jti": "a"}, True),
        (True, {"jti": "a"}, nan),
        (True, {"jti": "a"}, -inf),
        (False, {"role": "admin"}, inf),
    ],
)
def test_what_an_operator_cannot_order(revoke: bool, given_: dict[str, Any], until: Any) -> None:
    """The text of the error says what can be ordered."""
    with pytest.raises(OrderUnreadable, match="expected "):
        read(revoke, given_, until)
