"""A client reads what came as responses."""

from __future__ import annotations

import pytest

from gateway.memory.client import Received, parse_responses

TWO = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def shown(response: Received) -> tuple[int, bytes, bool]:
    """Return what counts."""
    return response.status, response.body, response.complete


@pytest.mark.parametrize(
    ("octets", "methods", "wanted"),
    [
        (TWO, (), [(200, b"ok", True)]),
        (TWO + TWO, (), [(200, b"ok", True)] * 2),
        (TWO[:-1], (), [(200, b"o", False)]),
        (TWO[:-2] + TWO, (b"HEAD",), [(200, b"", True), (200, b"ok", True)]),
        (b"HTTP/1.1 204 No Content\r\n\r\n" + TWO, (), [(204, b"", True), (200, b"ok", True)]),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\no\r\n1\r\nk\r\n0\r\n\r\n" + TWO,
            (),
            [(200, b"ok", True)] * 2,
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", (), [(200, b"ok", False)]),
        (b"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw", (), [(101, b"raw", True)]),
        (b"", (), []),
    ],
)
def test_responses(octets: bytes, methods: tuple[bytes, ...], wanted: list[tuple[int, bytes, bool]]) -> None:
    """By length, by chunks, without content; the last may be incomplete."""
    assert [shown(response) for response in parse_responses(octets, methods)] == wanted


def test_interim_responses_belong_to_the_one_after() -> None:
    """They are no answers of their own."""
    (response,) = parse_responses(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + TWO)

    assert (response.interims, response.body) == ([103], b"ok")


@pytest.mark.parametrize("ended", [False, True])
def test_content_until_close(ended: bool) -> None:
    """Is complete when the connection has ended."""
    (response,) = parse_responses(b"HTTP/1.1 200 OK\r\n\r\nabc", ended=ended)

    assert shown(response) == (200, b"abc", ended)


def test_a_head_that_breaks_off_is_no_answer() -> None:
    """It never said that its content goes on to the end of the connection."""
    (response,) = parse_responses(b"HTTP/1.1 200 OK\r\nVia: 1", ended=True)

    assert not response.complete


def test_trailers() -> None:
    """Behind the last chunk."""
    octets = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n"
    (response,) = parse_responses(octets)

    assert list(response.trailers) == [(b"X-Sum", b"1")]
    assert response.json == {}
