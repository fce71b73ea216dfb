"""Settings of `respond` into what answers on a route."""

from __future__ import annotations

from hashlib import sha256
from mimetypes import MimeTypes

from gateway.answering.fixed import FixedAnswer
from gateway.composition.builders.content_files import read_content
from gateway.config.answers import NO_CONTENT
from gateway.config.schema.answers import Respond

MOST = 16 * 2**20
"""Octets of a file: it is in memory as long as the configuration is in force."""

_PLAIN = "text/plain"
_UTF_8 = "; charset=utf-8"


def fixed_answer(route: str, respond: Respond, most: int = MOST) -> FixedAnswer:
    """Make what answers.

    Args:
        route: The name of the route.
        respond: Its settings.
        most: Octets that its file may have.

    Raises:
        ConfigError: Its file cannot be used.
    """
    fields = [(name.encode(), value.encode()) for name, value in respond.headers.items()]
    if respond.status in NO_CONTENT:
        return FixedAnswer(respond.status, fields, b"" if respond.status == 205 else None, None)
    content = (respond.body or "").encode()
    if respond.file is not None:
        content = read_content(respond.file, f"routes[{route}].respond.file", most)
    media_type = _media_type(respond, content).encode()
    if media_type:
        fields.insert(0, (b"Content-Type", media_type))
    etag = None
    if respond.status == 200:
        # Of the fields too: with another type, or another coding, the same octets are something else.
        etag = b'"%b"' % sha256(b"\0".join([*map(b": ".join, fields), content])).hexdigest()[:32].encode()
    return FixedAnswer(respond.status, fields, content, etag)


def _media_type(respond: Respond, content: bytes) -> str:
    if respond.content_type is not None:
        return respond.content_type
    if respond.file is None:
        return (_PLAIN if content.isascii() else _PLAIN + _UTF_8) if content else ""
    # Of the types that Python itself has: those of the system differ from one to the next.
    known, coding = MimeTypes(filenames=()).guess_type(respond.file, strict=True)
    if known is None or coding is not None:
        return "application/octet-stream"
    return known + _UTF_8 if known.startswith("text/") and _is_utf_8(content) else known


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
