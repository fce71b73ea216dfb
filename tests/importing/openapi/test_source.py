"""The whole of a description: operations, servers and limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, routes, upstreams


def described(more: str, directory: Path, operation: str = "{}") -> Draft:
    """Import a description with one operation."""
    text = f"openapi: 3.1.0\npaths:\n  /a/{{id}}:\n    get: {operation}\n{more}"
    return imported("openapi", text, directory)


@pytest.mark.parametrize(
    ("servers", "path", "url"),
    [
        ("", "/a/{id}", "${API_URL:-http://127.0.0.1:8000}"),
        ("servers: [{url: /v1}]", "/v1/a/{id}", "${API_URL:-http://127.0.0.1:8000}"),
        ("servers: [{url: 'https://a.example/v1/'}]", "/v1/a/{id}", "https://a.example"),
        ("servers: [{url: 'http://{h}:81', variables: {h: {default: b.example}}}]", "/a/{id}", "http://b.example:81"),
        ("servers: [{url: 'ftp://a.example'}]", "/a/{id}", "${API_URL:-http://127.0.0.1:8000}"),
    ],
)
def test_where_operations_are_answered(tmp_path: Path, servers: str, path: str, url: str) -> None:
    """By the first server; its path stays in front of those of the operations."""
    draft = described(servers, tmp_path)

    assert routes(draft)["GET /a/{id}"]["path"] == path
    assert [one["backends"] for one in upstreams(draft).values()] == [[{"url": url}]]


def test_the_test_of_an_operation_expects_the_path_of_the_description(tmp_path: Path) -> None:
    """With the server's path in front of it, as clients ask and as the server answers."""
    (made,) = described("servers: [{url: 'https://a.example/v1'}]", tmp_path).tests

    assert made.data["request"]["url"] == "http://gateway.example/v1/a/7"
    assert made.data["expect"]["sent"] == {"path": "/v1/a/7"}


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        ("{limit: 100, window: 60}", {"limit": 100, "window": "1m", "scope": "ip"}),
        ("{requests: 5, period: second, scope: user}", {"limit": 5, "window": "1s", "scope": "user"}),
        ("10/minute", {"limit": 10, "window": "1m", "scope": "ip"}),
        ("10 per hour", {"limit": 10, "window": "1h", "scope": "ip"}),
    ],
)
def test_limits(tmp_path: Path, written: str, limit: object) -> None:
    """In the words that are common; that of an operation counts before that of the whole."""
    draft = described("x-rate-limit: 1/s", tmp_path, f"{{x-ratelimit: {written}}}")

    assert routes(draft)["GET /a/{id}"]["rate_limit"] == limit


@pytest.mark.parametrize("written", ["lots", "{burst: 5}", "{limit: 5, scope: country}", "5/fortnight"])
def test_a_limit_in_other_words_is_listed(tmp_path: Path, written: str) -> None:
    """And there is none."""
    draft = described("", tmp_path, f"{{x-rate-limit: {written}}}")

    assert [line for line, _ in left(draft)] == [4]
    assert "rate_limit" not in routes(draft)["GET /a/{id}"]


@pytest.mark.parametrize("text", ["swagger: '2.0'", "openapi: 4.0.0", "a: b"])
def test_what_is_no_description_of_these_versions(tmp_path: Path, text: str) -> None:
    """It is refused."""
    with pytest.raises(ConfigError, match=r"expected `openapi` 3\.0 or 3\.1"):
        imported("openapi", text, tmp_path)


def test_what_backends_check_is_counted_and_what_they_ask_is_listed(tmp_path: Path) -> None:
    """Bodies and answers say nothing of what the gateway does; callbacks and TRACE are its to lack."""
    operation = "{requestBody: {}, responses: {}, callbacks: {c: {}}, deprecated: true}"
    draft = described("    trace: {}\nwebhooks: {w: {}}\n", tmp_path, operation)

    assert draft.passed == {"requestBody": 1, "responses": 1}
    assert [what.rpartition(".")[2] for _, what in left(draft)] == ["callbacks", "deprecated", "trace", "webhooks"]
