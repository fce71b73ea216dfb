"""What nginx answers itself: `return`, and a `rewrite` that sends the client elsewhere.

Of `gateway.importing.nginx`: makes `redirect` and `respond`, and says what a client gets, which the tests are made of.

Tests: `tests/importing/nginx/test_answering.py`.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from gateway.importing.draft import Template
from gateway.importing.nginx import expressions

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_URI: Final = re.compile(r"\$request_uri\Z|\$uri\$is_args\$args\Z")
_OTHER: Final = re.compile(r"\$(?!host\b|http_host\b|server_name\b|scheme\b)\w")
CLOSED: Final = 444
"""nginx's own: the connection is closed, and nothing is answered."""


class Answer(NamedTuple):
    """What is answered.

    Attributes:
        keys: Of a route: `redirect` or `respond`.
        status: What the client gets.
        location: Where it is sent with the query `a=1`, with `{scheme}`, `{host}` and `{path}` to be filled in; empty
            where nothing is said about that.
        differs: What is otherwise here; empty where nothing is.
        closes: Whether nginx closes the connection and answers nothing.
    """

    keys: dict[str, Any]
    status: int
    location: str = ""
    differs: str = ""
    closes: bool = False


def returned(words: tuple[str, ...], content_type: str, server_name: str) -> Answer | None:
    """Read a `return`; None where it cannot be said here.

    Args:
        words: Those behind `return`.
        content_type: That of texts.
        server_name: The first name of the server.
    """
    if not words:
        return None
    if not words[0].isdecimal():
        return _redirect(302, words[0], server_name)
    status = int(words[0])
    if status in _REDIRECTS and len(words) > 1:
        return _redirect(status, words[1], server_name)
    if status == CLOSED:
        words_ = "nginx closes the connection without an answer; here the answer is 403"
        return Answer({"respond": {"status": 403}}, 403, differs=words_, closes=True)
    if not 200 <= status <= 599:
        return None
    found: dict[str, Any] = {"status": status}
    if len(words) > 1 and words[1]:
        if "$" in words[1]:
            return Answer({"respond": {"status": status}}, status, differs="the text has variables: it is left out")
        found["body"] = words[1]
        if content_type != "text/plain":
            found["content_type"] = content_type
    return Answer({"respond": found}, status)


def _redirect(status: int, url: str, server_name: str) -> Answer | None:
    """Make a redirect: with the path and query that were asked for, or to one place."""
    if "$" not in url and url.startswith(("http://", "https://")):
        return Answer({"respond": {"status": status, "headers": {"Location": url}}}, status, url)
    keeps = _URI.search(url)
    base = url[: keeps.start()] if keeps else url
    if _OTHER.search(base):
        return None
    parts = urlsplit(base.replace("$scheme", "scheme", 1) if base.startswith("$scheme") else base)
    found: dict[str, Any] = {}
    location = "{scheme}://{host}"
    if parts.scheme and parts.scheme != "scheme":
        found["scheme"] = parts.scheme
        location = f"{parts.scheme}://{{host}}"
    if parts.netloc:
        name, _, port = parts.netloc.partition(":")
        name = server_name if name == "$server_name" else name
        if name not in ("$host", "$http_host"):
            found["host"] = name
            location = location.replace("{host}", name)
        if port:
            if not port.isdecimal():
                return None
            found["port"] = int(port)
            location += f":{port}"
    differs = ""
    if keeps:
        if parts.path not in ("", "/"):
            found["path"] = Template(f"{parts.path.rstrip('/')}${{path}}")
        location += f"{parts.path.rstrip('/')}{{path}}?a=1"
    elif parts.path or parts.query:
        if parts.query:
            return None
        found["path"] = parts.path
        differs = "nginx drops the query here; a redirect of the gateway keeps it"
        location = ""
    else:
        return None
    return Answer({"redirect": {**found, "status": status}}, status, location, differs)


class Moved(NamedTuple):
    """A `rewrite` that answers: the expression for the path, and the answer."""

    path: str
    answer: Answer


def moved(words: tuple[str, ...]) -> Moved | None:
    """Read a `rewrite` that sends clients elsewhere; None where it does not, or where that cannot be said here."""
    if len(words) < 2:
        return None
    pattern, replacement, *flags = words
    if not ({"permanent", "redirect"} & set(flags) or replacement.startswith(("http://", "https://", "$scheme"))):
        return None
    status = 301 if "permanent" in flags else 302
    url = re.sub(r"\$([0-9])", r"${param.p\1}", replacement.removesuffix("?"))
    parts = urlsplit(url.replace("$scheme://", "scheme://", 1))
    path = parts.path.replace("$request_uri", "${path}").replace("$uri", "${path}")
    if parts.query or "$" in path.replace("${", "") or parts.netloc.startswith("${"):
        return None
    found: dict[str, Any] = {}
    if parts.scheme in ("http", "https"):
        found["scheme"] = parts.scheme
    if parts.netloc and parts.netloc not in ("$host", "$http_host"):
        if "$" in parts.netloc or ":" in parts.netloc:
            return None
        found["host"] = parts.netloc
    if path and path != "${path}":
        found["path"] = Template(path)
    try:
        whole = expressions.whole(pattern)
    except ValueError:
        return None
    return Moved(
        "~" + expressions.named_by_number(whole, "p"), Answer({"redirect": {**found, "status": status}}, status)
    )
