"""No server may read a path that is let through as one of a better protected route.

The readers here are written from what each server does (`tests/system/test_readings.py` asks a real one), not from
the steps of `gateway.http.readings`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote_from_bytes, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError, RequestAmbiguous
from gateway.headers import Headers
from gateway.http.paths import normal_form
from gateway.http.readings import Reading, folded
from gateway.message import Request
from gateway.routing.agreement import PathRules, settle
from gateway.routing.pattern import parse_pattern
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable

DEFAULT = (Reading.DOTS, Reading.SLASHES)


def pass_on(table: RouteTable[str], target: bytes, rules: PathRules | None = None) -> tuple[str, bytes]:
    """Route a request and settle its path; returns the route and what is forwarded.

    Raises:
        GatewayError: It is refused.
    """
    request = Request(b"GET", target, Headers(), b"h")
    path = normal_form(request.path)
    match = table.match(b"h", path, b"GET", request.headers, request.query)
    settle(request, path, table, match, rules or PathRules())
    return match.value, request.target


def layout(closed: str, opened: str, *, asks_case: bool = False) -> RouteTable[str]:
    """Two routes to one upstream, one of them behind a token."""
    return RouteTable(
        [(RouteRule("closed", path=closed), "closed"), (RouteRule("open", path=opened), "open")], asks_case
    )


# How servers read.


def merge(path: str) -> str:
    """Take several slashes for one."""
    return re.sub("/+", "/", path)


def climb(path: str) -> str:
    """Resolve dots on a path whose slashes are merged; above the root there is the root."""
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    directory = path.endswith(("/", "/.", "/.."))
    return "/" + "/".join(filter(None, kept)) + ("/" if directory and any(kept) else "")


def gunicorn(path: str) -> str:
    """PATH_INFO is decoded and nothing else."""
    return unquote(path, "latin-1")


def flask(path: str) -> str:
    """Werkzeug merges slashes of the decoded path."""
    return merge(gunicorn(path))


def express(path: str) -> str:
    """What is matched is what was sent."""
    return path


def nginx(path: str) -> str:
    """Decodes, merges, resolves."""
    return climb(merge(unquote(path, "latin-1")))


def iis(path: str) -> str:
    r"""Takes `\` for a slash before it does what nginx does."""
    return climb(merge(unquote(path, "latin-1").replace("\\", "/")))


def go(path: str) -> str:
    """`net/http.ServeMux` cleans the decoded path."""
    return climb(merge(unquote(path, "latin-1")))


def proxied(path: str) -> str:
    """A proxy resolves what is plain and hands the rest to one that decodes."""
    return gunicorn(climb(merge(path)))


def tomcat(path: str) -> str:
    """Drops parameters, decodes, resolves."""
    return climb(merge(unquote(re.sub(";[^/]*", "", path), "latin-1")))


def windows(path: str) -> str:
    """A file system that does not tell upper from lower case."""
    return iis(path).lower()


def loose(path: str) -> str:
    """Express without `strict` routing: a slash at the end does not count."""
    return path.rstrip("/") or "/"


Server = Callable[[str], str]
SERVERS: dict[Server, tuple[Reading, ...]] = {
    gunicorn: DEFAULT,
    flask: DEFAULT,
    express: (*DEFAULT, Reading.ESCAPES),
    nginx: DEFAULT,
    iis: DEFAULT,
    go: DEFAULT,
    proxied: DEFAULT,
    tomcat: (*DEFAULT, Reading.PARAMS),
    windows: (*DEFAULT, Reading.CASE),
    loose: (*DEFAULT, Reading.TRAILING_SLASH),
}

LAYOUTS = [
    ("/*", "/public/*"),
    ("/*", "/items/:id"),
    ("/*", "/public"),
    ("/*", "/public/:a/x"),
    ("/admin/*", "/*"),
    ("/admin", "/*"),
    ("/admin/:id", "/*"),
    ("/items/:id/private", "/items/*"),
    ("/a/b/*", "/a/*"),
    ("/:a/admin", "/:a/:b"),
]


def owner(path: str, closed: str, opened: str) -> str:
    """Say whose path a server's reading is: the more literal of the two patterns has it, nobody else."""
    found = []
    for name, pattern in (("closed", closed), ("open", opened)):
        segments = pattern[1:].split("/")
        rest = segments[-1] == "*"
        form = "".join(
            "/[^/]+" if segment.startswith(":") else "/" + re.escape(segment)
            for segment in (segments[:-1] if rest else segments)
        )
        if re.fullmatch(form + ("(?:/.*)?" if rest else ""), path, re.DOTALL):
            found.append(([2 if s == "*" else 1 if s.startswith(":") else 0 for s in segments], name))
    return min(found)[1] if found else "nobody"


ATTACKS: list[tuple[tuple[str, str], bytes, Server]] = [
    (("/*", "/public/*"), b"/admin/../public/x", gunicorn),
    (("/*", "/public/*"), b"/admin/%2e%2e/public/x", flask),
    (("/*", "/public/*"), b"/admin/%2E./public/x", express),
    (("/*", "/public/*"), b"/public/..%2fadmin", nginx),
    (("/*", "/public/*"), b"/public/%2e%2e%2fadmin", go),
    (("/*", "/public/*"), b"/public/..\\admin", iis),
    (("/*", "/public/*"), b"/public/..%5cadmin", iis),
    (("/*", "/public/*"), b"/public/x%5c..%5c..%5cadmin", iis),
    (("/*", "/public/*"), b"/public/..;/admin", tomcat),
    (("/*", "/public/*"), b"/public/..;a=b/admin", tomcat),
    (("/*", "/public/*"), b"/x//../public/y", nginx),
    (("/*", "/items/:id"), b"/items/7%2fprivate", flask),
    (("/*", "/items/:id"), b"/items/7%5cprivate", iis),
    (("/*", "/items/:id"), b"/items//7", express),
    (("/admin/*", "/*"), b"/admin%2fusers", flask),
    (("/admin/*", "/*"), b"/x/..%2fadmin/users", nginx),
    (("/admin/*", "/*"), b"/%2fadmin/users", flask),
    (("/admin/*", "/*"), b"/\\admin/users", iis),
    (("/admin/*", "/*"), b"/admin;x/users", tomcat),
    (("/admin/*", "/*"), b"/ADMIN/users", windows),
    (("/admin", "/*"), b"/admin/", loose),
]


@pytest.mark.parametrize(("routes", "path", "server"), ATTACKS)
def test_what_a_server_reads_as_a_protected_path_is_refused(
    routes: tuple[str, str], path: bytes, server: Server
) -> None:
    """400 `request.ambiguous` with the readings that the server is listed with."""
    with pytest.raises(RequestAmbiguous):
        pass_on(layout(*routes, asks_case=True), path, PathRules(SERVERS[server]))


@pytest.mark.parametrize(
    "path",
    [
        b"/x/../y",
        b"/x//y",
        b"/a%2Fb",
        b"/a%5cb\\c",
        b"/a/..%2fb",
        b"/a/..;/b",
        b"/proxy/https://example.com/a/../b",
        b"/a%0d%0ab",
    ],
)
def test_where_every_reading_is_the_same_route_a_path_goes_on_as_written(path: bytes) -> None:
    """With one route there is nothing to be confused."""
    table = RouteTable([(RouteRule("all"), "all")])

    assert pass_on(table, path + b"?q=%2f/../x") == ("all", path + b"?q=%2f/../x")


@pytest.mark.parametrize("path", [b"/a/x/../y", b"/a//y", b"/a/x%2fy"])
def test_a_reading_that_is_no_route_s_refuses_too(path: bytes) -> None:
    """What no route has is the best protected of all."""
    table = RouteTable([(RouteRule("a", path="/a/:x"), "a"), (RouteRule("b", path="/b/:x"), "b")])

    with pytest.raises(GatewayError):
        pass_on(table, path)


def test_another_method_on_a_reading_refuses_too() -> None:
    """The protected route does not take it, which the gateway would have told."""
    table = RouteTable([(RouteRule("post", path="/a/b", methods=frozenset([b"POST"])), "b"), (RouteRule("all"), "all")])

    with pytest.raises(RequestAmbiguous):
        pass_on(table, b"/a%2fb")


def test_limits_for_some_paths_are_part_of_it() -> None:
    """One route, and a limit for a part of its paths: every reading is under it, or none."""
    table = RouteTable([(RouteRule("all"), "all")], asks_case=True)
    rules = PathRules((*DEFAULT, Reading.CASE), by_path=[parse_pattern("/Login/*")])

    assert pass_on(table, b"/Login//x", rules)[0] == "all"
    for path in (b"/x/..%2fLogin", b"/Login%2fx", b"/login/x", b"/LOGIN"):
        with pytest.raises(RequestAmbiguous):
            pass_on(table, path, rules)


def test_conditions_on_fields_count_where_case_is_asked() -> None:
    """The same fields decide for every reading: a route that asks for one agrees with itself."""
    beta = RouteRule("beta", path="/a", headers={"X-Beta": "*"})
    table = RouteTable([(beta, "beta"), (RouteRule("all"), "all")], asks_case=True)
    request = Request(b"GET", b"/a", Headers([(b"X-Beta", b"1")]), b"h")
    match = table.match(b"h", b"/a", b"GET", request.headers, b"")

    settle(request, b"/a", table, match, PathRules((*DEFAULT, Reading.CASE)))

    assert match.value == "beta"


def test_the_normal_form_can_be_what_is_forwarded() -> None:
    """Then only what is left in it can be read in two ways."""
    rules = PathRules(normalized=True)
    table = layout("/*", "/public/*")

    assert pass_on(table, b"/admin/%2e%2e//public/%7Ex/./y?q", rules) == ("open", b"/public/~x/y?q")
    assert pass_on(table, b"/public/x?", rules) == ("open", b"/public/x?")
    with pytest.raises(RequestAmbiguous):
        pass_on(table, b"/public/..%2fadmin", rules)


def test_readings_that_are_not_listed_are_not_asked() -> None:
    """Who knows how the servers read says so."""
    table = layout("/*", "/public/*")

    assert pass_on(table, b"/admin/../public/x", PathRules(())) == ("open", b"/admin/../public/x")
    assert pass_on(table, b"/public;x/y", PathRules())[0] == "closed"


def test_a_path_with_too_many_readings_is_refused() -> None:
    """What cannot be worked out within bounds is ambiguous."""
    with pytest.raises(RequestAmbiguous):
        pass_on(layout("/*", "/public/*"), b"/public/" + b"a%2f./b%5c%2e/" * 1500)


def test_the_asterisk_is_no_path() -> None:
    """`OPTIONS *` is for the server as a whole."""
    request = Request(b"OPTIONS", b"*", Headers(), b"h")
    table = RouteTable([(RouteRule("all"), "all")], asks_case=True)

    match = table.match(b"h", b"*", b"OPTIONS", request.headers, b"")
    settle(request, b"*", table, match, PathRules(tuple(Reading), normalized=True))

    assert request.target == b"*"


PIECES = [
    *("/", "/", "/", "//", "\\", "..", ".", ";", ";v=1"),
    *("%2f", "%2F", "%5c", "%2e", "%2e%2E", "%3b", "%0d", "%25"),
    *("admin", "public", "items", "private", "a", "b", "x", "%61dmin", "ADMIN", "Public"),
]
paths = st.lists(st.sampled_from(PIECES), max_size=10).map(lambda pieces: ("/" + "".join(pieces)).encode())
segments = st.sampled_from(["admin", "public", "items", "a", ":x", ":y"])


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """A pattern of a few segments."""
    parts = draw(st.lists(segments, max_size=3))
    names = iter("pqrs")
    written = ["/:" + next(names) if part.startswith(":") else "/" + part for part in parts]
    return "".join(written) + (draw(st.sampled_from(["", "/*"])) if parts else "/*")


@settings(max_examples=500)
@given(paths, st.one_of(st.sampled_from(LAYOUTS), st.tuples(patterns(), patterns())), st.booleans())
def test_no_reading_of_what_is_forwarded_belongs_to_a_better_protected_route(
    path: bytes, routes: tuple[str, str], normalized: bool
) -> None:
    """For any path, any two routes and any server: what passes as open is open to the server too."""
    if parse_pattern(routes[0]).segments == parse_pattern(routes[1]).segments:
        return  # the first takes all
    table = layout(*routes, asks_case=True)
    for server, kinds in SERVERS.items():
        try:
            found, target = pass_on(table, path, PathRules(kinds, normalized))
        except GatewayError:
            continue
        read = server(target.decode())
        if server is express:
            # It compares segments by what was sent; a pattern holds nothing that has to be escaped.
            assert owner(read, *routes) == found
        elif found == "open":
            assert owner(read, *routes) == "open", (server.__name__, read)


EXPRESSIONS = [
    "~/admin(?:/.*)?",
    "~/[a-z]+/private",
    "~/[^A-Z]+",
    "~/items/[^/]+",
    "~/public/[a-z/]+",
    "~(?:/[ax])+",
    "~/.*",
    "~/public/.{1,4}",
]


def first_of(path: str, routes: tuple[str, str]) -> str:
    """Say whose path a server's reading is, spelled as the gateway spells it: patterns go before expressions."""
    spelled = quoted(path).decode()
    named = list(zip(("closed", "open"), routes, strict=True))
    for name, pattern in sorted(named, key=lambda one: one[1].startswith("~")):
        if not pattern.startswith("~"):
            if owner(path, pattern, "/nobody/has/this") == "closed":
                return name
        elif re.fullmatch(pattern[1:], spelled, re.DOTALL | re.IGNORECASE):
            return name
    return "nobody"


@settings(max_examples=500)
@given(
    paths,
    st.lists(st.sampled_from([*EXPRESSIONS, "/public/*", "/admin/:x"]), min_size=2, max_size=2, unique=True),
    st.booleans(),
)
def test_it_holds_for_expressions_too(path: bytes, routes: list[str], normalized: bool) -> None:
    """What passes as open is open to every server, whichever of the two routes is an expression."""
    closed, opened = routes
    table = layout(closed, opened, asks_case=True)
    for server, kinds in SERVERS.items():
        if server is express:
            continue  # it compares what was sent, and an expression may ask for any character of that
        try:
            found, target = pass_on(table, path, PathRules(kinds, normalized))
        except GatewayError:
            continue
        read = server(target.decode())
        if server is loose:
            read = unquote(read, "latin-1")  # the others have decoded it
        if found == "open":
            if server is windows:
                # Whatever else the server takes for the same path, in other letters.
                for spelling in (read, read.upper(), read.title()):
                    assert first_of(folded(quoted(spelling)).decode(), (closed, opened)) == "open", (spelling, read)
            else:
                assert first_of(read, (closed, opened)) == "open", (server.__name__, read)


def quoted(path: str) -> bytes:
    """A path as it could be sent."""
    return quote_from_bytes(path.encode("latin-1"), safe="/!$&'()*+,;=:@~").encode()


@pytest.mark.parametrize(
    ("path", "server"),
    [(b"/public/..%2fadmin/x", nginx), (b"/public/..;/admin/x", tomcat), (b"/ADMIN%2fx", windows)],
)
def test_what_a_server_reads_as_a_path_of_a_protected_expression_is_refused(path: bytes, server: Server) -> None:
    """As with any pattern."""
    with pytest.raises(RequestAmbiguous):
        pass_on(layout("~/admin/.+", "~/.*", asks_case=True), path, PathRules(SERVERS[server]))


@pytest.mark.parametrize("path", [b"/ABC", b"/abc", b"/aBc"])
def test_where_case_is_asked_an_expression_cannot_tell_letters_apart(path: bytes) -> None:
    """Or `/ABC` would pass by the route that protects `/abc`: routing/expression.py, Note [Expressions and case]."""
    table = layout("~/[^A-Z]+", "~/.*", asks_case=True)
    found = {pass_on(table, one, PathRules((*DEFAULT, Reading.CASE)))[0] for one in (path, path.swapcase())}

    assert len(found) == 1
