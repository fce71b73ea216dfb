"""Tokens in places of their own are seen nowhere else, and what looks like such a place to some server is none."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from tests.flow.test_token_places import ASSERTION, BAD, FROM, GOOD, Make, arrived, ask, gateway

SPOOFED_FIELDS = [ASSERTION.replace("-", "_"), ASSERTION.replace("-", "."), "cf_access-jwt-assertion"]
SPOOFED_COOKIES = ["Access_Token", "access.token", "access-token", "access_token[0]", "%61ccess_token", "=access_token"]
SPOOFED_PARAMETERS = [
    "Access_Token",
    "access.token",
    "access+token",
    "%20access_token",
    "access_token[]",
    "x=1;access_token",
]


@pytest.mark.parametrize(
    "name", [*SPOOFED_FIELDS, *(f"cookie:{name}" for name in [*SPOOFED_COOKIES, "x=1,access_token"])]
)
def test_names_that_are_folded_are_no_places_and_reach_no_backend(make: Make, name: str) -> None:
    """A server that reads them as the place would believe a token that nobody has verified."""
    made = gateway(make)
    cookie = name.removeprefix("cookie:")
    fields = {"Cookie": f"{cookie}=forged; a=1"} if cookie != name else {name: "forged"}

    assert made.request("GET", "/orders/7", fields).status == 401
    for path, authorization in (("/orders/7", f"Bearer {GOOD}"), ("/open/7", ""), ("/open/8", "Basic x")):
        shown = {"Authorization": authorization} if authorization else {}
        assert made.request("GET", path, {**shown, **fields}).status == 200
        assert b"forged" not in arrived(made)


@pytest.mark.parametrize("name", SPOOFED_PARAMETERS)
def test_nor_are_parameters(make: Make, name: str) -> None:
    """In the query, however it is escaped; what stands beside them stays."""
    made = gateway(make)

    assert made.get(f"/orders/7?a=1&{name}=forged&b=2").status == 401
    for path, shown in (("/orders/7", {"Authorization": f"Bearer {GOOD}"}), ("/open/7", {})):
        assert made.request("GET", f"{path}?a=1&{name}=forged&b=2", shown).status == 200
        assert b"forged" not in arrived(made)
        assert b"a=1" in made.backend("orders").last.target
        assert made.backend("orders").last.target.endswith(b"&b=2")


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    """Everything that is logged meanwhile."""
    found: list[LogEvent] = []

    @implementer(ILogObserver)
    class Observer:
        def __call__(self, event: LogEvent) -> None:
            found.append(event)

    observer = Observer()
    globalLogPublisher.addObserver(observer)
    yield found
    globalLogPublisher.removeObserver(observer)


@pytest.mark.parametrize("place", [*FROM, "query:Access-Token", "query:access.token"])
@pytest.mark.parametrize("path", ["/orders/7", "/open/7", "/nowhere"])
@pytest.mark.parametrize("shown", [GOOD, BAD])
def test_no_log_and_no_answer_has_it(make: Make, events: list[LogEvent], place: str, path: str, shown: str) -> None:
    """Good or bad, on any route, whatever fields the access log has; the URL of the page before has it neither."""
    made = gateway(make)
    secret = shown.rpartition(".")[2]

    response = ask(made, place, shown, path)
    referred = made.get(path, Referer=f"https://shop.example.com/?Access_Token={shown}")

    assert secret not in json.dumps(made.logs)
    assert not any(secret in repr(event) for event in events)
    for answer in (response, referred):
        assert secret.encode() not in answer.body + answer.headers.encode()
