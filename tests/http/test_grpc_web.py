"""What a page sends and gets when it makes a call."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DownstreamError
from gateway.headers import Headers
from gateway.http.grpc_web import TextDecoder, trailers_frame, web_call


@pytest.mark.parametrize(
    ("said", "accept", "found"),
    [
        (b"application/grpc-web", None, (False, False, b"")),
        (b"application/grpc-web+proto", None, (False, False, b"+proto")),
        (b"Application/gRPC-Web+JSON; charset=utf-8", None, (False, False, b"+json")),
        (b"application/grpc-web-text", None, (True, True, b"")),
        (b"application/grpc-web-text+proto", b"application/grpc-web-text", (True, True, b"+proto")),
        (b"application/grpc-web-text+proto", b"application/grpc-web+proto", (True, False, b"+proto")),
        (b"application/grpc-web+proto", b"application/grpc-web-text+proto", (False, True, b"+proto")),
        (b"application/grpc-web-text", b"*/*", (True, True, b"")),
        (b"application/grpc", None, None),
        (b"application/grpc+proto", None, None),
        (b"application/grpc-webby", None, None),
        (b"application/grpc-web-text-too", None, None),
        (b"text/application/grpc-web", None, None),
        (None, b"application/grpc-web", None),
    ],
)
def test_who_makes_such_a_call(said: bytes | None, accept: bytes | None, found: object) -> None:
    """The media type says it, and `Accept` how the answer is to come."""
    fields = [(b"Content-Type", said), (b"Accept", accept)]
    call = web_call(Headers([(name, value) for name, value in fields if value is not None]))

    assert (call and (call.text, call.answers_text, call.message)) == found


@pytest.mark.parametrize(
    ("said", "as_octets", "as_text"),
    [
        (b"application/grpc", b"application/grpc-web+proto", b"application/grpc-web-text+proto"),
        (b"application/grpc+json", b"application/grpc-web+json", b"application/grpc-web-text+json"),
        (b"application/grpc+proto; a=b", b"application/grpc-web+proto", b"application/grpc-web-text+proto"),
        (b"application/grpc-web", None, None),
        (b"text/html", None, None),
        (b"", None, None),
    ],
)
def test_the_type_of_the_answer(said: bytes, as_octets: bytes | None, as_text: bytes | None) -> None:
    """What is no answer of gRPC stays what it is."""
    for kind, expected in ((b"application/grpc-web", as_octets), (b"application/grpc-web-text", as_text)):
        call = web_call(Headers([(b"content-type", kind)]))
        assert call is not None
        assert call.answer_type(said) == expected


def test_the_frame_of_the_trailers() -> None:
    """Its length stands before it; names are small."""
    more = [(b"Set-Cookie", b"a=b"), (b"Gateway_Reason", b"made up"), (b"connection", b"close")]  # none passes
    frame = trailers_frame(Headers([(b"Grpc-Status", b"0"), *more, (b"grpc-message", b"")]))

    assert frame == b"\x80\0\0\0\x20grpc-status: 0\r\ngrpc-message: \r\n"


@given(st.lists(st.binary(max_size=20), max_size=8), st.data())
def test_text_in_any_chunks(parts: list[bytes], data: st.DataObject) -> None:
    """Padded after each part, cut anywhere."""
    text = b"".join(map(b64encode, parts))
    decoder, decoded = TextDecoder(), b""
    while text:
        cut = data.draw(st.integers(1, len(text)))
        decoded += decoder.decode(text[:cut])
        text = text[cut:]
    decoder.end()

    assert decoded == b"".join(parts)


def undo(parts: list[bytes]) -> bytes:
    """Decode what comes in these parts."""
    decoder = TextDecoder()
    decoded = b"".join(map(decoder.decode, parts))
    decoder.end()
    return decoded


@pytest.mark.parametrize(
    "text", [b"A", b"AAAAA", b"AA=A", b"A===", b"====", b"AA A", b"AAA-", b"AA\n=", b"AAA=A", b"=AAA"]
)
def test_what_is_no_base64(text: bytes) -> None:
    """Is refused, whole or octet by octet."""
    for parts in ([text], [text[place : place + 1] for place in range(len(text))]):
        with pytest.raises(DownstreamError):
            undo(parts)
