"""Requests as they go over the wire."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from gateway.config import from_mapping
from gateway.config.schema.cases import TIME, CaseRequest
from gateway.memory.gateway import MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from gateway.rehearsal.callers.credentials import CannotShow, Credentials
from gateway.rehearsal.enclosing import enclosed
from gateway.simulation.mix import Call, Caller
from gateway.simulation.requests import Requests, Sent

KEYS = {"jwt": {"default": {"algorithms": ["HS256"], "secret": "made-up-and-at-least-32-octets-long"}}}


def made(auth: Any, *requests: CaseRequest, callers: tuple[Caller, ...]) -> Requests:
    """Return requests to a gateway whose route `/a` asks for something."""
    settings = from_mapping(
        {
            "listeners": [{"name": "plain", "endpoint": "tcp:8080"}, {"name": "other", "endpoint": "tcp:8081"}],
            "auth": KEYS,
            "routes": [
                {"name": "a", "path": "/a", "respond": {"body": "ok"}, **({} if auth is None else {"auth": auth})}
            ],
        }
    )
    credentials = Credentials(enclosed(settings), [one.claims for one in callers if one.claims is not None])
    gateway = MemoryGateway(credentials.settings, MemoryNetwork(virtual_clock()), random.Random(1), lambda: TIME)
    return Requests(requests, callers, credentials, credentials.settings, gateway, TIME + 600)


ADA, NOBODY = Caller("198.18.0.1", {"sub": "ada"}), Caller("198.18.0.2", None)


def test_it_is_made_as_it_was_said() -> None:
    """Method, target, fields and content; the address is the caller's, where the request does not say its own."""
    plain = CaseRequest(method="PUT", url="http://x.example/a?b=1", headers={"X-A": "1"}, body="hello")
    own = CaseRequest(method="HEAD", url="http://x:8081/a", client="192.0.2.7")
    requests = made(None, plain, own, callers=(ADA, NOBODY))

    first, second = requests.of(Call(0, 1)), requests.of(Call(1, 0))

    assert first.octets == b"PUT /a?b=1 HTTP/1.1\r\nHost: x.example\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello"
    assert (first.is_head, first.where) == (False, ("198.18.0.2", "plain", False))
    assert (second.is_head, second.where) == (True, ("192.0.2.7", "other", False))


def test_it_is_made_once_for_each_caller() -> None:
    """To sign a token takes longer than to send it."""
    requests = made({"type": "jwt"}, CaseRequest(url="http://x/a"), callers=(ADA, Caller("198.18.0.3", {"sub": "bob"})))

    assert requests.of(Call(0, 0)) is requests.of(Call(0, 0))
    assert requests.of(Call(0, 0)).octets != requests.of(Call(0, 1)).octets


def test_who_is_known_shows_what_the_route_asks_for() -> None:
    """Who is not, and who has written a field `Authorization`, shows nothing."""

    def tokens(sent: Sent) -> int:
        return sent.octets.lower().count(b"authorization:")

    written = CaseRequest(url="http://x/a", headers={"Authorization": "Basic eDp5"})
    requests = made({"type": "jwt"}, CaseRequest(url="http://x/a"), written, callers=(ADA, NOBODY))

    assert [tokens(requests.of(Call(0, caller))) for caller in (0, 1)] == [1, 0]
    assert b"Authorization: Basic eDp5" in requests.of(Call(1, 0)).octets
    assert tokens(requests.of(Call(1, 0))) == 1


def test_a_credential_that_cannot_be_made_up_is_told(tmp_path: Path) -> None:
    """Passwords are nobody's to guess."""
    settings = from_mapping(
        {
            "auth": {"basic": {"users_file": str(tmp_path / "users")}},
            "routes": [{"name": "a", "path": "/a", "respond": {}, "auth": {"type": "basic"}}],
        }
    )
    (tmp_path / "users").write_text(f"ada:{bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}\n")
    gateway = MemoryGateway(settings, MemoryNetwork(virtual_clock()), random.Random(1), lambda: TIME)
    requests = Requests([CaseRequest(url="http://x/a")], [ADA], Credentials(settings, []), settings, gateway, TIME)

    with pytest.raises(CannotShow, match="basic"):
        requests.of(Call(0, 0))
