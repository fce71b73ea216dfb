"""Cookies are found by their names, and taken out without a change to the others."""

from __future__ import annotations

from contextlib import suppress
from http.cookies import CookieError, SimpleCookie

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.headers import HeaderBlock, Headers
from gateway.http.cookies import read_as, take_out, take_out_alike, values


def cookies(*lines: bytes) -> Headers:
    """A request with these lines of cookies between other fields."""
    return Headers([(b"Accept", b"*/*"), *((b"Cookie", line) for line in lines), (b"DNT", b"1")])


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([b"gw=1"], [b"1"]),
        ([b"a=2; gw=1; b=3"], [b"1"]),
        ([b"a=2;gw=1;b=3"], [b"1"]),
        ([b"gw=1; gw=2", b"gw=3"], [b"1", b"2", b"3"]),
        ([b"gw=a=b"], [b"a=b"]),
        ([b"gw="], [b""]),
        ([b"gw"], [b""]),
        ([b" gw =\t1 "], [b"1"]),
        ([b"xgw=1; GW=2; gwx=3; a=gw=4"], []),
        ([], []),
    ],
)
def test_values(lines: list[bytes], found: list[bytes]) -> None:
    """All of one name, whose case counts."""
    assert list(values(cookies(*lines), b"gw")) == found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([b"gw=1"], []),
        ([b"gw=1; a=2"], [b"a=2"]),
        ([b"a=2; gw=1"], [b"a=2"]),
        ([b"a=2;  gw=1;b = 3 ; c"], [b"a=2;b = 3 ; c"]),
        ([b"gw=1; gw=2; a=3"], [b"a=3"]),
        ([b"gw=1;  gw=2"], []),
        ([b"gw=1", b"a=2"], [b"a=2"]),
        ([b'a="x; y"; gw=1; b=\xff\x80'], [b'a="x; y"; b=\xff\x80']),
        ([b"a=gw=1; xgw=2;"], [b"a=gw=1; xgw=2;"]),
        ([b"gw=1;"], []),
    ],
)
def test_taken_out(before: list[bytes], after: list[bytes]) -> None:
    """The others stay, octet by octet, and a line of which nothing is left goes."""
    headers = cookies(*before)

    take_out(headers, b"gw")

    assert headers == cookies(*after)
    assert headers.get(b"cookie") == (after[0] if after else None)


def test_a_head_that_others_share_stays_as_it_was() -> None:
    """The parser hands the same block to every request with the same octets."""
    block = HeaderBlock(cookies(b"gw=1; a=2"))

    take_out(Headers.over(block), b"gw")

    assert Headers.over(block) == cookies(b"gw=1; a=2")


@given(st.lists(st.sampled_from([b"a=1", b" b=2", b"gw=3", b" gw=4", b"", b" ", b" gw", b"c"]), max_size=6))
def test_whatever_the_client_sends(pairs: list[bytes]) -> None:
    """Nothing of that name is left, and every other pair is."""
    headers = cookies(b";".join(pairs))

    take_out(headers, b"gw")

    assert not list(values(headers, b"gw"))
    for name in (b"a", b"b", b"c"):
        assert list(values(headers, name)) == list(values(cookies(b";".join(pairs)), name))


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (b"t=1", []),
        (b"a=1; t=2; b=3", [b"a=1; b=3"]),
        (b"t=1; a=2", [b"a=2"]),
        (b"a=1; t=2", [b"a=1"]),
        (b"a=1; T=2; b=3", [b"a=1; b=3"]),
        (b"a=1; =t=2", [b"a=1"]),
        (b"a=1; t", [b"a=1"]),
        (b"a=1, t=2; b=3", [b"a=1; b=3"]),
        (b"a=1; %74=2", [b"a=1"]),
        (b"a=1; t[0]=2", [b"a=1"]),
        (b"a=1; tt=2; a=t; b=%74", [b"a=1; tt=2; a=t; b=%74"]),
        (b"a={1,2}; b=3", [b"a={1,2}; b=3"]),
        (b"a=1 t=2; b=3", [b"a=1; b=3"]),
        (b"a=1\tT = 2 c=4; b=3", [b"a=1; b=3"]),
        (b"a=the t and u=v w; b=3", [b"a=the t and u=v w; b=3"]),
    ],
)
def test_taken_out_in_every_spelling(line: bytes, left: list[bytes]) -> None:
    """That a server may read as the name; a value that looks like one stays."""
    headers = cookies(line)

    take_out_alike(headers, frozenset([b"t"]))

    assert headers.get_all(b"cookie") == left


def test_one_spelling_may_stay() -> None:
    """The very name, between separators of its own; the rest goes."""
    headers = cookies(b"T=1; t=2; =t=3; a=4,t=5")

    take_out_alike(headers, frozenset([b"t"]), b"t")

    assert headers.get_all(b"cookie") == [b"t=2; a=4"]


@pytest.mark.parametrize(
    "name", [b"access_token", b"Access.Token", b" access-token ", b"access token", b"access_token[]"]
)
def test_what_servers_read_a_name_as(name: bytes) -> None:
    """PHP has one name for all of these."""
    assert read_as(name) == b"access-token"


def test_heads_that_are_shared_stay_shared() -> None:
    """Nothing is copied where no such cookie is."""
    block = HeaderBlock(cookies(b"a=1"))
    headers = Headers.over(block)

    take_out_alike(headers, frozenset([b"t"]))

    assert headers.block is block


LINES = st.lists(
    st.sampled_from([*'abtT;=, \t"%.[]\\', "t=", "; ", "t =", "%74", "$", "\\073", "a=1"]), max_size=12
).map("".join)


@given(LINES)
@settings(max_examples=300)
def test_no_server_that_we_know_finds_one_afterwards(line: str) -> None:
    """Neither one that goes by RFC 6265 nor Python's own module, which takes blanks for separators."""
    headers = cookies(line.encode())

    take_out_alike(headers, frozenset([b"t"]))

    left = (headers.joined(b"cookie") or b"").decode()
    found = [pair.partition("=")[0] for pair in left.split(";") if "=" in pair]
    with suppress(CookieError):
        found += SimpleCookie(left)
    assert "t" not in {name.strip() for name in found}, left
