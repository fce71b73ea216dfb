"""What was expected against what was found: exact, `~REGEX` or `*`, and of JSON the members that are written.

Tests: `tests/rehearsal/test_comparing.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.config.schema.cases import Expected, ExpectedRequest
from gateway.headers import Headers
from gateway.http.expressions import searcher
from gateway.rehearsal.stage import Outcome

LONGEST: Final = 200
"""Characters of a value in a report."""


class Mismatch(NamedTuple):
    """Something that is not as expected.

    Attributes:
        key: Below the test: `expect.status`.
        expected: In words.
        found: Likewise.
    """

    key: str
    expected: str
    found: str


def compare(expected: Expected, outcome: Outcome, key: str) -> Iterator[Mismatch]:
    """Compare every key that is written with what became of a request.

    Args:
        expected: What is written.
        outcome: What there is.
        key: Where that is written: `expect`, `expect_all[1]`.
    """
    written, record, answer = expected.model_fields_set, outcome.record, outcome.answer
    found: dict[str, Any] = {
        "status": answer.status or None,
        "reason": record.get("reason"),
        "route": record.get("route"),
        "upstream": record.get("upstream_service"),
        "attempts": record.get("attempts", 0),
    }
    for name, value in found.items():
        if name in written:
            yield from _value(getattr(expected, name), value, f"{key}.{name}")
    yield from _fields(expected.headers, answer.headers, f"{key}.headers")
    if expected.body is not None:
        yield from _content(expected.body, answer.body, f"{key}.body")
    if "sent" not in written:
        return
    if expected.sent is None:
        if outcome.own:
            last = outcome.own[-1]
            yield Mismatch(f"{key}.sent", "nothing", f"{text(last.asked.method)} to {last.upstream}")
    else:
        yield from _sent(expected.sent, outcome, f"{key}.sent")


def text(octets: bytes) -> str:
    """Return octets as text, whatever they are."""
    return octets.decode("utf-8", "backslashreplace")


def _sent(expected: ExpectedRequest, outcome: Outcome, key: str) -> Iterator[Mismatch]:
    if not outcome.own:
        yield Mismatch(key, "a request", "nothing was sent")
        return
    asked = outcome.own[-1].asked
    path, _, query = text(asked.target).partition("?")
    for name, value in (("method", text(asked.method)), ("path", path), ("query", query)):
        wanted = getattr(expected, name)
        if wanted is not None:
            yield from _value(wanted, value, f"{key}.{name}")
    yield from _fields(expected.headers, asked.headers, f"{key}.headers")
    if expected.body is not None:
        yield from _content(expected.body, asked.body, f"{key}.body")


def _value(expected: Any, found: Any, key: str) -> Iterator[Mismatch]:
    if not _is(expected, found):
        yield Mismatch(key, _words(expected), _words(found))


def _is(expected: Any, found: Any) -> bool:
    if expected is None:
        return found is None
    if isinstance(expected, str):
        if found is None:
            return False
        if expected == "*":
            return True
        said = found if isinstance(found, str) else json.dumps(found)
        return searcher(expected[1:])(said.encode()) is not None if expected.startswith("~") else expected == said
    return bool(expected == found) and isinstance(expected, bool) is isinstance(found, bool)


def _fields(expected: Mapping[str, str | None], found: Headers, key: str) -> Iterator[Mismatch]:
    for name, wanted in expected.items():
        values = [text(value) for value in found.get_all(name.lower().encode())]
        one = ", ".join(values) if values else None
        if not _is(wanted, one) and not (wanted is not None and any(_is(wanted, value) for value in values)):
            yield Mismatch(f"{key}.{name}", "no such field" if wanted is None else _words(wanted), _field(one))


def _field(value: str | None) -> str:
    return "no such field" if value is None else _words(value)


def _content(expected: Any, found: bytes, key: str) -> Iterator[Mismatch]:
    if isinstance(expected, str):
        yield from _value(expected, text(found), key)
        return
    try:
        document = json.loads(found)
    except ValueError:
        yield Mismatch(key, "JSON", _words(text(found)))
        return
    yield from _members(expected, document, key)


def _members(expected: Any, found: Any, key: str) -> Iterator[Mismatch]:
    if isinstance(expected, Mapping):
        if not isinstance(found, dict):
            yield Mismatch(key, "an object", _words(found))
            return
        for name, wanted in expected.items():
            if name in found or wanted is None:
                yield from _members(wanted, found.get(name), f"{key}.{name}")
            else:
                yield Mismatch(f"{key}.{name}", _words(wanted), "no such member")
    elif isinstance(expected, Sequence) and not isinstance(expected, str):
        if not isinstance(found, list) or len(found) != len(expected):
            many = f"a list of {len(found)}" if isinstance(found, list) else _words(found)
            yield Mismatch(key, f"a list of {len(expected)}", many)
            return
        for place, (wanted, one) in enumerate(zip(expected, found, strict=True)):
            yield from _members(wanted, one, f"{key}[{place}]")
    else:
        yield from _value(expected, found, key)


def _words(value: Any) -> str:
    """Say a value: as it would be written."""
    if value is None:
        return "nothing"
    if isinstance(value, str) and (value == "*" or value.startswith("~")):
        return "anything" if value == "*" else f"a match of {value[1:]}"
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return value
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
