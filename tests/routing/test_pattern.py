"""Path patterns: what is understood, and what is said about the rest."""

from __future__ import annotations

import pytest

from gateway.routing.pattern import Pattern, parse_pattern


def test_both_spellings_of_a_parameter_mean_the_same() -> None:
    """`:id` and `{id}` differ in their text only."""
    colon, braces = parse_pattern("/users/:id"), parse_pattern("/users/{id}")

    assert colon.segments == braces.segments == (b"users", None)
    assert colon.names == braces.names == ((2, "id"),)
    assert (colon.text, braces.text) == ("/users/:id", "/users/{id}")


def test_a_star_takes_the_rest_without_a_name() -> None:
    """`/users/*` is the segments before it, and whatever follows."""
    assert parse_pattern("/users/*") == Pattern("/users/*", (b"users",), wild=True)


def test_a_pattern_is_put_into_normal_form() -> None:
    """Escapes and doubled slashes mean in a pattern what they mean in a path."""
    assert parse_pattern("//%7euser//%c3%a9/").literal == b"/~user/%C3%A9/"
    assert parse_pattern("/é").literal == b"/%C3%A9"


@pytest.mark.parametrize(("text", "literal"), [("/", b"/"), ("/a/", b"/a/"), ("/a/:b", None), ("/a/*", None)])
def test_only_an_exact_pattern_is_literal(text: str, literal: bytes | None) -> None:
    """A trailing slash belongs to the path; anything open is no literal."""
    assert parse_pattern(text).literal == literal


def test_parameters_are_read_decoded() -> None:
    """Escapes in a parameter are decoded, an escaped slash included; what is no UTF-8 is replaced."""
    pattern = parse_pattern("/:a/:b/{*rest}")

    params = pattern.params(b"/x%2Fy/%FF/r/%C3%A9".split(b"/"))

    assert params == {"a": "x/y", "b": "\ufffd", "rest": "r/é"}


@pytest.mark.parametrize("path", [b"/files", b"/files/"])
def test_a_named_rest_may_be_empty(path: bytes) -> None:
    """The bare prefix matches, so the parameter is there without content."""
    assert parse_pattern("/files/{*rest}").params(path.split(b"/")) == {"rest": ""}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("users", "begins with '/'"),
        ("", "begins with '/'"),
        ("/a*", "whole last segment"),
        ("/*/b", "whole last segment"),
        ("/x:y/:", "whole segment"),
        ("/v{n}", "whole segment"),
        ("/{*rest}/b", "whole segment"),
        ("/:a/{a}", "each parameter name once"),
        ("/:a/{*a}", "each parameter name once"),
        ("/a/../b", "RFC 3986"),
        ("/a/./b", "without '.'"),
        ("/a/%2e", "without '.'"),
        ("/a b", "RFC 3986"),
        ("/a?b=c", "RFC 3986"),
        ("/%zz", "RFC 3986"),
    ],
)
def test_what_is_no_pattern_is_explained(text: str, complaint: str) -> None:
    """The message says what was expected."""
    with pytest.raises(ValueError, match=complaint):
        parse_pattern(text)
