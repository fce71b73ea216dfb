"""Which paths could lead above where they begin, by any server's reading."""

from __future__ import annotations

import posixpath
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.middleware.below_base import climbs, leaves

PIECES = ["/", "a", "..", ".", "%2e", "%2f", "%252e", "\\", ";", "%5c"]


@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "/../admin",
        "/a/../../admin",
        "/%2e%2e/admin",
        "/.%2E/admin",
        "/..%2fadmin",
        "/%2e%2e%2fadmin",
        "/..%5cadmin",
        "/..\\admin",
        "/a%2f../../admin",
        "/..;x/admin",
        "/..%3bx/admin",
        "/;x/../admin",
        "//../admin",
        "/./../admin",
        "/%252e%252e/admin",
        "/%25252e%25252e%25252fadmin",
        "/..%20/admin",
        "/..%3f/admin",
        "/a/..%2f..%2fadmin",
        "/a%2fb/../../admin",
        "/%c0%ae%c0%ae/admin",
        "/%c0%ae./admin",
        "/%25c0%25ae%25c0%25ae/admin",
        "/..%c0%af..%c0%afadmin",
        "/a%c1%9c..%c1%9c../admin",
        "/%e0%80%ae%e0%80%ae/admin",
        "/%f0%80%80%ae./admin",
        "/%ef%bc%8e%ef%bc%8e/admin",
        "/..%ef%bc%8fadmin",
        "/..%ef%bc%bcadmin",
    ],
)
def test_it_leads_above(path: str) -> None:
    """Dots in any spelling, behind any kind of slash, and segments that only some servers count."""
    assert climbs(path.encode())


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a",
        "/a/../b",
        "/a/b/../../c",
        "/100%25.html",
        "/...",
        "/..a/b",
        "/a..b",
        "/a%2fb",
        "/a/%2e%2e/b",
        "/%",
        "/%c0/%ae",
        "/%c3%a9/..",
    ],
)
def test_it_stays_below(path: str) -> None:
    """What goes up no further than it has come down, and names with dots in them."""
    assert not climbs(path.encode())


@given(
    st.lists(st.sampled_from(["/", "a", "..", ".", "%2e", "%2f", "%252e", "\\", ";", "%5c"]), max_size=12).map("".join)
)
@example("/a%2f../../x")
def test_no_reading_of_what_passes_leads_above(rest: str) -> None:
    """However often a server decodes, whatever it takes for a slash, merging slashes or not, with parameters or not."""
    path = f"/{rest}"
    if climbs(path.encode()):
        return
    for decoded in (path, unquote(path), unquote(unquote(path))):
        for slashes in (decoded, decoded.replace("\\", "/")):
            names = slashes.split("/")[1:]
            for bare in (names, [name.partition(";")[0] for name in names]):
                for segments in (bare, [name for name in bare if name]):
                    found = posixpath.normpath("base/" + "/".join(name or "." for name in segments))
                    assert found == "base" or found.startswith("base/"), segments


@pytest.mark.parametrize(
    "text",
    ["../a", "..%2Fa", "a%2F..%2F..", "..%5Ca", "a%5C..%2F..", "%252e%252e%252fa", "..%20", "..%3Bx%2Fa", "%2F.."],
)
def test_a_text_leads_out_of_its_segment(text: str) -> None:
    """By a slash of either kind, however often it was escaped."""
    assert leaves(text.encode())


@pytest.mark.parametrize("text", ["", "a", "a%2Fb", "a%2F..", "a%2F..%2Fb", "...", "a..", ".", "100%25", "..a%2Fb"])
def test_a_text_stays_in_its_segment(text: str) -> None:
    """What goes up no further than it has come down itself."""
    assert not leaves(text.encode())


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
@example("a\\..%2f..")
def test_no_reading_of_a_text_that_stays_leads_out(text: str) -> None:
    """Whatever a server decodes, and takes for a slash."""
    written = quote(text, safe="")
    if leaves(written.encode()):
        return
    for decoded in (written, unquote(written), unquote(unquote(written))):
        for slashes in (decoded, decoded.replace("\\", "/")):
            for bare in (slashes, "/".join(name.partition(";")[0] for name in slashes.split("/"))):
                found = posixpath.normpath("base/" + "/".join(name or "." for name in bare.split("/")))
                assert found == "base" or found.startswith("base/"), bare
