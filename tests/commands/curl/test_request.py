"""Requests as curl's command line says them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.curl.request import NotUnderstood, read, written

URL = "https://api.example.com/users/7"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


OWN = {"User-Agent": "curl/8", "Accept": "*/*"}


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (URL, {}),
        (f"curl {URL}", {}),
        (f"curl.exe {URL}", {}),
        ("curl localhost:8080/a", {"url": "http://localhost:8080/a"}),
        (f"curl --url {URL}", {}),
        (f"curl -X PUT {URL}", {"method": "PUT"}),
        (f"curl -XPUT {URL}", {"method": "PUT"}),
        (f"curl -sSLX PUT {URL}", {"method": "PUT"}),
        (f"curl --request=PUT {URL}", {"method": "PUT"}),
        (f"curl -I {URL}", {"method": "HEAD"}),
        (
            f"curl -H 'X-A: 1' -H'X-B:2' -H 'X-C;' -H X-D: -H 'X-E: 1:' {URL}",
            {"headers": OWN | {"X-A": "1", "X-B": "2", "X-C": "", "X-E": "1:"}},
        ),
        (f"curl -H 'accept: a/b' -H user-agent: {URL}", {"headers": {"accept": "a/b"}}),
        (f"curl -A '' {URL}", {"headers": {"Accept": "*/*"}}),
        (f"curl -H 'X-A: 1' -H 'x-a: 2' {URL}", {"headers": OWN | {"X-A": "1, 2"}}),
        (f"curl -H 'Cookie: a=1' -H 'Cookie: b=2' {URL}", {"headers": OWN | {"Cookie": "a=1; b=2"}}),
        (f"curl -d a=1 --data b=2 {URL}", {"method": "POST", "headers": OWN | FORM, "body": "a=1&b=2"}),
        (f"curl -sd a=1 {URL}", {"method": "POST", "headers": OWN | FORM, "body": "a=1"}),
        (
            f"curl -H 'content-type: text/plain' --data-raw @text {URL}",
            {"method": "POST", "headers": OWN | {"content-type": "text/plain"}, "body": "@text"},
        ),
        (
            f"curl --data-urlencode 'q=a b&c' --data-urlencode =d/e --data-urlencode ü {URL}",
            {"method": "POST", "headers": OWN | FORM, "body": "q=a+b%26c&d%2Fe&%C3%BC"},
        ),
        (f"curl -G -d a=1 '{URL}?b=2'", {"url": f"{URL}?b=2&a=1"}),
        (f"curl --url-query 'a=b c' --url-query +d=/ {URL}", {"url": f"{URL}?a=b+c&d=/"}),
        (
            f"curl --json '{{}}' {URL}",
            {
                "method": "POST",
                "headers": OWN | {"Content-Type": "application/json", "Accept": "application/json"},
                "body": "{}",
            },
        ),
        (f"curl -u ada:secret {URL}", {"headers": OWN | {"Authorization": "Basic YWRhOnNlY3JldA=="}}),
        (f"curl -u ada {URL}", {"headers": OWN | {"Authorization": "Basic YWRhOg=="}}),
        (
            "curl http://ada:s%65cret@x/",
            {"url": "http://x/", "headers": OWN | {"Authorization": "Basic YWRhOnNlY3JldA=="}},
        ),
        (f"curl --oauth2-bearer t {URL}", {"headers": OWN | {"Authorization": "Bearer t"}}),
        (f"curl -r 0-9 {URL}", {"headers": OWN | {"Range": "bytes=0-9"}}),
        (
            f"curl -A me -b a=b -e http://x/ {URL}",
            {"headers": {"User-Agent": "me", "Accept": "*/*", "Cookie": "a=b", "Referer": "http://x/"}},
        ),
        (f"curl --compressed {URL}", {"headers": OWN | {"Accept-Encoding": "deflate, gzip, br, zstd"}}),
        (f"curl -sSik -4 --no-keepalive -o out -w '%{{http_code}}' -m3 --max-time 3 -- {URL}", {}),
        ("curl http://x/a/../b/./c/..", {"url": "http://x/b/"}),
        ("curl --path-as-is http://x/a/../b", {"url": "http://x/a/../b"}),
        ("curl 'HTTP://bücher.example/ü?ü#part'", {"url": "http://xn--bcher-kva.example/%C3%BC?%C3%BC"}),
    ],
)
def test_what_curl_would_ask_is_read(line: str, request_: dict[str, Any]) -> None:
    """With what curl says by itself; options for how the answer is got or shown change nothing."""
    request = read(shlex.split(line))

    expected = {"method": "GET", "url": URL, "headers": OWN, "body": None, **request_}
    assert request.model_dump(include=set(expected)) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("curl", "expected one URL, found none"),
        ("curl a b", "expected one URL, found a and b"),
        ("curl -F a=b http://x/", "-F is not understood: what it asks for would be left out"),
        ("curl -sF a=b http://x/", "-F is not understood: what it asks for would be left out"),
        ("curl --next http://x/", "--next is not understood"),
        ("curl http://x/ -H", "expected something behind -H"),
        ("curl http://x/ -H X-A", "expected a field such as `Accept: text/html`, found 'X-A'"),
        ("curl http://x/ -H 'Host: a' -H 'Host: b'", "expected Host once, found 'a' and 'b'"),
        ("curl http://x/ -H ' X: 1'", "headers: expected the name of a header field"),
        ("curl -d @/nowhere http://x/", "cannot read /nowhere: No such file or directory"),
        ("curl -d a --json {} http://x/", "expected one of --data and --json"),
        ("curl -b jar.txt http://x/", "-b jar.txt is a file of cookies"),
        ("curl ftp://x/", "url: expected a URL such as"),
        ("curl 'http://x/a b'", "url: expected a URL without"),
        ("curl -X 'G T' http://x/", "method: expected "),
    ],
)
def test_what_is_not_understood(line: str, words: str) -> None:
    """Is said, rather than left out."""
    with pytest.raises(NotUnderstood) as raised:
        read(shlex.split(line))

    assert str(raised.value).startswith(words)


def test_a_command_may_be_one_text() -> None:
    """As it is where it was pasted in quotes."""
    assert read([f"curl $'{URL}' \\\n -H 'X-A: 1'"]) == read(["curl", URL, "-H", "X-A: 1"])
    with pytest.raises(NotUnderstood, match="a quote that is closed"):
        read(["curl 'http://x/"])


def test_content_may_be_in_a_file(tmp_path: Path) -> None:
    """Behind `@`: without the ends of its lines, but for `--data-binary`; fields may be in one too."""
    (tmp_path / "body").write_text("a\r\nb\n", newline="")
    (tmp_path / "fields").write_text("X-A: 1\nX-B: 2\n")
    (tmp_path / "octets").write_bytes(b"\xff")

    assert read(["-d", f"@{tmp_path}/body", URL]).body == "ab"
    assert read(["--data-binary", f"@{tmp_path}/body", URL]).body == "a\r\nb\n"
    assert read(["--data-urlencode", f"n@{tmp_path}/body", URL]).body == "n=a%0D%0Ab%0A"
    assert read(["-H", f"@{tmp_path}/fields", URL]).headers == OWN | {"X-A": "1", "X-B": "2"}
    with pytest.raises(NotUnderstood, match="it is not UTF-8"):
        read(["-d", f"@{tmp_path}/octets", URL])


@pytest.mark.parametrize(
    "line",
    [
        f"curl {URL}",
        f"curl -X DELETE {URL}",
        f"curl -H 'X-A: it'\"'\"'s' {URL}",
        f"curl -d 'a b' {URL}",
        f"curl -I {URL}",
        f"curl -A me -H accept: -H 'X-A;' {URL}",
        f"curl --path-as-is {URL}/../x",
    ],
)
def test_what_is_written_asks_the_same(line: str) -> None:
    """A command that can be pasted into a shell."""
    request = read(shlex.split(line))

    assert read(shlex.split(written(request))) == request
