r"""Lines of the access log as nginx and Apache write them: text with `%{FIELD}` in it.

What a client sent can never end a line, a quoted value or (outside quotes) a
column. The escapes are nginx's: `"`, `\`, control characters and octets above
126 become `\xHH` (https://nginx.org/en/docs/http/ngx_http_log_module.html,
`escape=default`). Apache writes `\"` for a quote; why not we: D-150.

Tests: `tests/middleware/test_log_template.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from gateway.middleware.log_fields import expression

COMMON = '%{client_ip} - %{user_id} [%{clf_time}] "%{request_line}" %{status} %{bytes_sent}'
COMBINED = COMMON + ' "%{request.headers.referer}" "%{request.headers.user-agent}"'

_FIELD = re.compile(r"%\{([^{}]*)\}")
_ODD = re.compile(r"[^ !#-\[\]-~]").search
_ODD_OCTET = re.compile(rb"[^ !#-\[\]-~]").sub

_BARE = frozenset(["bytes_received", "bytes_sent", "attempts", "clf_time", "status", "status_code", "timestamp"])
"""Fields that are always there and hold nothing that a client wrote."""

_SEVERAL = frozenset(["request_line"])
"""Fields whose blanks are the gateway's own."""


def line(template: str, redact_headers: Collection[str]) -> tuple[str, str, dict[str, Any]]:
    """Return the expression of a template's line, how it wants octets read, and what it uses.

    Args:
        template: Text with `%{FIELD}` in it, without control characters.
        redact_headers: Names, in lower case, of header fields that are logged as `REDACTED`.

    Raises:
        ValueError: There is no field of a name in it.
    """
    text = ""
    values = []
    literals_and_fields = _FIELD.split(template)
    for literal, field in zip(literals_and_fields[::2], [*literals_and_fields[1::2], None], strict=True):
        text += literal
        if field is None:
            break
        value = expression(field, redact_headers)
        if field not in _BARE:
            # Between quotes a blank is a blank; elsewhere it would begin another column.
            inside = text.count('"') % 2 == 1 or field in _SEVERAL
            value = f"{'quoted' if inside else 'column'}({value})"
        values.append(f"({value})")
        text += "\0"  # stands for a value: no template has one
    pattern = (text.replace("%", "%%").replace("\0", "%s") + "\n").encode("utf-8", "backslashreplace").decode("utf-8")
    result = f"({pattern!r} % ({''.join(value + ', ' for value in values)})).encode()"
    # Octets that are no text are kept through the text: `escaped` needs them as they came.
    return result, "surrogateescape", {"quoted": quoted, "column": column}


def quoted(value: object) -> str:
    """Return a value as it may stand between quotes; `-` for none."""
    if value is None or value == "":
        return "-"
    text = value if isinstance(value, str) else str(value)
    return text if _ODD(text) is None else _escaped(text)


def column(value: object) -> str:
    """Return a value as it may stand between two blanks; `-` for none."""
    return quoted(value).replace(" ", r"\x20")


def _escaped(text: str) -> str:
    try:
        octets = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate, which a claim may bring
        octets = text.encode("utf-8", "surrogatepass")
    return _ODD_OCTET(lambda found: b"\\x%02X" % found[0][0], octets).decode("ascii")
