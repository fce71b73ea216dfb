"""Which location takes a path, in nginx and here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RouteNotFound
from gateway.headers import Headers
from gateway.importing.nginx.locations import Arranged, Choice, Location, arrange, location
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable

LOCATIONS = [
    Location("", "/"),
    Location("", "/api/"),
    Location("=", "/api/status"),
    Location("^~", "/static/"),
    Location("~", r"\.php$"),
    Location("~", r"^/api/v[0-9]+/"),
    Location("~*", r"\.png$"),
]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("/",), Location("", "/")),
        (("=", "/x"), Location("=", "/x")),
        (("=/x",), Location("=", "/x")),
        (("~*", r"\.png$"), Location("~*", r"\.png$")),
        (("^~", "/x"), Location("^~", "/x")),
        (("@fallback",), None),
    ],
)
def test_words(words: tuple[str, ...], found: Location | None) -> None:
    """A modifier stands before the path, with a space or without; names with `@` are for no request."""
    assert location(words) == found


@pytest.mark.parametrize(
    ("path", "chosen"),
    [
        ("/x", "/"),
        ("/api/x", "/api/"),
        ("/api/status", "/api/status"),
        ("/api/v1/x", r"^/api/v[0-9]+/"),
        ("/api/v1/x.php", r"\.php$"),
        ("/static/x.php", "/static/"),
        ("/x.PNG", r"\.png$"),
        ("/x.PHP", "/"),
    ],
)
def test_as_nginx_chooses(path: str, chosen: str) -> None:
    """Exact, then the longest prefix with `^~`, then expressions in their order, then the longest prefix."""
    index = Choice(LOCATIONS)(path)

    assert index is not None
    assert LOCATIONS[index].path == chosen


def test_a_path_that_none_is_for() -> None:
    """No location has it."""
    assert Choice([Location("", "/a/")])("/b") is None


def test_prefixes_that_an_expression_may_take_paths_from_are_behind_it() -> None:
    """They are expressions, longest first; the others stay patterns."""
    found = arrange([Location("", "/"), Location("", "/a/b/"), Location("", "/c/"), Location("~", "^/a/.*x$")])

    assert found == [
        Arranged(2, "/c/*"),
        Arranged(3, "~/a/.*x"),
        Arranged(1, "~/a/b/.*"),
        Arranged(0, "~/.*"),
    ]


def test_what_differs_is_said() -> None:
    """A prefix that ends within a segment, and a prefix below one with `^~` that an expression may take paths from."""
    within, final, below, _ = arrange(
        [Location("", "/api"), Location("^~", "/a/"), Location("", "/a/b/"), Location("~", r"^/a/b/.*\.php$")]
    )

    assert "/apix" in within.differs
    assert "/a/b/" in final.differs
    assert below.differs == ""


def test_what_a_pattern_cannot_say_is_an_expression() -> None:
    """A segment that begins with `:` would be a parameter."""
    assert arrange([Location("", "/a/:b/"), Location("=", "/x/*")]) == [
        Arranged(1, r"~/x/\*"),
        Arranged(0, "~/a/:b/.*"),
    ]


def test_an_expression_that_re2_does_not_have() -> None:
    """The error says which location."""
    with pytest.raises(ValueError, match="1"):
        arrange([Location("", "/"), Location("~", "^/(?!a)")])


def ours(arranged: list[Arranged], path: str) -> int | None:
    """Return the location whose route takes a path."""
    table = RouteTable((RouteRule(str(index), path=one.path), one.number) for index, one in enumerate(arranged))
    try:
        return table.match(b"h", path.encode(), b"GET", Headers(), b"").value
    except RouteNotFound:
        return None


PREFIXES = st.lists(st.sampled_from(["/", "/a/", "/a/b/", "/b/", "/a/b/c/"]), max_size=4, unique=True)
EXPRESSIONS = st.lists(st.sampled_from([r"\.x$", "^/a/", "/c/", "^/b/c"]), max_size=3, unique=True)
EXACT = st.lists(st.sampled_from(["/a/b", "/", "/a/c/d.x"]), max_size=2, unique=True)


@given(
    prefixes=PREFIXES,
    found=EXPRESSIONS,
    exact=EXACT,
    path=st.lists(st.sampled_from(["a", "b", "c", "d.x"]), max_size=4).map(lambda steps: "/" + "/".join(steps)),
    slash=st.booleans(),
)
def test_routes_choose_as_nginx_does(
    prefixes: list[str], found: list[str], exact: list[str], path: str, slash: bool
) -> None:
    """Whatever the locations are: our routing takes the route of the location that nginx chooses."""
    path = f"{path.rstrip('/')}/" if slash else path
    locations = [
        *(Location("", one) for one in prefixes),
        *(Location("~", one) for one in found),
        *(Location("=", one) for one in exact),
    ]
    number, expected = ours(arrange(locations), path), Choice(locations)(path)
    if not any(one.path == f"{path}/" for one in locations):
        # `/a/*` takes `/a` too, which nginx sends to `/a/`: a route of its own does so.
        assert number == expected
