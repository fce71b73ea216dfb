"""What was expected against what was found."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.schema.cases import Expected
from gateway.headers import Headers
from gateway.memory.client import Received
from gateway.rehearsal.asked import Asked
from gateway.rehearsal.comparing import compare
from gateway.rehearsal.stage import Outcome


def outcome(body: bytes = b"", **record: Any) -> Outcome:
    """Return one with status 200 and two fields."""
    answer = Received()
    answer.status, answer.body = 200, body
    answer.headers = Headers([(b"X-A", b"1"), (b"Vary", b"Origin"), (b"Vary", b"Accept")])
    return Outcome(answer, record, None, [], 0.0, Asked("GET", "/", Headers(), b""))


def differences(expected: dict[str, Any], body: bytes = b"", **record: Any) -> list[tuple[str, str, str]]:
    """Compare."""
    return [tuple(one) for one in compare(Expected.model_validate(expected), outcome(body, **record), "expect")]  # type: ignore[misc]


@pytest.mark.parametrize(
    "expected",
    [
        {},
        {"status": 200},
        {"status": "~2.."},
        {"status": "*"},
        {"reason": None, "route": "a", "upstream": None, "attempts": 0, "sent": None},
        {"headers": {"x-a": "1", "X-B": None, "Vary": "Accept"}},
        {"headers": {"Vary": "Origin, Accept"}},
        {"body": '{"a": [1, {"b": "text"}], "c": true}'},
        {"body": "~te[x]t"},
        {"body": "*"},
        {"body": {"a": [1, {"b": "~^t"}]}},
        {"body": {"c": True, "d": None}},
        {"body": {"a": ["*", "*"]}},
    ],
)
def test_what_is_as_expected(expected: dict[str, Any]) -> None:
    """Exact values, expressions and presence; of JSON the members that are written."""
    assert differences(expected, b'{"a": [1, {"b": "text"}], "c": true}', route="a") == []


@pytest.mark.parametrize(
    ("expected", "difference"),
    [
        ({"status": 201}, ("expect.status", "201", "200")),
        ({"status": "~^4"}, ("expect.status", "a match of ^4", "200")),
        ({"reason": "*"}, ("expect.reason", "anything", "nothing")),
        ({"route": None}, ("expect.route", "nothing", '"a"')),
        ({"attempts": 1}, ("expect.attempts", "1", "0")),
        ({"headers": {"X-A": None}}, ("expect.headers.X-A", "no such field", "1")),
        ({"headers": {"X-B": "*"}}, ("expect.headers.X-B", "anything", "no such field")),
        ({"headers": {"Vary": "Cookie"}}, ("expect.headers.Vary", '"Cookie"', '"Origin, Accept"')),
        ({"body": "x"}, ("expect.body", '"x"', '"{\\"a\\": 1, \\"b\\": [true]}"')),
        ({"body": {"a": 2}}, ("expect.body.a", "2", "1")),
        ({"body": {"a": True}}, ("expect.body.a", "true", "1")),
        ({"body": {"c": 1}}, ("expect.body.c", "1", "no such member")),
        ({"body": {"b": []}}, ("expect.body.b", "a list of 0", "a list of 1")),
        ({"body": {"b": [False]}}, ("expect.body.b[0]", "false", "true")),
        ({"body": {"a": {"b": 1}}}, ("expect.body.a", "an object", "1")),
        ({"sent": {"path": "/"}}, ("expect.sent", "a request", "nothing was sent")),
    ],
)
def test_what_is_not_as_expected(expected: dict[str, Any], difference: tuple[str, str, str]) -> None:
    """Each with its key, and both in words."""
    assert differences(expected, b'{"a": 1, "b": [true]}', route="a") == [difference]


def test_content_that_is_no_json() -> None:
    """Is said as it is."""
    assert differences({"body": {"a": 1}}, b"<html>") == [("expect.body", "JSON", '"<html>"')]
