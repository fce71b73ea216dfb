"""Requests as curl's command line says them: read, and written.

Tests: `tests/commands/test_curl.py`.
"""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from gateway.config.schema.cases import CaseRequest

_LONG: Final = {
    "-X": "--request",
    "-H": "--header",
    "-d": "--data",
    "-I": "--head",
    "-G": "--get",
    "-u": "--user",
    "-A": "--user-agent",
    "-b": "--cookie",
    "-e": "--referer",
}
_ALONE: Final = frozenset({"--head", "--get"})
_TAKING: Final = frozenset({*_LONG.values(), "--url", "--data-raw", "--data-binary", "--json"}) - _ALONE

_OF_NO_MATTER: Final = frozenset("sSivkLfgN#") | frozenset(
    (
        *("--silent", "--show-error", "--include", "--verbose", "--insecure", "--location", "--fail", "--globoff"),
        *("--compressed", "--no-buffer", "--progress-bar", "--http1.1", "--http2", "--http2-prior-knowledge"),
    )
)
"""Options that say how curl shows or gets the answer, not what is asked."""
_OF_NO_MATTER_TAKING: Final = {
    **dict.fromkeys(("-o", "-w", "-m", "-x", "-D"), True),
    **dict.fromkeys(("--output", "--write-out", "--max-time", "--connect-timeout", "--dump-header", "--retry"), True),
    **dict.fromkeys(("--resolve", "--cacert", "--cert", "--key", "--proxy"), True),
}


class NotUnderstood(ValueError):
    """A command line says something that is not understood; the words are for people."""


def read(words: Sequence[str]) -> CaseRequest:
    """Make a request of what follows `curl` on its command line.

    Args:
        words: Options and one URL, without or with `curl` before them.

    Raises:
        NotUnderstood: It cannot be one.
    """
    said, urls = _options(list(words[1:]) if list(words[:1]) == ["curl"] else list(words))
    urls += said.get("--url", [])
    if len(urls) != 1:
        raise NotUnderstood(f"expected one URL, found {'none' if not urls else ' and '.join(urls)}")
    url = urls[0] if "://" in urls[0] else f"http://{urls[0]}"
    # `X-A:` takes a field of curl's own away, which is none here; `X-A;` is one without a value.
    fields = dict(_field(line) for line in said.get("--header", ()) if not line.rstrip().endswith(":"))
    names = {name.lower() for name in fields}
    more = {"User-Agent": said.get("--user-agent"), "Cookie": said.get("--cookie"), "Referer": said.get("--referer")}
    fields |= {name: values[-1] for name, values in more.items() if values and name.lower() not in names}
    if "--user" in said and "authorization" not in names:
        fields["Authorization"] = f"Basic {b64encode(said['--user'][-1].encode()).decode()}"
    data = [_content(value) for value in said.get("--data", ())]
    body: str | None = "&".join(data) if data else None
    if "--json" in said:
        body = "".join(_content(value) for value in said["--json"])
        fields = {"Content-Type": "application/json", "Accept": "application/json"} | fields
    elif body is not None and "--get" not in said and "content-type" not in names:
        fields["Content-Type"] = "application/x-www-form-urlencoded"
    method = "HEAD" if "--head" in said else "GET" if body is None or "--get" in said else "POST"
    if body is not None and "--get" in said:
        url, body = f"{url}{'&' if '?' in url else '?'}{body}", None
    return _made({"method": said.get("--request", [method])[-1], "url": url, "headers": fields, "body": body})


def written(request: CaseRequest) -> str:
    """Return the command that makes a request."""
    words = ["curl"]
    usual = "GET" if request.body is None else "POST"
    if request.method != usual:
        words += ["-X", request.method]
    for name, value in request.headers.items():
        words += ["-H", f"{name}: {value}"]
    if request.body is not None:
        words += ["--data-raw", str(request.body)]
    return shlex.join([*words, request.url])


def _options(words: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Take a command line apart: what each option says, and what is none."""
    said: dict[str, list[str]] = {}
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        name, value = _named(word)
        if name in _OF_NO_MATTER or (not word.startswith("--") and set(word[1:]) <= _OF_NO_MATTER):
            continue
        if name in _OF_NO_MATTER_TAKING:
            if value is None and left:
                left.pop(0)
        elif name in _ALONE:
            said[name] = []
        elif name in _TAKING:
            if value is None and not left:
                raise NotUnderstood(f"expected something behind {word}")
            key = "--data" if name.startswith("--data") else name
            said.setdefault(key, []).append(left.pop(0) if value is None else value)
        else:
            raise NotUnderstood(f"{word} is not understood: what it asks for would be left out")
    return said, rest


def _named(word: str) -> tuple[str, str | None]:
    """Return the long name of an option, and what stands in the same word with it."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return (name, value) if equals else (word, None)
    short = word[:2]
    return _LONG.get(short, short), word[2:] or None


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":") if ":" in line else line.partition(";")
    if not colon or not name.strip():
        raise NotUnderstood(f"expected a field such as `Accept: text/html`, found {line!r}")
    return name.strip(), value.strip()


def _content(value: str) -> str:
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotUnderstood(f"cannot read {value[1:]}: {getattr(error, 'strerror', None) or error}") from None


def _made(data: dict[str, Any]) -> CaseRequest:
    from pydantic import ValidationError

    try:
        return CaseRequest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotUnderstood(f"{first['loc'][0]}: expected {first['msg']}, found {first['input']!r}") from None
