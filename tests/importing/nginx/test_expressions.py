"""Expressions that are found anywhere, as expressions for the whole path."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.expressions import matcher
from gateway.importing.nginx import expressions

PATTERNS = [
    (r"^/v[0-9]+/users$", r"/v[0-9]+/users"),
    (r"^/api/", r"/api/.*"),
    (r"\.php$", r".*\.php"),
    (r"/private/", r".*/private/.*"),
    (r"^/a|/b$", r".*(?:^/a|/b$).*"),
    (r"^/(?<id>[0-9]+)$", r"/(?P<id>[0-9]+)"),
    (r"^/x/(.*)$", r"/x/(.*)"),
    (r"^/price\$", r"/price\$.*"),
    (r"^(?:/a|/b)$", r"(?:/a|/b)"),
]


@pytest.mark.parametrize(("pattern", "ours"), PATTERNS)
def test_whole(pattern: str, ours: str) -> None:
    """Anchors go, and what was free at an end is written out."""
    assert expressions.whole(pattern) == ours


@given(
    pattern=st.sampled_from([pattern for pattern, _ in PATTERNS if "?<" not in pattern]), path=st.text("/abvx1.php$")
)
def test_whole_matches_what_is_found(pattern: str, path: str) -> None:
    """An expression for the whole path matches exactly where nginx would find the original."""
    assert bool(matcher(expressions.whole(pattern))[0](path.encode())) == bool(re.search(pattern, path))


def test_what_re2_does_not_have() -> None:
    """Look-ahead is refused."""
    with pytest.raises(ValueError, match=r"\(\?!"):
        expressions.whole("^/(?!admin)")


@pytest.mark.parametrize(
    ("pattern", "beginning"),
    [
        (r"^/api/v1\.0/", "/api/v1.0/"),
        (r"^/apis?/", "/api"),
        (r"^/a(b|c)", "/a"),
        (r"\.png$", ""),
        (r"^/a|^/b", ""),
        (r"^/files/.*\.zip$", "/files/"),
    ],
)
def test_beginning(pattern: str, beginning: str) -> None:
    """What every path begins with that an expression can be found in."""
    assert expressions.beginning(pattern) == beginning


def test_groups_get_names() -> None:
    """A redirect can say only what has a name."""
    assert expressions.named_by_number(r"/a/(.*)/(?:b)/(?P<c>x)/([0-9]\()", "p") == (
        r"/a/(?P<p1>.*)/(?:b)/(?P<c>x)/(?P<p3>[0-9]\()"
    )
