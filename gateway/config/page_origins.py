"""Origins of pages, as configurations write them and browsers send them (RFC 6454).

Tests: `tests/config/schema/test_responses.py::test_origins_are_read_as_browsers_write_them`.
"""

from __future__ import annotations

import re

from gateway.config.patterns import bracketed, parsed, text
from gateway.config.problems import Unexpected


def origin(value: object) -> str:
    """Read the origin of pages: `https://app.example.com`, or `https://*.example.com` for all subdomains.

    Returns:
        The origin as browsers send it: in lower case, without the port that its scheme has by itself.
    """
    expected = "an origin such as https://app.example.com, https://*.example.com or http://localhost:3000"
    written = text(value)
    scheme, separator, rest = written.partition("://")
    if not separator:
        raise Unexpected(expected)
    below = rest.startswith("*.")
    found = parsed(f"{scheme}://{rest.removeprefix('*.')}", ("http", "https"), expected)
    if found.path or found.query or found.fragment or re.search("[/?#]", rest):
        raise Unexpected(expected)
    name = bracketed(found.host, expected)
    if below and (name.startswith("[") or "." not in name):
        raise Unexpected(expected)
    port = "" if found.port == {"http": 80, "https": 443}[found.scheme] else f":{found.port}"
    return f"{found.scheme}://{'*.' if below else ''}{name}{port}"


def page_origin(value: object) -> str:
    """Read the origin of pages that may call: as `origin` does, `null`, `*`, or one of another scheme.

    Such pages are those of applications and extensions: `capacitor://localhost`, `chrome-extension://…`.
    """
    written = text(value)
    if written in ("*", "null"):
        return written
    scheme, separator, rest = written.partition("://")
    if separator and scheme.lower() not in ("http", "https"):
        if re.fullmatch("[a-z][a-z0-9+.-]*", scheme) and re.fullmatch("[A-Za-z0-9._-]+(:[0-9]{1,5})?", rest):
            return written
        raise Unexpected("an origin such as https://app.example.com or capacitor://localhost")
    return origin(written)
