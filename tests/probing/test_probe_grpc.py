"""What is asked by grpc.health.v1, and what an answer means."""

from __future__ import annotations

import pytest

from gateway.probing.probe_grpc import question, verdict


@pytest.mark.parametrize(
    ("service", "octets"),
    [
        ("", b"\0\0\0\0\0"),
        ("a.B", b"\0\0\0\0\x05\x0a\x03a.B"),
        ("x" * 200, b"\0\0\0\0\xcb\x0a\xc8\x01" + b"x" * 200),
    ],
)
def test_the_question(service: str, octets: bytes) -> None:
    """One field, and none for the server as a whole."""
    assert question(service) == octets


@pytest.mark.parametrize(
    ("content", "outcome", "wrong"),
    [
        (b"\0\0\0\0\x02\x08\x01", b"0", ""),
        (b"\0\0\0\0\x02\x08\x02", b"0", "NOT_SERVING"),
        (b"\0\0\0\0\x02\x08\x03", b"0", "SERVICE_UNKNOWN"),
        (b"\0\0\0\0\x02\x08\x09", b"0", "9"),
        (b"\0\0\0\0\0", b"0", "UNKNOWN"),
        (b"", b"0", "the answer is no message"),
        (b"\0\0\0\0\x02\x08", b"0", "the answer is no message"),
        (b"\x01\0\0\0\x02\x08\x01", b"0", "the answer is no message"),
        (b"", b"5", "grpc-status 5"),
        (b"\0\0\0\0\x02\x08\x01", None, "grpc-status none"),
    ],
)
def test_the_answer(content: bytes, outcome: bytes | None, wrong: str) -> None:
    """SERVING, and nothing else."""
    assert verdict(content, outcome) == wrong
