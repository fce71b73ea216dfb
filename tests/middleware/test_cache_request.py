"""What a key is, whatever was asked before; what clients see of keys is in tests/flow/test_cache_keys.py."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.key import Key
from gateway.caching.normal import usual_codings
from gateway.exchange import Downstream, Exchange
from gateway.headers import HeaderBlock, Headers
from gateway.http.fields import FieldFilter
from gateway.message import Request
from gateway.middleware.cache_request import Requests
from gateway.middleware.transformation import ChangedRequest
from tests.peers import direct

HEADS = [
    [],
    [(b"Accept", b"*/*")],
    [(b"Cache-Control", b"no-cache")],
    [(b"X-Original-URL", b"/admin")],
    [(b"X_Original_URL", b"/admin")],
]

asked = st.tuples(
    st.sampled_from([b"a.example", b"b.example", b"b.example:80"]),
    st.sampled_from([b"/", b"/a", b"/a?", b"/a?x=1", b"/a?x=1&y=2", b"/A"]),
    st.sampled_from([None, b"/b"]),
    st.sampled_from([None, "one", "other"]),
    st.sampled_from(range(len(HEADS))),
    st.booleans(),
)
rules = st.tuples(st.sampled_from([None, frozenset([b"x"])]), st.sampled_from([(), (b"accept",)]))


def requests(query: frozenset[bytes] | None, vary: tuple[bytes, ...]) -> Requests:
    """Return the rules of a route, which have seen no request."""
    return Requests(b"s", "r", query, vary, FieldFilter(frozenset()), usual_codings)


def told(key: Key) -> tuple[object, ...]:
    """Return all that a key says."""
    return key.route, key.url, key.query, key.primary


@given(rules, st.lists(st.tuples(asked, st.integers(1, 3)), max_size=8))
def test_a_key_is_the_same_whatever_was_asked_before(
    of: tuple[frozenset[bytes] | None, tuple[bytes, ...]],
    several: list[tuple[tuple[bytes, bytes, bytes | None, str | None, int, bool], int]],
) -> None:
    """A host, a target, a path, an upstream, a field or a change by a step: each makes the key that it makes alone."""
    blocks = [HeaderBlock(Headers(head)) for head in HEADS]
    warm = requests(*of)
    for (host, target, path, upstream, head, changed), times in several:
        for _ in range(times):
            request = Request(b"GET", target, Headers.over(blocks[head]), host)
            if changed:
                request = ChangedRequest(request)
                request.target = b"/changed"
            exchange = Exchange(request, Downstream(), direct("192.0.2.1"), 0.0, 1.0)
            exchange.path = path or exchange.path
            exchange.upstream = upstream

            assert told(warm.key(exchange)) == told(requests(*of).key(exchange))


def test_what_is_asked_for_again_has_one_key() -> None:
    """From the second time on; and as many as there are, only so many are remembered."""
    rule = requests(None, ())

    def key(target: bytes) -> Key:
        return rule.key(Exchange(Request(b"GET", target, Headers(), b"h"), Downstream(), direct("192.0.2.1"), 0.0, 1.0))

    key(b"/a")
    second = key(b"/a")
    assert key(b"/a") is second
    for number in range(5000):
        key(b"/%d" % number)
        key(b"/%d" % number)
    key(b"/" + b"x" * 1000)
    key(b"/" + b"x" * 1000)

    assert 0 < len(rule._known) <= rule._known.most
    assert max(map(len, rule._known)) <= rule._known.longest
