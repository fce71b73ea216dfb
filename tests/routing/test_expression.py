"""Paths that are regular expressions."""

from __future__ import annotations

import pytest

from gateway.errors import MethodNotAllowed, RouteNotFound
from gateway.headers import Headers
from gateway.routing.expression import Expression, read_path
from gateway.routing.pattern import Pattern
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable


@pytest.mark.parametrize(
    ("text", "path", "params"),
    [
        ("~/v[0-9]+", b"/v12", {}),
        ("~/v[0-9]+", b"/v12/x", None),
        ("~/v[0-9]+", b"/a/v12", None),
        ("~v[0-9]+", b"/v12", None),
        ("~/a|/b", b"/b", {}),
        ("~/a|/b", b"/a/b", None),
        ("~^/(?P<kind>[a-z]+)-(?P<id>[0-9]+)$", b"/shoe-7", {"kind": "shoe", "id": "7"}),
        ("~/(?P<name>[^/]+)", b"/a%2Fb", {"name": "a/b"}),
        ("~/a(?:/(?P<rest>.*))?", b"/a", {}),
        ("~/a(?:/(?P<rest>.*))?", b"/a/b/c", {"rest": "b/c"}),
    ],
)
def test_the_whole_path_is_matched_and_named_groups_are_parameters(
    text: str, path: bytes, params: dict[str, str] | None
) -> None:
    """Groups that took no part are left out; escapes are decoded."""
    assert Expression(text).params(path) == params


def test_parameters_as_they_stand_in_the_path() -> None:
    """For who writes them into another path."""
    assert Expression("~/(?P<name>[^/]+)").raw_params(b"/a%2Fb") == {"name": "a%2Fb"}


@pytest.mark.parametrize("path", [b"/Users/x", b"/uSERS/X", b"/users/x"])
def test_where_case_is_asked_every_spelling_is_one(path: bytes) -> None:
    """However the expression looks at letters: Note [Expressions and case]."""
    assert Expression("~/Users/.", any_case=True).params(path) == {}
    assert Expression("~/[^A-Z]+/.", any_case=True).params(path) is None
    assert (Expression("~/(?P<a>[a-z]+)/.", any_case=True).params(path) or {})["a"] == path[1:6].decode()


def test_what_is_no_expression_is_a_pattern() -> None:
    """By its first character."""
    assert isinstance(read_path("/a/:id"), Pattern)
    assert isinstance(read_path("~/a"), Expression)


def test_what_re2_does_not_take_is_refused() -> None:
    """It is told by `gateway check` before."""
    with pytest.raises(ValueError, match="invalid perl operator"):
        read_path("~/(?=a)")


def table(*paths: str, **rule: frozenset[bytes]) -> RouteTable[str]:
    """A route for each path."""
    return RouteTable([(RouteRule(path, path=path, **rule), path) for path in paths])  # type: ignore[arg-type]


def found(routes: RouteTable[str], path: bytes, method: bytes = b"GET") -> str:
    """The route of a request."""
    return routes.match(b"h", path, method, Headers(), b"").value


def test_expressions_come_after_all_others_in_the_order_written() -> None:
    """Wherever in the file the others stand."""
    routes = table("~/a/.*", "~/a/b+", "~/.*", "/a/b", "/a/:x/y", "/c/*")

    assert found(routes, b"/a/b") == "/a/b"
    assert found(routes, b"/a/1/y") == "/a/:x/y"
    assert found(routes, b"/c") == "/c/*"
    assert found(routes, b"/a/bb") == "~/a/.*"
    assert found(routes, b"/d") == "~/.*"


def test_the_host_goes_before_the_expression() -> None:
    """As it does before every pattern."""
    routes = RouteTable(
        [(RouteRule("any", path="/*"), "any"), (RouteRule("own", host="api.example", path="~/v[0-9]"), "own")]
    )

    assert routes.match(b"api.example", b"/v1", b"GET", Headers(), b"").value == "own"
    assert routes.match(b"api.example", b"/w", b"GET", Headers(), b"").value == "any"


def test_the_first_expression_that_matches_decides_about_the_method() -> None:
    """405, never a route behind it (D-77)."""
    routes = RouteTable(
        [
            (RouteRule("first", path="~/v[0-9]", methods=frozenset([b"GET"])), "first"),
            (RouteRule("last", path="~/.*"), "last"),
        ]
    )

    with pytest.raises(MethodNotAllowed) as caught:
        found(routes, b"/v1", b"POST")
    assert caught.value.allow == ("GET", "HEAD")
    assert routes.allowed(b"h", b"/v1", Headers(), b"") == ("GET", "HEAD")
    assert routes.explain(b"h", b"/v1", b"POST", Headers(), b"")[0].startswith("first (any host ~/v[0-9]): method POST")
    assert found(routes, b"/w", b"POST") == "last"


def test_conditions_make_way() -> None:
    """Routes that share an expression are tried by the number of their conditions."""
    routes = RouteTable(
        [
            (RouteRule("plain", path="~/v[0-9]"), "plain"),
            (RouteRule("beta", path="~/v[0-9]", headers={"X-Beta": "1"}), "beta"),
            (RouteRule("only", path="~/w", headers={"X-Beta": "1"}), "only"),
        ]
    )

    assert routes.match(b"h", b"/v1", b"GET", Headers([(b"X-Beta", b"1")]), b"").value == "beta"
    assert found(routes, b"/v1") == "plain"
    with pytest.raises(RouteNotFound):
        found(routes, b"/w")


def test_parameters_of_a_match() -> None:
    """A match without is shared."""
    routes = table("~/v(?P<major>[0-9])", "~/w")

    assert routes.match(b"h", b"/v1", b"GET", Headers(), b"").params == {"major": "1"}
    assert routes.match(b"h", b"/w", b"GET", Headers(), b"").params is None
