"""Where requests are passed on to, and how."""

from __future__ import annotations

import pytest

from gateway.config.problems import Place
from gateway.importing.nginx.locations import Location
from gateway.importing.nginx.passing import (
    Fields,
    Target,
    fields,
    path_change,
    retry,
    rewritten,
    target,
    time_for_answer,
)
from gateway.importing.nginx.reading import Directive, parse
from gateway.importing.nginx.scope import Scope


class Lines(list[str]):
    """What was left."""

    def __call__(self, part: Directive, why: str, instead: str = "") -> None:
        self.append(part.path)


def scope(text: str) -> Scope:
    """Return the scope of a block with these directives."""
    return Scope((Directive(Place("x", 1, 1), "location", ("/",), parse(text, "x")),))


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("http://app", Target("http", "app", None)),
        ("http://app/", Target("http", "app", "/")),
        ("https://10.0.0.1:8443/v2/", Target("https", "10.0.0.1:8443", "/v2/")),
        ("http://unix:/run/app.sock", Target("http", "unix:/run/app.sock", None)),
        ("http://unix:/run/app.sock:/v2/", Target("http", "unix:/run/app.sock", "/v2/")),
        ("grpc://app:50051", Target("h2c", "app:50051", None)),
        ("http://$backend", None),
    ],
)
def test_targets(written: str, found: Target | None) -> None:
    """A path behind the target counts, a slash alone too; variables are nobody's name."""
    assert target(written) == found


@pytest.mark.parametrize(
    ("location", "uri", "change"),
    [
        (Location("", "/api/"), None, {}),
        (Location("", "/api/"), "/", {"strip_prefix": "/api"}),
        (Location("", "/api/"), "/v2/", {"strip_prefix": "/api", "add_prefix": "/v2"}),
        (Location("", "/"), "/v2/", {"add_prefix": "/v2"}),
        (Location("", "/api/"), "/api/", {}),
        (Location("", "/api"), "/v2", {"replace": {"pattern": "^/api", "with": "/v2"}}),
        (Location("=", "/a"), "/b", {"replace": {"pattern": "^.*$", "with": "/b"}}),
        (Location("~", "^/a"), "/b", {}),
    ],
)
def test_the_path_of_a_target_takes_the_place_of_the_location(
    location: Location, uri: str | None, change: dict[str, object]
) -> None:
    """As whole segments where both end with a slash, else as characters."""
    assert path_change(location, uri) == change


def test_rewrites() -> None:
    """The replacement takes the place of the whole path, however little of it was matched."""
    assert rewritten(("^/a/(.*)$", "/b/$1", "break")) == {"replace": {"pattern": "^/a/(.*)$", "with": "/b/\\1"}}
    assert rewritten(("/old", "/new")) == {"replace": {"pattern": "^.*/old.*$", "with": "/new"}}
    with pytest.raises(ValueError, match="query or a variable"):
        rewritten(("^/a$", "/b?x=$1"))


def test_fields() -> None:
    """What the gateway writes itself is not written twice; an empty value takes a field out."""
    left = Lines()
    text = """proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-A "$http_b";
    proxy_set_header X-C ""; proxy_set_header X-D $upstream_addr; proxy_set_header X-Forwarded-For 1;
    proxy_set_header Connection "";"""

    found = fields(scope(text), {}, left)

    assert found == Fields("client", {"X-A": "${header.B}"}, ["X-C"])
    assert left == ["proxy_set_header X-D $upstream_addr", "proxy_set_header X-Forwarded-For 1"]


@pytest.mark.parametrize(
    ("written", "host"), [("$proxy_host", None), ("$http_host", "client"), ("shop.internal", "shop.internal")]
)
def test_hosts(written: str, host: str | None) -> None:
    """The client's, a name, or what nginx has for it by itself."""
    left = Lines()
    assert fields(scope(f"proxy_set_header Host {written};"), {}, left).host == host
    assert left == []


@pytest.mark.parametrize(
    ("text", "servers", "found"),
    [
        ("", 1, None),
        ("", 3, {"attempts": 2, "on": ["connect", "refused", "reset", "timeout"]}),
        ("proxy_next_upstream off;", 3, None),
        ("proxy_next_upstream http_503; proxy_next_upstream_tries 2;", 3, {"attempts": 1, "on": [503]}),
    ],
)
def test_other_servers(text: str, servers: int, found: object) -> None:
    """Each is tried once where one fails, unless something else is said."""
    assert retry(scope(text), servers, Lines()) == found


def test_what_is_no_reason_for_another_server() -> None:
    """It is told."""
    left = Lines()
    retry(scope("proxy_next_upstream error non_idempotent invalid_header;"), 2, left)

    assert len(left) == 2


def test_the_time_for_an_answer() -> None:
    """As it is written; none where nothing is."""
    assert time_for_answer(scope("proxy_read_timeout 1m30s;")) == "90s"
    assert time_for_answer(scope("")) is None
