"""Who may change something over the admin port."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.web.http_headers import Headers

from gateway.admin.guard import ADDRESSES, BURST, SECONDS, Guard, Guesses, bounded, is_foreign
from gateway.errors import CredentialInvalid, CredentialMissing, Forbidden, LimitExceeded


class Asked:
    """A request."""

    def __init__(self, token: str = "", address: Any = None, **fields: str) -> None:
        self.requestHeaders = Headers({"Host": ["localhost:9090"]})
        if token:
            self.requestHeaders.setRawHeaders("Authorization", [f"Bearer {token}"])
        for name, value in fields.items():
            self.requestHeaders.setRawHeaders(name.replace("_", "-"), [value])
        self._address = address or IPv4Address("TCP", "192.0.2.1", 5)

    def getClientAddress(self) -> Any:  # noqa: N802  # Twisted's name
        return self._address


def guard(clock: Clock) -> Any:
    """Return one whose token is `right`."""
    return Guard(lambda: "right", clock.seconds)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost",
        "http://localhost:9091",
        "http://localhost:9090.evil.example",
        "",
    ],
)
def test_a_page_of_another_origin_changes_nothing(origin: str) -> None:
    """Whatever its token: a browser may have stored it."""
    with pytest.raises(Forbidden):
        guard(Clock()).check(Asked("right", origin=origin))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_leaves_the_origin_out_still_says_where_the_page_is_from(site: str) -> None:
    """`Sec-Fetch-Site`."""
    with pytest.raises(Forbidden):
        guard(Clock()).check(Asked("right", sec_fetch_site=site))


@pytest.mark.parametrize("fields", [{}, {"origin": "http://localhost:9090"}, {"origin": "https://LOCALHOST:9090"}])
def test_who_has_the_token_is_let_in(fields: dict[str, str]) -> None:
    """From a program, or from a page of the port itself, behind TLS too."""
    guard(Clock()).check(Asked("right", **fields))


@pytest.mark.parametrize(
    ("origin", "host", "foreign"),
    [("http://admin.example", "admin.example:80", False), ("https://admin.example:443", "admin.example", False)],
)
def test_a_port_that_goes_without_saying_may_be_said(origin: str, host: str, foreign: bool) -> None:
    """By one of the two."""
    assert is_foreign(Asked(origin=origin, host=host)) is foreign  # type: ignore[arg-type]


def test_who_guesses_has_to_wait() -> None:
    """429 with Retry-After, for a right token as well; after a while one more may be shown."""
    clock = Clock()
    door = guard(clock)
    for _ in range(BURST):
        with pytest.raises(CredentialInvalid):
            door.check(Asked("wrong"))
    with pytest.raises(LimitExceeded) as caught:
        door.check(Asked("right"))
    assert caught.value.headers == ((b"Retry-After", b"%d" % SECONDS),)
    assert not door.admits(Asked("right"))
    door.check(Asked("right", IPv4Address("TCP", "192.0.2.2", 5)))  # another address

    clock.advance(SECONDS)
    with pytest.raises(CredentialInvalid):
        door.check(Asked("wrong"))
    with pytest.raises(LimitExceeded):
        door.check(Asked("right"))
    clock.advance(SECONDS)
    door.check(Asked("right"))


def test_no_token_is_no_guess() -> None:
    """A probe that shows none locks nobody out."""
    door = guard(Clock())
    for _ in range(3 * BURST):
        with pytest.raises(CredentialMissing):
            door.check(Asked())
    door.check(Asked("right"))


@pytest.mark.parametrize(
    ("address", "stands"),
    [("2001:db8::1", "2001:db8::"), ("2001:db8::ffff:1", "2001:db8::"), ("192.0.2.1", "192.0.2.1"), ("unix", "unix")],
)
def test_a_network_of_ipv6_is_one_caller(address: str, stands: str) -> None:
    """Its owner has 2**64 addresses."""
    assert bounded(address) == stands


def test_a_socket_and_ipv6_have_a_caller_too() -> None:
    """What is counted is found for each kind of address."""
    door = guard(Clock())
    for address in (UNIXAddress(b"/run/admin"), IPv6Address("TCP", "fe80::1%eth0", 5)):
        with pytest.raises(CredentialInvalid):
            door.check(Asked("wrong", address))


def test_memory_is_bounded() -> None:
    """Whoever has many addresses makes the gateway forget, and not grow."""
    guesses = Guesses(Clock().seconds)
    for number in range(2 * ADDRESSES):
        guesses.failed(str(number))
    assert len(guesses._free) == ADDRESSES


@given(st.lists(st.floats(0, 30), max_size=60))
def test_guesses_of_an_address_are_bounded_over_any_time(pauses: list[float]) -> None:
    """`BURST` and one in `SECONDS`, however they are spread."""
    clock = Clock()
    guesses = Guesses(clock.seconds)
    let = 0
    for pause in pauses:
        clock.advance(pause)
        if not guesses.wait("a"):
            guesses.failed("a")
            let += 1
    assert let <= BURST + clock.seconds() / SECONDS + 1
