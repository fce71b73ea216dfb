"""What nginx answers itself."""

from __future__ import annotations

import pytest

from gateway.importing.nginx.answering import moved, returned

REDIRECTS = [
    ("301 https://$host$request_uri", {"scheme": "https", "status": 301}, "https://{host}{path}?a=1"),
    (
        "301 https://$server_name$request_uri",
        {"scheme": "https", "host": "a.example", "status": 301},
        "https://a.example{path}?a=1",
    ),
    ("302 $scheme://b.example$request_uri", {"host": "b.example", "status": 302}, "{scheme}://b.example{path}?a=1"),
    (
        "308 https://b.example:8443$uri$is_args$args",
        {"scheme": "https", "host": "b.example", "port": 8443, "status": 308},
        "https://b.example:8443{path}?a=1",
    ),
    (
        "301 https://b.example/v2$request_uri",
        {"scheme": "https", "host": "b.example", "path": "/v2${path}", "status": 301},
        "https://b.example/v2{path}?a=1",
    ),
    ("https://$host$request_uri", {"scheme": "https", "status": 302}, "https://{host}{path}?a=1"),
]


@pytest.mark.parametrize(("written", "keys", "location"), REDIRECTS)
def test_redirects_that_keep_the_path(written: str, keys: dict[str, object], location: str) -> None:
    """What stays as it was asked for is not written."""
    found = returned(tuple(written.split()), "text/plain", "a.example")

    assert found is not None
    assert found.keys == {"redirect": keys}
    assert (found.location, found.differs) == (location, "")


def test_a_redirect_to_one_place() -> None:
    """It is an answer with a field: a redirect of ours would keep the query."""
    found = returned(("301", "https://b.example/x?y=1"), "text/plain", "")

    assert found is not None
    assert found.keys == {"respond": {"status": 301, "headers": {"Location": "https://b.example/x?y=1"}}}


def test_a_redirect_to_a_path_keeps_the_query() -> None:
    """Which nginx does not: it is said."""
    found = returned(("302", "/new"), "text/plain", "")

    assert found is not None
    assert found.keys == {"redirect": {"path": "/new", "status": 302}}
    assert "drops the query" in found.differs


def test_answers() -> None:
    """A status, a text, and its type."""
    gone, said = returned(("410",), "text/plain", ""), returned(("200", "{}"), "application/json", "")

    assert gone is not None
    assert said is not None
    assert gone.keys == {"respond": {"status": 410}}
    assert said.keys == {"respond": {"status": 200, "body": "{}", "content_type": "application/json"}}


def test_a_connection_that_is_closed() -> None:
    """There is no such answer: it is said."""
    found = returned(("444",), "text/plain", "")

    assert found is not None
    assert (found.status, found.closes) == (403, True)
    assert found.differs


@pytest.mark.parametrize("written", ["301 https://$http_x$request_uri", "301 $y", "301 /a?b=$host", "99"])
def test_what_cannot_be_said(written: str) -> None:
    """None, and no guess."""
    assert returned(tuple(written.split()), "text/plain", "") is None


def test_rewrites_that_send_elsewhere() -> None:
    """Groups become parameters of the path."""
    found = moved(("^/old/(.*)$", "https://b.example/new/$1", "permanent"))

    assert found is not None
    assert found.path == "~/old/(?P<p1>.*)"
    assert found.answer.keys == {
        "redirect": {"scheme": "https", "host": "b.example", "path": "/new/${param.p1}", "status": 301}
    }


@pytest.mark.parametrize("written", ["^/a /b last", "^/a /b?c=$1 permanent", "^/(?!a) /b permanent"])
def test_other_rewrites(written: str) -> None:
    """Those that stay within the server, and those that have no counterpart."""
    assert moved(tuple(written.split())) is None
