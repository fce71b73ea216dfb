from __future__ import annotations

import pytest

from benchmarks.peers import short_version


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("nginx version: nginx/1.22.1\n", "1.22.1"),
        ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/\n", "2.6.12"),
        ("/x/envoy  version: 0123abcd/1.40.0/Clean/RELEASE/BoringSSL\n", "1.40.0"),
        ("v2.11.7 h1:abc=\n", "2.11.7"),
        ("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer\n", "4.1.0"),
        ("no number here", ""),
    ],
)
def test_a_version_is_found_in_a_programs_own_words(said: str, version: str) -> None:
    """Each peer prints it in its own way."""
    assert short_version(said) == version
