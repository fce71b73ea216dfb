"""What a redirect and a fixed answer may say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.config.effective import effective, route_table
from gateway.config.named_files import named_files

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
        ("path: '/n/{id}'", "expected `${param.id}` for a parameter, found `{id}`"),
        ("path: '/n/{*rest}'", "expected `${param.rest}` for a parameter, found `{*rest}`"),
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
    assert route_table(settings)[0]["upstream"] == ["redirect 301"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("status: 99", "respond.status: expected an integer from 200 to 599"),
        ("status: 600", "respond.status: expected an integer from 200 to 599"),
        ("body: [x]", "respond.body: expected a text"),
        ("body: 'at ${now}'", "expected a text without runtime names (`$${` for a literal `${`), found `${now}`"),
        ("headers: {X: '${param.id}'}", "respond.headers.X: expected a text without runtime names"),
        ('headers: {X: "a\\nb"}', "respond.headers.X: expected a header value"),
        ("headers: {'X Y': a}", "expected the name of a header field"),
        ("headers: {content-type: a}", "expected a field other than `Content-Type`, which is `content_type`"),
        ("headers: {Content-Length: 1}", "expected a field that the gateway does not write itself"),
        ("headers: {transfer-encoding: chunked}", "expected a field that the gateway does not write itself"),
        ("headers: {Connection: close}", "expected a field that the gateway does not write itself"),
        ("headers: {Trailer: X}", "expected a field that the gateway does not write itself"),
        ("headers: {date: x}", "expected a field that the gateway does not write itself"),
        ("headers: {ETag: x}", "expected a field that the gateway does not write itself"),
        ('content_type: "a\\r\\nb"', "respond.content_type: expected a header value"),
        ("file: ''", "respond.file: expected the name of a file"),
        ("text: x", "expected a known key, found an unknown key"),
    ],
)
def test_what_no_answer_can_be(complaints: Complaints, keys: str, words: str) -> None:
    """One error each."""
    (said,) = complaints(f"routes: [{{path: /, respond: {{{keys}}}}}]")
    assert words in said


def test_a_fixed_answer_is_shown_as_it_can_be_read_back(load_text: Load) -> None:
    """A literal `${` too, whether it was written or stands in a variable."""
    text = "routes: [{path: /, respond: {body: '$${status} ${WHO}', headers: {X: '$${x}'}}}]"
    settings = load_text(text, {"WHO": "me ${path}"})
    (route,) = effective(settings)["routes"]

    assert settings.routes[0].respond is not None
    assert settings.routes[0].respond.body == "${status} me ${path}"
    assert settings.routes[0].respond.headers == {"X": "${x}"}
    assert route["respond"] == {"status": 200, "body": "$${status} me $${path}", "headers": {"X": "$${x}"}}
    assert route_table(settings)[0]["upstream"] == ["respond 200"]


def test_the_file_of_an_answer_is_watched(load_text: Load, tmp_path: Path) -> None:
    """Relative to the configuration."""
    assert named_files(load_text("routes: [{path: /, respond: {file: pages/a.html}}]")) == {
        str(tmp_path / "pages" / "a.html")
    }


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ("44: a", 'expected a status from 400 to 599, `4xx`, `5xx` or `intercept`, found "44"'),
        ("200: a", 'expected a status from 400 to 599, `4xx`, `5xx` or `intercept`, found "200"'),
        ("40x: a", 'expected a status from 400 to 599, `4xx`, `5xx` or `intercept`, found "40x"'),
        ("404: ''", "error_pages.404: expected the name of a file"),
        ("404: [a]", "error_pages.404: expected the name of a file"),
        ("404: true", "error_pages.404: expected the name of a file, found true"),
        ("intercept: yes", "error_pages.intercept: expected true or false, found a text"),
    ],
)
def test_what_no_page_can_be(complaints: Complaints, pages: str, words: str) -> None:
    """At top level and on a route."""
    (said,) = complaints(f"error_pages: {{{pages}}}")
    assert words in said
    (said,) = complaints(f"routes: [{{path: /, respond: {{}}, error_pages: {{{pages}}}}}]")
    assert words in said


def test_pages_are_shown_as_they_can_be_read_back(load_text: Load, tmp_path: Path) -> None:
    """Files whole, statuses as texts; a variable may say whether errors are intercepted."""
    text = "error_pages: {404: a.html, 5XX: '~/b.html', intercept: '${WANTED}'}\nroutes: [{path: /, respond: {}}]"
    shown = effective(load_text(text, {"WANTED": "true"}))

    assert shown["error_pages"] == {
        "404": str(tmp_path / "a.html"),
        "5xx": str(Path("~/b.html").expanduser()),
        "intercept": True,
    }
    assert "error_pages" not in shown["routes"][0]
