from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import HeaderBlock, Headers
from gateway.http.fields import (
    EVERY_FIELD,
    FRAMING,
    HOP_BY_HOP,
    NEVER_IN_TRAILERS,
    FieldFilter,
    connection_options,
    encode_passed,
    passed_on,
    request_filter,
    response_filter,
    trailer_filter,
)

REQUESTS = request_filter(frozenset([b"x-forwarded-for"]))
RESPONSES = response_filter()


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP | FRAMING))
def test_fields_of_one_hop_cross_in_no_direction(name: bytes) -> None:
    """RFC 9110 section 7.6.1; nor do spellings that a backend may fold into them."""
    for spelling in (name, name.replace(b"-", b"_"), name.replace(b"-", b".")):
        assert not REQUESTS[spelling]
        assert not RESPONSES[spelling]


@pytest.mark.parametrize(
    "name", [b"x-user-id", b"x_user_id", b"x-user_id", b"x.user.id", b"x-user-", b"x~user~roles", b"x-user-\xe9"]
)
def test_identity_is_for_the_gateway_to_say(name: bytes) -> None:
    """A client may not claim to be someone, in any spelling; a backend may answer what it likes."""
    assert not REQUESTS[name]
    assert RESPONSES[name]


@pytest.mark.parametrize(
    "name", [b"accept", b"cookie", b"x-users", b"x-use", b"user-agent", b"xuser-id", b"expect", b"via"]
)
def test_other_fields_cross(name: bytes) -> None:
    """Only what is listed is held back."""
    assert REQUESTS[name]


def test_fields_that_the_gateway_writes_itself_do_not_cross() -> None:
    """In no spelling."""
    assert not REQUESTS[b"x-forwarded-for"]
    assert not REQUESTS[b"x_forwarded_for"]
    assert RESPONSES[b"x-forwarded-for"]


def test_answers_are_remembered_up_to_a_number() -> None:
    """A client that makes up names does not fill the memory."""
    passes = request_filter(frozenset())
    for number in range(10_000):
        assert passes[b"x-%d" % number]
    assert len(passes) <= 4096
    assert not passes[b"connection"]


@pytest.mark.parametrize("name", sorted(NEVER_IN_TRAILERS | FRAMING | HOP_BY_HOP))
def test_trailers_do_not_carry_what_a_head_must(name: bytes) -> None:
    """RFC 9110 section 6.5.1."""
    assert not trailer_filter(REQUESTS)[name]
    assert not trailer_filter(RESPONSES)[name]


@pytest.mark.parametrize("name", [b"x-user-id", b"x_forwarded_for", b"if-match", b"x-forwarded-proto", b"forwarded"])
def test_a_request_trailer_is_no_way_around(name: bytes) -> None:
    """Identity, forwarding and conditions are told by the head."""
    assert not trailer_filter(REQUESTS)[name]


@pytest.mark.parametrize("name", [b"server-timing", b"grpc-status", b"digest", b"x-sum", b"etag"])
def test_trailers_that_cross(name: bytes) -> None:
    """What is made while the content is sent."""
    assert trailer_filter(RESPONSES)[name]


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([], set()),
        ([b"close"], {b"close"}),
        ([b"Keep-Alive,\tX-A , x-b"], {b"keep-alive", b"x-a", b"x-b"}),
        ([b"x-a", b"X-B"], {b"x-a", b"x-b"}),
        ([b", ,x-a,"], {b"", b"x-a"}),
        ([b""], {b""}),
    ],
)
def test_options_of_connection(values: list[bytes], options: set[bytes]) -> None:
    """RFC 9110 section 7.6.1: one list over all lines, in any case."""
    assert connection_options(Headers([(b"Connection", value) for value in values])) == options


OPTIONS = st.one_of(
    st.binary(max_size=200), st.lists(st.sampled_from([b"close", b"Close ", b"x-a", b"", b"\tTE"])).map(b",".join)
)


@given(st.lists(st.lists(OPTIONS, min_size=1, max_size=2), max_size=20))
def test_options_that_were_read_before_are_as_those_that_were_not(heads: list[list[bytes]]) -> None:
    """What is remembered of a value is what it says."""
    for values in heads * 2:
        said = b", ".join(values).lower().split(b",")
        assert connection_options(Headers([(b"Connection", value) for value in values])) == {
            option.strip(b" \t") for option in said
        }


def test_what_is_kept_of_values_of_connection_is_bounded() -> None:
    """256 of them, full of short options, took 94 MiB; nor do short ones without end."""
    value = b",".join(b"%x" % number for number in range(1000, 6000))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(20):
        assert len(connection_options(Headers([(b"Connection", b"%d,%b" % (number, value))]))) == 5001
    for number in range(10_000):
        assert len(connection_options(Headers([(b"Connection", b"%d, close" % number)]))) == 2
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert grown < 500_000


def test_fields_named_by_connection_are_for_this_hop() -> None:
    """RFC 9110 section 7.6.1; naming an option that is no field drops nothing."""
    headers = Headers(
        [(b"Connection", b"close, X-Hop"), (b"X-Hop", b"1"), (b"x-hop", b"2"), (b"close", b"3"), (b"X-End", b"4")]
    )
    assert [name for _, name, _ in passed_on(headers, REQUESTS)] == [b"close", b"X-End"]


FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b"X-A", b"x-b", b"X_USER_id", b"Host", b"Transfer_Encoding", b"Connection", b"Accept"]),
        st.sampled_from([b"", b"1", b"x-a", b"accept, x-b"]),
    ),
    max_size=6,
)


@given(FIELDS)
def test_what_crosses_is_encoded_alike_for_a_block(fields: list[tuple[bytes, bytes]]) -> None:
    """The first time, again, and through another filter."""
    plain = encode_passed(Headers(fields), REQUESTS)
    block = HeaderBlock(Headers(fields))
    assert encode_passed(Headers.over(block), REQUESTS) == plain
    assert encode_passed(Headers.over(block), REQUESTS) == plain
    assert encode_passed(Headers.over(block), RESPONSES) == encode_passed(Headers(fields), RESPONSES)
    assert encode_passed(Headers.over(block), REQUESTS) == plain
    added = Headers.over(block)
    added.add(b"X-Added", b"1")
    assert encode_passed(added, REQUESTS) == encode_passed(Headers([*fields, (b"X-Added", b"1")]), REQUESTS)
    assert encode_passed(Headers.over(block), REQUESTS) == plain


@given(FIELDS)
def test_what_crosses_keeps_its_order(fields: list[tuple[bytes, bytes]]) -> None:
    """It is a subsequence of what came, and holds no field of one hop."""
    crossed = [(name, value) for _, name, value in passed_on(Headers(fields), REQUESTS)]
    rest = iter(fields)
    assert all(field in rest for field in crossed)
    assert not {name.lower() for name, _ in crossed} & (HOP_BY_HOP | FRAMING)


@pytest.mark.parametrize("dropped", [b"x_groups", b"x-groups", b"x.groups"])
@pytest.mark.parametrize("sent", [b"x_groups", b"x-groups", b"x.groups", b"x~groups"])
def test_a_name_is_dropped_however_either_side_spells_it(dropped: bytes, sent: bytes) -> None:
    """Names come out of configurations too."""
    assert not FieldFilter(frozenset([dropped]))[sent]
    assert FieldFilter(frozenset([dropped]))[b"xgroups"]


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        (b"x-tenant", True),
        (b"x_tenant", False),
        (b"x.tenant", False),
        (b"x_other", True),
        (b"x_key", True),
        (b"x-key", False),
    ],
)
def test_what_decides_passes_in_its_own_spelling_only(name: bytes, passes: bool) -> None:
    """Also where that spelling is not the usual one."""
    fields = request_filter(frozenset(), frozenset([b"x-tenant", b"x_key"]))
    assert fields[name] == passes
    assert fields.trailers[name] == (name == b"x_other")


@pytest.mark.parametrize(
    ("name", "passes"), [(b"x-tenant", True), (b"x_tenant", False), (b"x1", True), (b"x~1", False)]
)
def test_where_every_field_decides_no_name_is_read_as_another(name: bytes, passes: bool) -> None:
    """And nothing comes after the decision."""
    fields = request_filter(frozenset(), frozenset([EVERY_FIELD]))
    assert fields[name] == passes
    assert not fields.trailers[name]


def test_trailers_are_judged_by_what_the_head_is_judged_by() -> None:
    """What the filter of a route drops is dropped from its trailers; the filter for those is made once."""
    fields = request_filter(frozenset([b"x-who"]))
    assert not fields.trailers[b"x_who"]
    assert fields.trailers[b"x-sum"]
    assert fields.trailers is fields.trailers
