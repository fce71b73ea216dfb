"""What a redirect may say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings
from gateway.config.effective import effective, route_table

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]
ROUTE = "routes: [{path: '/:id', redirect: {host: h, %s}}]"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("status: 304", "expected 301, 302, 303, 307 or 308, found 304"),
        ("status: true", "expected 301, 302, 303, 307 or 308, found"),
        ("scheme: ftp", "expected `http` or `https`"),
        ("port: 0", "expected an integer from 1 to 65535"),
        ("path: x", "expected a path that begins with `/` or `${path}`"),
        ("path: '/a?b'", "expected a path without `?`, `#` and characters that a URL has to escape"),
        ("path: '/a b'", "expected a path without `?`, `#` and characters that a URL has to escape"),
        ("path: '/a/../b'", "expected a path without `.` and `..` segments"),
        ("path: '/%2e%2e/b'", "expected a path without `.` and `..` segments"),
        ("path: '/${status}'", "expected `${path}` and `${param.NAME}` as the only names, found `${status}`"),
    ],
)
def test_what_no_redirect_can_be(complaints: Complaints, keys: str, words: str) -> None:
    """One error each."""
    (said,) = complaints(ROUTE % keys)
    assert words in said


@pytest.mark.parametrize("host", ["'*.example.com'", "'a:80'", "'a/b'"])
def test_a_host_is_one_name(complaints: Complaints, host: str) -> None:
    """Without a port, which has a key of its own."""
    assert len(complaints(f"routes: [{{path: /, redirect: {{host: {host}}}}}]")) == 1


def test_names_stay_and_variables_are_filled_in(load_text: Load) -> None:
    """What `gateway config` shows is read back as the same."""
    settings = load_text(ROUTE % "path: '/${WHERE}/${param.id}${path}', status: 301", {"WHERE": "v2"})
    (route,) = effective(settings)["routes"]

    assert settings.routes[0].redirect is not None
    assert settings.routes[0].redirect.path == "/v2/${param.id}${path}"
    assert route["redirect"] == {"host": "h", "path": "/v2/${param.id}${path}", "status": 301}
    assert "upstream" not in route
    assert route_table(settings)[0]["upstream"] == ["redirect"]
