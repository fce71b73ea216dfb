"""Contents that are changed, whatever they are and however they come."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.body import Body
from gateway.headers import Headers
from gateway.http.exact_json import parse, write
from gateway.message import Response
from gateway.middleware.transformation_body import BodyRules
from gateway.middleware.transformation_content import change_answer, change_request, is_json
from tests.middleware.conftest import exchange_for

JSON = (b"Content-Type", b"application/json")
EMPTY = BodyRules((), (), (), 1 << 20)
TAKING = BodyRules([("secret",)], (), (), 1 << 20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=10,
)


def answered(content: bytes, cuts: list[int], rules: BodyRules, before: int, **fields: bytes) -> Response:
    """An answer that came in parts, some of them before it was looked at."""
    body = Body()
    response = Response(200, Headers([JSON, *((name.encode(), value) for name, value in fields.items())]), body)
    parts = [content[start:end] for start, end in pairwise([0, *sorted(cuts), len(content)]) if start < end]
    for part in parts[:before]:
        body.push(part)
    exchange = exchange_for()
    exchange.response = response
    change_answer(exchange, response, rules, response.headers.joined(b"content-encoding") or b"")
    for part in parts[before:]:
        body.push(part)
    body.end()
    return response


@given(VALUES, st.lists(st.integers(0, 200)), st.integers(0, 5), st.booleans())
def test_any_value_in_any_parts(value: Any, cuts: list[int], before: int, coded: bool) -> None:
    """Rules that change nothing change nothing, and parts make no difference."""
    text = json.dumps(value).encode()
    content, fields = (gzip.compress(text), {"Content-Encoding": b"gzip"}) if coded else (text, {})
    response = answered(content, [cut % (len(content) + 1) for cut in cuts], EMPTY, before, **fields)
    assert response.body == write(parse(text))
    assert response.length == len(response.body)
    assert json.loads(response.body) == value

    exchange = exchange_for([JSON, *((name.encode(), said) for name, said in fields.items())])
    body = exchange.request.body = Body(None, len(content))
    body.push(content)
    body.end()
    change_request(exchange.request, EMPTY, exchange)
    assert exchange.request.body is not None
    assert exchange.request.body.take() == response.body
    assert exchange.bytes_received == len(content)


@given(VALUES, st.lists(st.integers(0, 200)))
def test_a_secret_never_passes(value: Any, cuts: list[int]) -> None:
    """Beside whatever it stands."""
    text = json.dumps({"before": value, "secret": "hunter2", "after": value}).encode()
    response = answered(text, [cut % len(text) for cut in cuts], TAKING, 0)
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {"before": value, "after": value}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"application/json", True),
        (b" Application/JSON ; charset=utf-8", True),
        (b"application/vnd.api+json", True),
        (b"text/plain, application/json", True),
        (b"application/json-seq", False),
        (b"application/grpc+json", False),
        (b" application/grpc+json", False),
        (b"text/json", False),
        (b"application/jsonp", False),
        (b"text/plain; a=application/json", False),
        (b"", False),
    ],
)
def test_what_is_json(said: bytes, expected: bool) -> None:
    """By its media type."""
    assert is_json(Headers([(b"Content-Type", said)])) is expected
    assert not is_json(Headers())


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (b"application/json", b"application/json"),
        (b"application/json; charset=UTF-8", b"application/json; charset=UTF-8"),
        (b'application/json;charset="utf-8"; a=b', b'application/json;charset="utf-8"; a=b'),
        (b"application/json; charset=utf-16; a=b", b"application/json; a=b"),
        (b"application/json ; charset=utf-8x", b"application/json"),
    ],
)
def test_another_charset_is_not_said_any_more(said: bytes, left: bytes) -> None:
    """What goes out is UTF-8."""
    response = Response(200, Headers([(b"Content-Type", said)]), b'{"a": 1}')
    exchange = exchange_for()
    change_answer(exchange, response, EMPTY, b"")
    assert (response.body, response.headers.get(b"content-type")) == (b'{"a":1}', left)
