"""Rules that cancel out: clients see what they see without a gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.system import backends
from tests.system.gateway_process import running

RULES: dict[str, Any] = {
    "request": {
        "path": {"strip_prefix": "/api", "replace": {"pattern": "^/not-there", "with": "/elsewhere"}},
        "query": {"remove": ["added"], "set": {"kept": "1"}},
        "remove_headers": ["X-Not-There"],
        "rename_headers": {"X-Sent": "X-Seen"},
        "body": {"remove": ["not.there", "list.*.not"], "rename": {"none": "nothing", "a.b": "a.b"}},
    },
    "response": {
        "remove_headers": ["X-Not-There"],
        "status": {"599": 598},
        "body": {"remove": ["not.there", "*.*.not"], "rename": {"none": "nothing"}},
    },
}
TARGETS = ["/json", "/html", "/xml", "/image/png", "/bytes/3000?seed=7", "/stream-bytes/70000?seed=7", "/encoding/utf8",
           "/status/404", "/status/204", "/redirect-to?url=/x", "/response-headers?a=1&a=2&b=%20", "/deny",
           "/cookies/set?a=b"]  # fmt: skip


def value(response: requests.Response) -> Any:
    """What an answer says: blanks and escapes of JSON are nobody's business."""
    kind = response.headers.get("Content-Type", "")
    return json.loads(response.content, parse_float=str) if "json" in kind and response.content else response.content


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The URL of httpbin, and that of a gateway before it."""
    with backends.httpbin() as origin:
        configuration = {
            "upstreams": [{"name": "origin", "backends": [{"url": origin}]}],
            "routes": [{"path": "/api/*", "upstream": "origin", "transformations": RULES}],
        }
        with running(tmp_path_factory.mktemp("rules"), **configuration) as gateway:
            yield origin, f"{gateway.url}/api"


@pytest.mark.parametrize("target", TARGETS)
def test_answers_are_the_same(urls: tuple[str, str], target: str) -> None:
    """Status, fields that the backend chose, and what the body says."""
    mark = "&" if "?" in target else "?"
    direct = requests.get(f"{urls[0]}{target}{mark}kept=1", allow_redirects=False, timeout=10)
    through = requests.get(f"{urls[1]}{target}{mark}added=2&kept=0", allow_redirects=False, timeout=10)

    assert through.status_code == direct.status_code
    assert value(through) == value(direct)
    for name in ("Content-Type", "Location", "Set-Cookie", "A", "B"):
        assert through.headers.get(name) == direct.headers.get(name)


@pytest.mark.parametrize("coding", ["gzip", "brotli", "deflate"])
def test_what_is_compressed_says_the_same(urls: tuple[str, str], coding: str) -> None:
    """Plain, where it could be undone."""
    direct, through = (requests.get(f"{url}/{coding}", timeout=10) for url in urls)

    known = {"gzip": "gzipped", "brotli": "brotli", "deflate": "deflated"}[coding]
    assert through.json()[known] is direct.json()[known] is True
    assert ("Content-Encoding" in through.headers) == (coding == "deflate")


@pytest.mark.parametrize("said", ['{"a": {"b": 1.10, "c": [1e400, 12345678901234567890]}, "z": "\\u00e9"}', "[]", "7"])
def test_requests_are_the_same(urls: tuple[str, str], said: str) -> None:
    """Digit by digit."""
    fields = {"Content-Type": "application/json", "X-Sent": "1"}
    direct, through = (requests.post(f"{url}/anything", said, headers=fields, timeout=10).json() for url in urls)

    assert json.loads(through["data"], parse_float=str) == json.loads(direct["data"], parse_float=str)
    assert through["headers"]["X-Seen"] == direct["headers"]["X-Sent"] == "1"
