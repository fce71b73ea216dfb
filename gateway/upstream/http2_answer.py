"""The answer of a backend of HTTP/2, as its stream reads it.

Tests: `tests/upstream/test_http2_answer.py`.
"""

from __future__ import annotations

from typing import Final

from gateway.errors import BackendProtocolError, BackendReset, GatewayError, RequestRejected, VersionRejected
from gateway.headers import HeaderBlock, Headers
from gateway.http import grpc
from gateway.http.fields import authenticates_connection, passed_on, response_filter
from gateway.http1 import framing
from gateway.http2 import codes
from gateway.http2.events import Head, Interim
from gateway.http2.fields import AnswerBlocks, answer_of
from gateway.message import Request, Response

_PASSES: Final = response_filter()

_OF_REQUESTS: Final = frozenset([codes.PROTOCOL_ERROR, codes.FRAME_SIZE_ERROR, codes.ENHANCE_YOUR_CALM])
"""What a backend says of a stream, and means the request: what we write is sound HTTP/2 (D-327)."""


def head_of(event: Head, method: bytes, memo: AnswerBlocks) -> tuple[Response, int, bool]:
    """Return an answer without its content, the length of that, and whether it says that its connection is one user's.

    The length is negative where it is not known.

    Args:
        event: The head.
        method: Of the request.
        memo: Heads that came before.

    Raises:
        BackendProtocolError: It breaks the rules, or is over the limit.
    """
    if event.too_large:
        raise BackendProtocolError("The head of the answer is over limits.response_header.")
    status, block = answer_of(event, memo)
    passed = block.passed
    if passed is None:
        headers = Headers.over(block.fields)
        block.length = framing.response_content(b"GET", 200, b"1.1", headers)
        index = headers.index
        if b"www-authenticate" in index or b"persistent-auth" in index:
            block.personal = authenticates_connection(headers)
        passed = block.passed = HeaderBlock(Headers.of(passed_on(headers, _PASSES)))
    length = block.length
    response = Response(status, Headers.over(passed))
    if b"content-length" in block.fields.index:
        response.length = length  # also where there is no content
    if method == b"HEAD" or status == 204 or status == 304:
        length = 0  # RFC 9110 section 6.4.1, whatever the fields say
    return response, length, block.personal


def interim_of(event: Interim, memo: AnswerBlocks) -> tuple[int, Headers]:
    """Return status and fields of an interim answer.

    Args:
        event: It.
        memo: Heads that came before.

    Raises:
        BackendProtocolError: It breaks the rules.
    """
    status, block = answer_of(event, memo)
    return status, Headers.of(passed_on(Headers.over(block.fields), _PASSES))


def given_up(code: int, by_peer: bool, request: Request, speaks_grpc: bool) -> GatewayError:
    """Return the error of a stream that was over before its answer was complete.

    Args:
        code: Why.
        by_peer: The backend has given it up; otherwise the backend broke a rule, and the engine has.
        request: What it was asked.
        speaks_grpc: The backend is a server of gRPC: what is no call it gives up with INTERNAL_ERROR.
    """
    if by_peer:
        if code == codes.HTTP_1_1_REQUIRED:
            return VersionRejected("The backend wants to be asked by HTTP/1.1.")
        said = f"The backend has reset the stream ({codes.name_of(code)})."
        if code in _OF_REQUESTS or (code == codes.INTERNAL_ERROR and speaks_grpc and not _is_sound_call(request)):
            return RequestRejected(said)
        return BackendReset(said)
    return BackendReset() if code == codes.NO_ERROR else BackendProtocolError("The answer breaks RFC 9113.")


def _is_sound_call(request: Request) -> bool:
    return grpc.is_call(request) and (request.headers.index.get(b"te") or b"").lower() == b"trailers"


def counts_as(request: Request, response: Response, trailers: Headers | None) -> int:
    """Return the status that a complete answer counts as; the outcome of a call of gRPC stands behind its content.

    A server of gRPC may give an outcome to what is no call, too (INTERNAL to OPTIONS, for one): that is none.

    Args:
        request: What was asked.
        response: Its head.
        trailers: Its trailers.
    """
    said = None if trailers is None else trailers.index.get(b"grpc-status")
    if said is None:
        said = response.headers.index.get(b"grpc-status")
    if said is None or said == b"0" or not grpc.is_call(request):
        return response.status
    return grpc.outcome(response.status, said)
