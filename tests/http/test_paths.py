"""The normal form of paths, and the paths that have none."""

from __future__ import annotations

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MalformedRequest
from gateway.http.paths import normal_form

PIECES = [*"///.ab;~é{", "..", "%2F", "%2f", "%5C", "%3B", "%2e", "%2E", "%41", "%c3%a9", "%25"]
paths = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: ("/" + "".join(pieces)).encode())


@pytest.mark.parametrize(
    "path",
    [b"/", b"/api/v1/users", b"/users/", b"/.well-known/x", b"/...", b"/a..b", b"/a;v=1/b", b"/~u/(x)!$&'*+,=:@"],
)
def test_a_normal_path_is_returned_itself(path: bytes) -> None:
    """Nothing is made anew when there is nothing to do."""
    assert normal_form(path) is path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/%7euser/%41", b"/~user/A"),
        (b"/a%2fb", b"/a%2Fb"),
        (b"/%c3%a9", b"/%C3%A9"),
        ("/é".encode(), b"/%C3%A9"),
        (b"/{a}|b", b"/%7Ba%7D%7Cb"),
        (b"/%21", b"/%21"),
        (b"/%252e%252e/a", b"/%252e%252e/a"),
        (b"/a//b", b"/a/b"),
        (b"//", b"/"),
        (b"/a/.", b"/a/"),
        (b"/a/./b", b"/a/b"),
        (b"/a/..", b"/"),
        (b"/a/b/..", b"/a/"),
        (b"/a/b/../", b"/a/"),
        (b"/api/../admin", b"/admin"),
        (b"/api/%2e%2E/admin", b"/admin"),
        (b"/a;v=1/../b", b"/b"),
        (b"/x;v//", b"/x;v/"),
        (b"/%2F/x", b"/%2F/x"),
        (b"/%0d%0aX%0e%7f", b"/%0D%0AX%0E%7F"),
        (b"/a\\b", b"/a%5Cb"),
        (b"/a//../b", b"/a/b"),
        (b"/a/..%2fb", b"/a/..%2Fb"),
        (b"/a/..;/b", b"/a/..;/b"),
    ],
)
def test_spellings_of_one_path_have_one_form(path: bytes, expected: bytes) -> None:
    """RFC 3986 sections 5.2.4 and 6.2.2, and doubled slashes merged."""
    assert normal_form(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"*",
        b"a/b",
        b"/%",
        b"/%4",
        b"/%zz",
        b"/%00",
        b"/a b",
        b"/a\tb",
        b"/a\x7f",
        b"/a\n",
        b"/a#b",
        b"/a?b",
        b"/..",
        b"/../x",
        b"/a/../../x",
        b"/%2e%2e/x",
    ],
)
def test_a_path_that_breaks_the_grammar_is_refused(path: bytes) -> None:
    """Cut escapes, control characters as such, NUL, and a way above the root have no normal form."""
    with pytest.raises(MalformedRequest):
        normal_form(path)


@given(paths)
def test_the_normal_form_is_that_of_the_standard_library(path: bytes) -> None:
    """Dot segments resolved, slashes merged, everything in one spelling."""
    try:
        form = normal_form(path)
    except MalformedRequest:
        return
    spelled = path.decode().replace("é", "%C3%A9").replace("{", "%7B").replace("%41", "A")
    spelled = re.sub("%..", lambda escape: escape[0].upper(), spelled).replace("%2E", ".")
    if "//" not in spelled:  # posixpath merges slashes first, RFC 3986 resolves dots first
        assert form.decode().rstrip("/") == posixpath.normpath(spelled).rstrip("/")


@given(paths)
def test_the_normal_form_is_its_own(path: bytes) -> None:
    """A second pass changes nothing, and takes the short way."""
    try:
        form = normal_form(path)
    except MalformedRequest:
        return
    assert normal_form(form) == form
    assert b"\\" not in form
    assert b"//" not in form
    assert not re.search(rb"/\.\.?(/|$)", form)


@given(st.binary(max_size=30))
def test_any_octets_are_refused_or_made_plain(octets: bytes) -> None:
    """No input raises anything else, and no form holds what a log or a label could trip over."""
    try:
        form = normal_form(b"/" + octets)
    except MalformedRequest:
        return
    assert re.fullmatch(rb"[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]+", form)
