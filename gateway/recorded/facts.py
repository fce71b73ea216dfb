"""Make a `Recorded` out of what a line says: the one place where units, addresses and gaps are judged.

Tests: `tests/recorded/test_facts.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.http.redaction import REDACTED
from gateway.recorded.members import FIELD
from gateway.recorded.request import Recorded
from gateway.recorded.times import moment

_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
# Octets that no client should send are let through: other servers have taken them, and whether we do is the question.
_TARGET: Final = re.compile(r"/[^\x00-\x20\x7f\s]*").fullmatch
_NOTHING: Final = frozenset({None, "", "-"})
"""How logs say that there is no value."""

_UNITS: Final = (("seconds", 1.0), ("milliseconds", 1e3), ("nanoseconds", 1e9))


class Unreadable(Exception):
    """A line holds no request; the words are for people."""


def recorded(line: int, said: Mapping[str, Any]) -> Recorded:
    """Return the request of a line.

    Args:
        line: Its number.
        said: Values by fact (`gateway.recorded.members`).

    Raises:
        Unreadable: There is no method, path, status or time in it.
    """
    method, target, host, scheme = _head(said)
    seconds = _seconds(said, "")
    return Recorded(
        line,
        _began(said, seconds),
        method,
        target,
        scheme,
        host,
        _address(said.get("client")),
        _status(said.get("status")),
        seconds,
        _text(said.get("user")),
        _fields(said),
        _text(said.get("route")),
        _text(said.get("upstream")),
        _text(said.get("backend")),
        _seconds(said, "upstream "),
        _text(said.get("reason")),
    )


def _head(said: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return method, target, host and scheme."""
    method, target = _text(said.get("method")), _text(said.get("target"))
    if (method is None or target is None) and (request := _text(said.get("request"))) is not None:
        words = request.split(" ")
        if len(words) > 1:
            method, target = words[0], words[1]
    if method is None or not _METHOD(method):
        raise Unreadable("there is no method in it")
    host, scheme = _text(said.get("host")) or "", str(_text(said.get("scheme")) or "").lower()
    if target is not None and "://" in target[:10]:  # a request to a proxy, or a log that has whole URLs
        scheme, _, rest = target.partition("://")
        authority, slash, path = rest.partition("/")
        host, target = host or authority, slash + path or "/"
    if target is not None and "?" not in target and (query := _text(said.get("query"))) is not None:
        target = f"{target}?{query.removeprefix('?')}"
    if target is None or not _TARGET(target):
        raise Unreadable("there is no path in it")
    if not scheme and "tls" in said:
        scheme = "https" if _text(said["tls"]) in ("on", "true", "True", "1") else "http"
    return method, target, host, scheme if scheme in ("http", "https") else ""


def _began(said: Mapping[str, Any], seconds: float | None) -> float:
    try:
        if said.get("begin") not in _NOTHING:
            return moment(said["begin"])
        if said.get("end") not in _NOTHING:
            return moment(said["end"]) - (seconds or 0.0)
    except (ValueError, OverflowError, OSError):
        raise Unreadable("its time cannot be read") from None
    raise Unreadable("there is no time in it")


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError):
        raise Unreadable("there is no status in it") from None
    if not 0 <= status <= 999:
        raise Unreadable(f"{status} is no status")
    return status


def _seconds(said: Mapping[str, Any], before: str) -> float | None:
    for unit, divisor in _UNITS:
        value = said.get(before + unit)
        if value in _NOTHING or isinstance(value, bool):
            continue
        try:
            # nginx has a number for each attempt, with a comma or, after a redirect within, a colon between them.
            numbers: list[Any] = re.split(r"\s*[,:]\s*", value) if isinstance(value, str) else [value]
            total = sum([float(number) for number in numbers if number not in _NOTHING], 0.0) / divisor
        except (TypeError, ValueError):
            continue
        if 0.0 <= total < 1e9:
            return total
    return None


def _address(value: Any) -> str:
    """Return an address without the port that Envoy writes with it."""
    text = _text(value) or ""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    address, _, port = text.rpartition(":")
    return address if address and ":" not in address and port.isdigit() else text


def _fields(said: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the fields of the request; a masked one is none."""
    return tuple(
        (name.removeprefix(FIELD), text)
        for name, value in said.items()
        if name.startswith(FIELD) and (text := _text(value)) is not None and text != REDACTED and text.isprintable()
    )


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return None if value in _NOTHING else value
    return None if value is None or isinstance(value, (dict, list)) else str(value)
