"""The routing table: which route a request takes, and why it takes none."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError, MethodNotAllowed, RequestAmbiguous, RouteNotFound
from gateway.headers import Headers
from gateway.http.hosts import bare_host
from gateway.routing.rule import USUAL, Conditions, RouteRule, takes
from gateway.routing.table import RouteTable
from gateway.routing.tree import Match

GET, POST = frozenset([b"GET"]), frozenset([b"POST"])


def table_of(*rules: RouteRule) -> RouteTable[str]:
    """Build a table whose values are the names of the rules."""
    return RouteTable((rule, rule.name) for rule in rules)


def find(
    table: RouteTable[str],
    path: bytes = b"/",
    host: bytes = b"h",
    method: bytes = b"GET",
    headers: Headers | None = None,
    query: bytes = b"",
) -> Match[str]:
    """Match a request of which only the interesting parts are given."""
    return table.match(host, path, method, headers or Headers(), query)


def test_exact_goes_before_parameter_before_rest() -> None:
    """Whatever their order in the configuration."""
    table = table_of(
        RouteRule("rest", path="/users/*"), RouteRule("param", path="/users/:id"), RouteRule("exact", path="/users/me")
    )

    paths = (b"/users/me", b"/users/7", b"/users/7/x", b"/users")

    assert [find(table, path).value for path in paths] == ["exact", "param", "rest", "rest"]


def test_a_branch_that_fails_falls_back() -> None:
    """A literal or parameter that leads nowhere gives way to the rest."""
    table = table_of(RouteRule("deep", path="/a/:x/c"), RouteRule("rest", path="/a/*"), RouteRule("lit", path="/a/b/d"))

    assert [find(table, path).value for path in (b"/a/b/c", b"/a/b/x", b"/a/b/d")] == ["deep", "rest", "lit"]


def test_parameters_come_with_the_match() -> None:
    """Each route reads its own names; without parameters there is no dictionary."""
    table = table_of(
        RouteRule("get", path="/u/:id", methods=GET),
        RouteRule("post", path="/u/{user}", methods=POST),
        RouteRule("rest", path="/f/*"),
    )

    assert find(table, b"/u/7").params == {"id": "7"}
    assert find(table, b"/u/7", method=b"POST").params == {"user": "7"}
    assert find(table, b"/f/x").params is None


def test_an_unknown_path_is_a_404() -> None:
    """No route matches: `route.none`."""
    with pytest.raises(RouteNotFound):
        find(table_of(RouteRule("a", path="/a")), b"/b")


def test_a_known_path_with_another_method_is_a_405() -> None:
    """`Allow` has the methods of every route of the most specific path whose conditions are met, in order."""
    table = table_of(
        RouteRule("get", path="/a/:x", methods=GET),
        RouteRule("beta", path="/a/:x", methods=frozenset([b"DELETE"]), query={"beta": "*"}),
        RouteRule("no", path="/a/:x", methods=frozenset([b"PUT"]), headers={"X": "*"}),
        RouteRule("rest", path="/a/*", methods=POST),
    )

    with pytest.raises(MethodNotAllowed) as caught:
        find(table, b"/a/b", method=b"PATCH", query=b"beta")

    assert caught.value.allow == ("DELETE", "GET", "HEAD")


def test_head_goes_where_get_goes() -> None:
    """Unless a route of the same path names it."""
    table = table_of(
        RouteRule("get", path="/a", methods=GET),
        RouteRule("get", path="/b", methods=GET, headers={"X": "*"}),
        RouteRule("head", path="/c", methods=frozenset([b"HEAD"])),
        RouteRule("get", path="/c", methods=GET),
        RouteRule("rest"),
    )
    asked = Headers([(b"X", b"1")])

    assert [find(table, path, method=b"HEAD", headers=asked).value for path in (b"/a", b"/b", b"/c")] == [
        "get",
        "get",
        "head",
    ]


@pytest.mark.parametrize("method", [b"POST", b"HEAD", b"TRACE"])
@pytest.mark.parametrize(
    "rule",
    [
        RouteRule("open"),
        RouteRule("open", path="/a/*"),
        RouteRule("open", path="/:x/b"),
        RouteRule("open", path="/a/b", host="*.c"),
    ],
)
def test_a_method_makes_no_route_give_way(rule: RouteRule, method: bytes) -> None:
    """A route that asks for a token is not passed by with a method that it does not take."""
    table = table_of(RouteRule("closed", host="b.c", path="/a/b", methods=frozenset([b"PUT"])), rule)

    with pytest.raises(MethodNotAllowed):
        find(table, b"/a/b", b"b.c", method)


def test_conditions_that_are_not_met_do_make_a_route_give_way() -> None:
    """Fields and query choose between routes; only the method does not."""
    table = table_of(
        RouteRule("beta", path="/a", methods=GET, headers={"X-Beta": "*"}), RouteRule("rest", methods=POST)
    )

    assert find(table, b"/a", method=b"POST").value == "rest"
    with pytest.raises(MethodNotAllowed):
        find(table, b"/a", method=b"POST", headers=Headers([(b"X-Beta", b"1")]))


def test_trace_goes_where_it_is_named_only() -> None:
    """Its answer would show a script fields that it may not read; a route for any method does not take it."""
    table = table_of(
        RouteRule("any", path="/a"),
        RouteRule("named", path="/b", methods=frozenset([b"TRACE"])),
        RouteRule("conditional", path="/c", headers={"X": "*"}),
    )

    assert find(table, b"/b", method=b"TRACE").value == "named"
    for path in (b"/a", b"/c"):
        with pytest.raises(MethodNotAllowed) as caught:
            find(table, path, method=b"TRACE", headers=Headers([(b"X", b"1")]))
        assert caught.value.allow == ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def test_hosts_go_exact_then_longest_wildcard_then_any() -> None:
    """A wildcard stands for one or more labels."""
    table = table_of(
        RouteRule("any"),
        RouteRule("wide", host="*.example.com"),
        RouteRule("narrow", host="*.api.example.com"),
        RouteRule("exact", host="v1.api.example.com"),
    )
    hosts = (b"v1.api.example.com", b"v2.api.example.com", b"x.y.api.example.com", b"www.example.com", b"example.com")

    assert [find(table, host=host).value for host in hosts] == ["exact", "narrow", "narrow", "wide", "any"]


def test_a_host_without_the_path_falls_back() -> None:
    """First to the wildcard hosts, then to routes for any host."""
    table = table_of(
        RouteRule("exact", host="a.b.c", path="/exact"),
        RouteRule("wild", host="*.c", path="/wild/:x"),
        RouteRule("any", path="/any"),
    )

    assert [find(table, path, b"a.b.c").value for path in (b"/exact", b"/wild/1", b"/any")] == ["exact", "wild", "any"]


@pytest.mark.parametrize("host", [b"a.example:8080", b"a.example.", b"a.example.:80", b"a.example", b"a.example:"])
def test_port_and_final_dot_do_not_count(host: bytes) -> None:
    """They are part of the authority, not of the name."""
    assert find(table_of(RouteRule("a", host="A.Example")), host=host).value == "a"


@pytest.mark.parametrize(
    ("authority", "host"), [(b"[::1]", b"[::1]"), (b"[::1]:80", b"[::1]"), (b"127.0.0.1:80", b"127.0.0.1"), (b"", b"")]
)
def test_an_address_is_a_host_like_any_other(authority: bytes, host: bytes) -> None:
    """The colons of an IPv6 literal are no ports."""
    assert bare_host(authority) == host


def test_an_international_name_is_matched_as_it_is_sent() -> None:
    """The configuration may have it in Unicode."""
    assert find(table_of(RouteRule("a", host="*.bücher.example")), host=b"x.xn--bcher-kva.example").value == "a"


def test_a_name_too_long_for_dns_is_ambiguous() -> None:
    """And is not walked label by label."""
    table = table_of(RouteRule("wild", host="*.c"), RouteRule("any"))

    assert find(table, host=b"a." * 126 + b"c").value == "wild"
    with pytest.raises(RequestAmbiguous):
        find(table, host=b"a." * 127 + b"c")


@pytest.mark.parametrize("host", ["", "*.", "a.*.b", "*", "a.example:80"])
def test_what_is_no_host_is_refused(host: str) -> None:
    """When the table is built, not when it is asked."""
    with pytest.raises(ValueError, match="expected a host"):
        table_of(RouteRule("a", host=host))


def test_conditions_choose_between_routes_of_one_pattern() -> None:
    """More conditions first; without them the plain route is taken."""
    table = table_of(
        RouteRule("plain", path="/a"),
        RouteRule("v2", path="/a", headers={"X-Version": "2"}),
        RouteRule("beta", path="/a", headers={"X-Version": "2"}, query={"beta": "*"}),
    )
    second = Headers([(b"x-version", b"2")])

    assert find(table, b"/a").value == "plain"
    assert find(table, b"/a", headers=second).value == "v2"
    assert find(table, b"/a", headers=second, query=b"beta").value == "beta"


def test_ten_thousand_routes_cost_about_what_ten_do() -> None:
    """Generously: less than five times, where a scan would take hundreds."""

    def cost(routes: int) -> float:
        table = table_of(*(RouteRule(f"r{number}", path=f"/api/s{number}/:id") for number in range(routes)))
        path, headers, best = b"/api/s%d/7" % (routes - 1), Headers(), float("inf")
        for _ in range(20):
            started = time.perf_counter()
            for _ in range(100):
                table.match(b"h", path, b"GET", headers, b"")
            best = min(best, time.perf_counter() - started)
        return best

    assert cost(10_000) < 5 * cost(10)


def test_a_decision_is_explained_route_by_route() -> None:
    """Each route that was considered and what became of it."""
    table = table_of(
        RouteRule("get", path="/a", methods=GET, query={"x": "*"}),
        RouteRule("beta", path="/a", headers={"X-Beta": "*"}),
        RouteRule("rest"),
        RouteRule("never", path="/b"),
    )

    assert table.explain(b"h", b"/a", b"PUT", Headers(), b"x") == [
        "get (any host /a): method PUT is not accepted",
        "beta (any host /a): header or query conditions are not met",
        "the most specific path decides: its routes do not take the method",
    ]
    assert table.explain(b"h", b"/a", b"PUT", Headers(), b"") == [
        "get (any host /a): header or query conditions are not met",
        "beta (any host /a): header or query conditions are not met",
        "rest (any host /*): taken",
    ]
    assert table_of().explain(b"h", b"/a", b"PUT", Headers(), b"") == ["no route"]
    refused = table_of(RouteRule("get", path="/a", methods=GET)).explain(b"h", b"/a", b"PUT", Headers(), b"")
    assert refused[-1] == "the most specific path decides: its routes do not take the method"
    unmet = table_of(RouteRule("beta", path="/a", headers={"X-Beta": "*"}))
    assert unmet.explain(b"h", b"/a", b"PUT", Headers(), b"")[-1] == "no route accepts the request"


# The model: every rule is looked at, and the best by the documented order is taken.

patterns = st.builds(
    lambda parts, tail: "/" + "/".join(part.format(number) for number, part in enumerate(parts)) + tail,
    st.lists(st.sampled_from(["a", "a", "b", ":x{}", "{{y{}}}"]), max_size=3),
    st.sampled_from(["", "/", "/*", "/{*rest}"]),
).map(lambda text: text.replace("//", "/"))
rules = st.builds(
    RouteRule,
    name=st.just("r"),
    host=st.sampled_from([None, None, "a.b.c", "b.c", "*.b.c", "*.c"]),
    path=patterns,
    methods=st.sampled_from([None, GET, POST, GET | POST]),
    headers=st.sampled_from([{}, {}, {"X": "1"}, {"X": "*"}]),
    query=st.sampled_from([{}, {}, {"q": "1"}]),
)
request_paths = st.lists(st.sampled_from(["a", "b", "c"]), max_size=4).flatmap(
    lambda parts: st.sampled_from(["/" + "/".join(parts), "/" + "/".join([*parts, ""])])
)


def kinds(rule: RouteRule, path: bytes) -> list[int] | None:
    """Compare a pattern with a path segment by segment: 0 literal, 1 parameter, 2 rest; None if it does not match."""
    wanted, given = rule.path[1:].split("/"), path.decode()[1:].split("/")
    wild = wanted[-1] in ("*", "{*rest}")
    if wild:
        wanted = wanted[:-1]
    if len(given) < len(wanted) or (not wild and len(given) != len(wanted)):
        return None
    found = []
    for want, have in zip(wanted, given, strict=False):
        param = want.startswith((":", "{"))
        if have != want and not (param and have):
            return None
        found.append(1 if param else 0)
    return [*found, 2] if wild else found


def host_rank(rule: RouteRule, host: bytes) -> tuple[int, int] | None:
    """Rank a host pattern, None if it does not match."""
    name = host.decode()
    if rule.host is None:
        return (2, 0)
    if rule.host.startswith("*."):
        return (1, -len(rule.host)) if name.endswith(rule.host[1:]) else None
    return (0, 0) if rule.host == name else None


@settings(max_examples=300)
@given(
    st.lists(rules, max_size=8),
    request_paths,
    st.sampled_from([b"a.b.c", b"b.c", b"x.y.c", b"c"]),
    st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"TRACE"]),
    st.sampled_from([Headers(), Headers([(b"X", b"1")]), Headers([(b"X", b"2")])]),
    st.sampled_from([b"", b"q=1"]),
)
def test_the_tree_agrees_with_a_scan(
    given_rules: list[RouteRule], path_text: str, host: bytes, method: bytes, headers: Headers, query: bytes
) -> None:
    """The compiled table takes the route that looking at every rule would take, or refuses for the same reason."""
    path = path_text.encode()
    fitting = []
    for number, rule in enumerate(given_rules):
        host_order, path_order = host_rank(rule, host), kinds(rule, path)
        conditions = Conditions(rule.headers, rule.query)
        if host_order is not None and path_order is not None and conditions.hold(headers, query):
            fitting.append((host_order, path_order, -conditions.count, number))
    fitting.sort()
    deciding = [rank for rank in fitting if rank[:2] == fitting[0][:2]]
    accepting = [rank for rank in deciding if takes(given_rules[rank[-1]].methods, method)]
    table = RouteTable((rule, number) for number, rule in enumerate(given_rules))

    if accepting:
        assert table.match(host, path, method, headers, query).value == accepting[0][-1]
        assert table.explain(host, path, method, headers, query)[-1].endswith(": taken")
    elif fitting:
        with pytest.raises(MethodNotAllowed) as caught:
            table.match(host, path, method, headers, query)
        allowed = frozenset[bytes]().union(*(given_rules[rank[-1]].methods or USUAL for rank in deciding))
        allowed |= {b"HEAD"} if b"GET" in allowed else set()
        assert caught.value.allow == tuple(sorted(name.decode() for name in allowed))
    else:
        with pytest.raises(RouteNotFound):
            table.match(host, path, method, headers, query)


def routed(table: RouteTable[int], host: bytes, path: bytes, method: bytes, headers: Headers, query: bytes) -> Any:
    """Route a request as `gateway.serving.tree.Root` does; returns what is found, or the error."""
    try:
        known = table.known(host, path)
        match = None if known is None else known.match(method, headers, query)
        if match is None:
            match = table.match(host, path, method, headers, query)
    except GatewayError as error:
        return type(error), getattr(error, "allow", None)
    return match.value, match.params


@settings(max_examples=300)
@given(
    st.lists(rules, max_size=8),
    st.booleans(),
    st.lists(
        st.tuples(
            st.sampled_from([b"a.b.c", b"b.c:80", b"x.y.c", b"c", b"", b"a.b.c\0/a", b"a b", b"x" * 300]),
            st.sampled_from([b"/", b"/a", b"/a/", b"/a/b", b"/b/a", b"/a/b/c", b"*", b"/" + b"a" * 600]),
            st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT", b"TRACE"]),
            st.sampled_from([Headers(), Headers([(b"X", b"1")]), Headers([(b"X", b"2")])]),
            st.sampled_from([b"", b"q=1"]),
        ),
        max_size=30,
    ),
)
def test_paths_that_came_before_lead_where_they_led(
    given_rules: list[RouteRule], expressions: bool, requests: list[tuple[bytes, bytes, bytes, Headers, bytes]]
) -> None:
    """Whatever was asked before, with whatever conditions and methods: the same route, parameters or refusal."""
    if expressions:
        given_rules = [*given_rules, RouteRule("e", path="~^/(?P<first>[ab])"), RouteRule("h", "a.b.c", path="~^/a")]
    warm = RouteTable((rule, number) for number, rule in enumerate(given_rules))
    for request in requests * 3:
        cold = RouteTable((rule, number) for number, rule in enumerate(given_rules))
        assert routed(warm, *request) == routed(cold, *request)
    assert all(len(key) <= warm._known.longest for key in warm._known)


@pytest.mark.parametrize("path", [b"/a/../b", b"//b", b"/a/%2F", b"/a/%C3%BC", b"/a/%2e"])
def test_a_path_that_servers_may_read_otherwise_is_never_known(path: bytes) -> None:
    """It is looked up as one of the readings of itself, each time it comes."""
    table = table_of(RouteRule("a", path="/*"))

    for _ in range(4):
        find(table, path)

    assert table.known(b"h", path) is None


def test_a_path_is_known_when_it_came_twice() -> None:
    """Not one that comes once, nor one that no route is for, nor more of them than there is room for."""
    table = table_of(RouteRule("a", path="/a/:x"), RouteRule("h", host="h", path="/h"))
    find(table, b"/a/1")
    assert table.known(b"h", b"/a/1") is None
    find(table, b"/a/1")
    known = table.known(b"h", b"/a/1")
    assert known is not None
    first, second = (known.match(b"GET", Headers(), b"") for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.params, second.params) == ({"x": "1"}, {"x": "1"})
    assert first.params is not second.params  # an exchange may change its own
    assert table.known(b"g", b"/a/1") is None
    for path in (b"/b", b"/b"):
        with pytest.raises(RouteNotFound):
            find(table, path)
    assert table.known(b"h", b"/b") is None
    for number in range(3000):
        for _ in range(2):
            find(table, b"/a/%d" % number)
    assert len(table._known) <= table._known.most


def test_only_routes_whose_conditions_hold_are_offered() -> None:
    """What OPTIONS is told is what this client could ask for."""
    table = table_of(
        RouteRule("get", path="/a", methods=GET),
        RouteRule("post", path="/a", methods=POST, headers={"X": "*"}),
        RouteRule("hidden", path="/b", methods=GET, headers={"X": "*"}),
    )
    shown = Headers([(b"X", b"1")])

    assert table.allowed(b"h", b"/a", Headers(), b"") == ("GET", "HEAD")
    assert set(table.allowed(b"h", b"/a", shown, b"")) == {"GET", "HEAD", "POST"}
    assert table.allowed(b"h", b"/b", Headers(), b"") == ()
    assert table.allowed(b"h", b"/b", shown, b"") == ("GET", "HEAD")


def test_conditions_on_the_query_count_in_what_is_offered() -> None:
    """As those on fields do."""
    table = table_of(RouteRule("beta", path="/a", methods=GET, query={"beta": "*"}))

    assert table.allowed(b"h", b"/a", Headers(), b"beta=1") == ("GET", "HEAD")
    assert table.allowed(b"h", b"/a", Headers(), b"") == ()


def test_routes_of_one_expression_are_told_apart_by_method() -> None:
    """As those of any other pattern."""
    table = table_of(RouteRule("read", path="~^/a+$", methods=GET), RouteRule("write", path="~^/a+$", methods=POST))

    assert find(table, b"/aa").value == "read"
    assert find(table, b"/aa", method=b"POST").value == "write"
