"""Who made the requests of a log."""

from __future__ import annotations

from gateway.config.schema.auth import RouteAuth
from gateway.rehearsal.callers.recorded import Callers
from tests.rehearsal.logs import request, settings

AUTH = RouteAuth.model_validate({"type": "jwt", "scopes": ["read", "list"], "roles": ["staff", "admin"]})


def test_who_was_let_in_had_what_the_route_asked_for() -> None:
    """Scopes and roles are in no log."""
    callers = Callers(["u1"])

    assert callers.of(request(user="u1"), AUTH) == {"sub": "u1", "scope": "read list", "roles": ["staff", "admin"]}
    assert callers.of(request(user="u1"), None) == {"sub": "u1"}


def test_who_was_refused_had_not() -> None:
    """With 403 as who it is, with 401 as nobody."""
    assert Callers(["u1"]).of(request(user="u1", status=403), AUTH) == {"sub": "u1"}
    assert Callers().of(request(status=401), AUTH) is None


def test_in_a_log_with_names_a_request_without_one_was_nobody_s() -> None:
    """In one without names it was somebody's."""
    assert Callers(["u1"]).of(request(), AUTH) is None
    assert Callers().of(request(), None) == {"sub": "replay"}


def test_more_may_be_said() -> None:
    """Of those that the log has names of, and of all of a log without names."""
    known, stranger = {"u1": {"sub": "u1", "tenant": "t1"}}, {"sub": "tester", "scope": "read"}

    assert Callers(["u1"], known).of(request(user="u1"), AUTH) == known["u1"]
    assert Callers((), None, stranger).of(request(), AUTH) == stranger


def test_all_who_may_call_are_told_before() -> None:
    """With whatever a route may have asked for."""
    route = {"path": "/a", "upstream": "a", "auth": {"type": "jwt", "scopes": ["read"]}}
    configuration = settings([route], auth={"jwt": {"default": {"jwks_url": "https://keys.example.com/"}}})
    callers = Callers(["u1"], {"u2": {"sub": "u2", "x": 1}}, {"sub": "tester"})

    assert list(callers.all(configuration)) == [
        {"sub": "u2", "x": 1},
        {"sub": "tester"},
        {"sub": "u1"},
        {"sub": "u1", "scope": "read"},
    ]
