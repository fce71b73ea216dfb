"""Requests as curl's command line says them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.curl import NotUnderstood, read, written

URL = "https://api.example.com/users/7"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (URL, {}),
        (f"curl {URL}", {}),
        ("curl localhost:8080/a", {"url": "http://localhost:8080/a"}),
        (f"curl --url {URL}", {}),
        (f"curl -X PUT {URL}", {"method": "PUT"}),
        (f"curl -XPUT {URL}", {"method": "PUT"}),
        (f"curl --request=PUT {URL}", {"method": "PUT"}),
        (f"curl -I {URL}", {"method": "HEAD"}),
        (f"curl -H 'X-A: 1' -H'X-B:2' -H 'X-C;' -H X-D: {URL}", {"headers": {"X-A": "1", "X-B": "2", "X-C": ""}}),
        (f"curl -d a=1 --data b=2 {URL}", {"method": "POST", "headers": FORM, "body": "a=1&b=2"}),
        (
            f"curl -H 'content-type: text/plain' --data-raw text {URL}",
            {"method": "POST", "headers": {"content-type": "text/plain"}, "body": "text"},
        ),
        (f"curl -G -d a=1 '{URL}?b=2'", {"url": f"{URL}?b=2&a=1"}),
        (
            f"curl --json '{{}}' {URL}",
            {
                "method": "POST",
                "headers": {"Content-Type": "application/json", "Accept": "application/json"},
                "body": "{}",
            },
        ),
        (f"curl -u ada:secret {URL}", {"headers": {"Authorization": "Basic YWRhOnNlY3JldA=="}}),
        (
            f"curl -A me -b a=b -e http://x/ {URL}",
            {"headers": {"User-Agent": "me", "Cookie": "a=b", "Referer": "http://x/"}},
        ),
        (f"curl -sSik --compressed -o out -w '%{{http_code}}' --max-time 3 {URL}", {}),
    ],
)
def test_what_curl_would_ask_is_read(line: str, request_: dict[str, Any]) -> None:
    """Options for how the answer is got or shown change nothing."""
    request = read(shlex.split(line))

    expected = {"method": "GET", "url": URL, "headers": {}, "body": None, **request_}
    assert request.model_dump(include=set(expected)) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("curl", "expected one URL, found none"),
        ("curl a b", "expected one URL, found a and b"),
        ("curl -F a=b http://x/", "-F is not understood: what it asks for would be left out"),
        ("curl http://x/ -H", "expected something behind -H"),
        ("curl http://x/ -H X-A", "expected a field such as `Accept: text/html`, found 'X-A'"),
        ("curl -d @/nowhere http://x/", "cannot read /nowhere: No such file or directory"),
        ("curl ftp://x/", "url: expected a URL such as"),
        ("curl -X 'G T' http://x/", "method: expected "),
    ],
)
def test_what_is_not_understood(line: str, words: str) -> None:
    """Is said, rather than left out."""
    with pytest.raises(NotUnderstood) as raised:
        read(shlex.split(line))

    assert str(raised.value).startswith(words)


def test_content_may_be_in_a_file(tmp_path: Path) -> None:
    """Behind `@`."""
    (tmp_path / "body").write_text("text")

    assert read(["-d", f"@{tmp_path}/body", URL]).body == "text"


@pytest.mark.parametrize(
    "line",
    [
        f"curl {URL}",
        f"curl -X DELETE {URL}",
        f"curl -H 'X-A: it'\"'\"'s' {URL}",
        f"curl -d 'a b' {URL}",
        f"curl -I {URL}",
    ],
)
def test_what_is_written_asks_the_same(line: str) -> None:
    """A command that can be pasted into a shell."""
    request = read(shlex.split(line))

    assert read(shlex.split(written(request))) == request
