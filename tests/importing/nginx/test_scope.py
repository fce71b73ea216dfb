"""What a location inherits."""

from __future__ import annotations

from gateway.config.problems import Place
from gateway.importing.nginx.reading import Directive, parse
from gateway.importing.nginx.scope import Scope

TEXT = """
proxy_read_timeout 10s; add_header A 1; gzip on; expires 1h;
server {
    proxy_read_timeout 20s;
    location / { add_header B 2; add_header C 3; }
}
"""


def scope() -> tuple[Directive, Scope]:
    """Return the whole, and the scope of its location."""
    root = Directive(Place("x", 1, 1), "", (), parse(TEXT, "x"), used=True)
    (server,) = root.all("server")
    (location,) = server.all("location")
    return root, Scope((root,)).within(server).within(location)


def test_the_innermost_value_holds() -> None:
    """A directive with one value stands in for those around it."""
    _, here = scope()

    assert here.text("proxy_read_timeout") == "20s"
    assert here.text("proxy_send_timeout", "60s") == "60s"
    assert here.is_on("gzip")


def test_those_that_add_up_are_taken_from_one_block() -> None:
    """A location with an `add_header` of its own has none of those around it."""
    _, here = scope()

    assert [each.words for each in here.level("add_header")] == [("B", "2"), ("C", "3")]


def test_what_was_looked_at_is_not_listed() -> None:
    """Values that are stood in for count as used: they say nothing here."""
    root, here = scope()
    here.one("proxy_read_timeout")
    here.level("add_header")
    here.one("gzip")

    assert [each.name for each in root.unread()] == ["expires"]
