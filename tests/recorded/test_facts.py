"""How the facts of a line become a request."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.recorded.facts import Unreadable, recorded

BARE = {"method": "GET", "target": "/a", "status": 200, "end": 100.0}


def test_a_request_began_before_its_line_was_written() -> None:
    """By as much as it took: most logs have the moment of the end."""
    request = recorded(7, {**BARE, "milliseconds": 250})

    assert (request.line, request.began, request.seconds, request.ended) == (7, 99.75, 0.25, 100.0)


def test_a_log_may_have_the_moment_of_the_beginning() -> None:
    """As Envoy's has."""
    assert recorded(1, {**BARE, "begin": 50.0, "milliseconds": 250}).began == 50.0


def test_a_request_line_says_method_and_target() -> None:
    """Where the two are not told by themselves."""
    request = recorded(1, {"request": "PUT /a/1?b=c HTTP/1.1", "status": "204", "end": "100"})

    assert (request.method, request.target, request.path, request.query) == ("PUT", "/a/1?b=c", "/a/1", "b=c")
    assert request.status == 204


@pytest.mark.parametrize("target", ["/ü", "/a#b", '/"', "/%zz"])
def test_odd_targets_are_kept(target: str) -> None:
    """Another server took them; whether we do is what a replay says."""
    assert recorded(1, {**BARE, "target": target}).target == target


def test_a_query_of_its_own_belongs_to_the_target() -> None:
    """Once."""
    assert recorded(1, {**BARE, "query": "b=c"}).target == "/a?b=c"
    assert recorded(1, {**BARE, "target": "/a?b=c", "query": "b=c"}).target == "/a?b=c"


def test_a_whole_url_says_scheme_and_host() -> None:
    """As a request to a proxy has it."""
    request = recorded(1, {**BARE, "target": "https://api.example.com/a"})

    assert (request.scheme, request.host, request.target) == ("https", "api.example.com", "/a")


@pytest.mark.parametrize(("said", "found"), [("on", "https"), ("", "http"), ("-", "http")])
def test_tls_is_a_scheme(said: str, found: str) -> None:
    """As nginx's `$https` says it."""
    assert recorded(1, {**BARE, "tls": said}).scheme == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("-", ""),
    ],
)
def test_an_address_has_no_port(said: str, found: str) -> None:
    """Envoy writes one with it."""
    assert recorded(1, {**BARE, "client": said}).client == found


def test_the_times_of_several_attempts_add_up() -> None:
    """As nginx writes them; an attempt that was not made has none."""
    assert recorded(1, {**BARE, "upstream seconds": "0.100, 0.250 : -"}).upstream_seconds == pytest.approx(0.35)


def test_a_masked_field_is_none() -> None:
    """What the log does not tell cannot be sent."""
    request = recorded(1, {**BARE, "field Cookie": "REDACTED", "field Accept": "text/html", "field Referer": "-"})

    assert request.headers == (("Accept", "text/html"),)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"method": None}, "there is no method in it"),
        ({"method": "\x16\x03"}, "there is no method in it"),
        ({"target": "*"}, "there is no path in it"),
        ({"target": "/a b"}, "there is no path in it"),
        ({"status": "-"}, "there is no status in it"),
        ({"status": 1000}, "1000 is no status"),
        ({"end": None}, "there is no time in it"),
        ({"end": "soon"}, "its time cannot be read"),
    ],
)
def test_a_line_without_a_request_says_what_is_missing(said: dict[str, Any], words: str) -> None:
    """In words for people."""
    with pytest.raises(Unreadable, match=f"^{words}$"):
        recorded(1, BARE | said)
