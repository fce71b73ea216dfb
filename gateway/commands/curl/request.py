"""Requests as curl's command line says them: read, and written.

What curl adds by itself is added here too, and what it changes is changed: its own fields, dot segments of a path, the
credentials of a URL. So a command that is pasted asks the gateway in memory for what curl would ask a real one for.

Tests: `tests/commands/curl/test_request.py`.
"""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from gateway.commands.curl.options import NOUNS, NotUnderstood, options
from gateway.commands.curl.words import shell_words
from gateway.config.schema.cases import CaseRequest
from gateway.http import idn

__all__ = ["NotUnderstood", "read", "written"]

_OWN: Final = {"User-Agent": "curl/8", "Accept": "*/*"}
"""What curl says by itself. Its version is left out: rules go by the name."""

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}
_ENCODINGS: Final = {"Accept-Encoding": "deflate, gzip, br, zstd"}

_ONCE: Final = frozenset({"authorization", "content-length", "content-type", "host", "transfer-encoding", "user-agent"})
"""Fields that are no lists: two of them are not one with both values."""

_DATA: Final = ("--data", "--data-ascii", "--data-binary", "--data-raw", "--data-urlencode")
_KEPT: Final = "!$%&'()*+,-./:;=@_~[]|{}\\^`\"<>"
"""What curl sends of a URL as it was written, beside letters and digits."""

Fields = dict[str, str]


def read(words: Sequence[str]) -> CaseRequest:
    """Make a request of curl's command line.

    Args:
        words: Options and one URL, without or with `curl` before them; or all of that as one text.

    Raises:
        NotUnderstood: It cannot be one.
    """
    if len(words) == 1 and words[0].split()[:1] and words[0].split()[0] in NOUNS:
        try:
            words = shell_words(words[0])
        except ValueError as error:
            raise NotUnderstood(str(error)) from None
    said, urls = options(words[1:] if words and words[0] in NOUNS else words)
    urls += [value for name, value in said if name == "--url"]
    if len(urls) != 1:
        raise NotUnderstood(f"expected one URL, found {'none' if not urls else ' and '.join(urls)}")
    last = dict(said)
    content = _content(said)
    in_query = "--get" in last and content is not None
    more = [content or ""] if in_query else []
    queries = [value for name, value in said if name == "--url-query"]
    more += [one[1:] if one.startswith("+") else _encoded(one) for one in queries]
    url, credentials = _url(urls[0], [one for one in more if one], "--path-as-is" in last)
    body = None if in_query else content
    method = "HEAD" if "--head" in last else "GET" if body is None else "POST"
    fields = _fields(said, last, credentials, body is not None)
    return _made({"method": last.get("--request", method), "url": url, "headers": fields, "body": body})


def written(request: CaseRequest) -> str:
    """Return the command that makes a request."""
    words = ["curl"]
    names = {name.lower() for name in request.headers}
    words += [word for name in _OWN if name.lower() not in names for word in ("-H", f"{name}:")]
    usual = "GET" if request.body is None else "POST"
    if request.method != usual:
        words += ["-X", request.method]
    for name, value in request.headers.items():
        if _OWN.get(name) != value:
            words += ["-H", f"{name}: {value}" if value else f"{name};"]
    if request.body is not None:
        words += ["--data-raw", str(request.body)]
    if _squashed(path := urlsplit(request.url).path) != path:
        words.append("--path-as-is")
    return shlex.join([*words, request.url])


# Fields.


def _fields(said: Sequence[tuple[str, str]], last: Mapping[str, str], credentials: str, content: bool) -> Fields:
    """Return what is said in fields: what the command says, over what curl says by itself."""
    own = dict(_OWN)
    if "--compressed" in last:
        own |= _ENCODINGS
    if content:
        own |= _JSON if "--json" in last else _FORM
    for option, name in (("--user-agent", "User-Agent"), ("--referer", "Referer"), ("--cookie", "Cookie")):
        if option in last:
            own[name] = last[option]
    if "--cookie" in last and "=" not in last["--cookie"]:
        raise NotUnderstood(f"-b {last['--cookie']} is a file of cookies: say them, as in -b 'name=value'")
    if "--range" in last:
        own["Range"] = f"bytes={last['--range']}"
    if "--oauth2-bearer" in last:
        own["Authorization"] = f"Bearer {last['--oauth2-bearer']}"
    elif known := last.get("--user", credentials):
        known = known if ":" in known else f"{known}:"
        own["Authorization"] = f"Basic {b64encode(known.encode()).decode()}"
    own = {name: value for name, value in own.items() if value}  # `-A ''` takes curl's own away
    found: Fields = {}
    names: dict[str, str] = {}
    for line in _lines(said):
        name, value, goes = _field(line)
        own = {each: words for each, words in own.items() if each.lower() != name.lower()}
        if not goes:
            continue
        first = names.setdefault(name.lower(), name)
        found[first] = value if first not in found else _joined(first, found[first], value)
    return {**own, **found}


def _lines(said: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, value in said:
        if name == "--header" and value.startswith("@"):
            yield from filter(None, _file(value[1:]).splitlines())
        elif name == "--header":
            yield value


def _field(line: str) -> tuple[str, str, bool]:
    """Return the name of a field, its value, and whether it is sent: `X-A:` takes one of curl's own away."""
    colon = ":" in line
    name, found, value = line.partition(":" if colon else ";")
    if not found or not name.strip():
        raise NotUnderstood(f"expected a field such as `Accept: text/html`, found {line!r}")
    return name, value.strip(), not colon or bool(value.strip())


def _joined(name: str, value: str, more: str) -> str:
    """Return the value of a field that is said twice (RFC 9110 section 5.3)."""
    if name.lower() in _ONCE:
        raise NotUnderstood(f"expected {name} once, found {value!r} and {more!r}")
    return f"{value}{'; ' if name.lower() == 'cookie' else ', '}{more}"


# Content.


def _content(said: Sequence[tuple[str, str]]) -> str | None:
    parts = [_part(name, value) for name, value in said if name in _DATA]
    json = [_part("--data-binary", value) for name, value in said if name == "--json"]
    if parts and json:
        raise NotUnderstood("expected one of --data and --json, found both")
    return "".join(json) if json else "&".join(parts) if parts else None


def _part(option: str, value: str) -> str:
    if option == "--data-urlencode":
        return _encoded(value)
    if option == "--data-raw" or not value.startswith("@"):
        return value
    text = _file(value[1:])
    return text if option == "--data-binary" else text.translate(dict.fromkeys(map(ord, "\r\n\0")))


def _encoded(said: str) -> str:
    """Encode as `--data-urlencode` and `--url-query` do: `TEXT`, `=TEXT`, `NAME=TEXT`, `@FILE`, `NAME@FILE`."""
    place = next((place for place, letter in enumerate(said) if letter in "=@"), None)
    if place is None:
        return quote_plus(said, safe="")
    name, text = said[:place], said[place + 1 :]
    text = _file(text) if said[place] == "@" else text
    return f"{name}={quote_plus(text, safe='')}" if name else quote_plus(text, safe="")


def _file(name: str) -> str:
    try:
        return Path(name).read_bytes().decode()
    except UnicodeDecodeError:
        raise NotUnderstood(f"cannot read {name}: it is not UTF-8, and content is text here") from None
    except OSError as error:
        raise NotUnderstood(f"cannot read {name}: {error.strerror or error}") from None


# The URL.


def _url(said: str, more: Sequence[str], as_is: bool) -> tuple[str, str]:
    """Return the URL that is asked for, and the user and password that stood in it."""
    scheme, found, rest = said.partition("://")
    if not found:
        scheme, rest = "http", said
    rest = rest.partition("#")[0]
    end = next((place for place, letter in enumerate(rest) if letter in "/?"), len(rest))
    user, _, host = rest[:end].rpartition("@")
    path, mark, query = rest[end:].partition("?")
    path = path if as_is else _squashed(path)
    query = "&".join(filter(None, [query, *more]))
    try:
        host = idn.to_ascii(host) if not host.isascii() else host
    except UnicodeError as error:
        raise NotUnderstood(f"url: {error}") from None
    target = quote(f"{path}{'?' if mark or query else ''}{query}", safe=f"{_KEPT}? ")
    return f"{scheme.lower()}://{host}{target}", unquote(user)


def _squashed(path: str) -> str:
    """Return a path without its dot segments (RFC 3986 section 5.2.4); those that are encoded stay, as with curl."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    slash = "/" if segments[-1] in (".", "..") and kept else ""
    return f"/{'/'.join(kept)}{slash}"


def _made(data: dict[str, Any]) -> CaseRequest:
    from pydantic import ValidationError

    try:
        return CaseRequest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotUnderstood(f"{first['loc'][0]}: expected {first['msg']}, found {first['input']!r}") from None
