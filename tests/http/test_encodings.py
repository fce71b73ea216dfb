"""Codings: which one is agreed on, and that whoever undoes it has what was there."""

from __future__ import annotations

import platform
import subprocess
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.codings import undo
from gateway.http.encodings import ENCODERS, LONGEST, accepted

OFFERED = (b"zstd", b"br", b"gzip")


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"gzip, deflate, br", b"br"),
        (b"gzip, deflate", b"gzip"),
        (b"x-gzip", b"gzip"),
        (b"GZIP", b"gzip"),
        (b"gzip;q=1.0, br;q=0.5", b"gzip"),
        (b"gzip; q=0.5 ,br ; q=0.8", b"br"),
        (b"gzip;q=0, br;q=0, *", b"zstd"),
        (b"*", b"zstd"),
        (b"*;q=0", None),
        (b"zstd;q=0, *;q=0.3", b"br"),
        (b"identity", None),
        (b"identity, gzip;q=0.5", None),
        (b"identity;q=0.5, gzip", b"gzip"),
        (b"identity;q=0.5, gzip;q=0.5", b"gzip"),
        (b"identity;q=0", None),
        (b"deflate, compress", None),
        (b"", None),
        (b" , gzip,", b"gzip"),
        (b"gzip;q=2", None),
        (b"gzip;q=0.1234", None),
        (b"gzip;level=9", None),
        (b"gzip deflate", None),
        (b"gzip" + b"," * LONGEST, None),
    ],
)
def test_what_is_agreed_on(field: bytes, coding: bytes | None) -> None:
    """The client's weights first, then the order that is offered."""
    assert accepted(field, OFFERED) == coding


def test_what_is_not_offered() -> None:
    """Is not taken."""
    assert accepted(b"zstd, br, gzip;q=0.1", (b"gzip",)) == b"gzip"


@given(st.sampled_from(OFFERED), st.lists(st.binary(max_size=300), max_size=8), st.booleans())
def test_what_is_undone_is_what_was_there(coding: bytes, parts: list[bytes], flushes: bool) -> None:
    """In any parts, flushed behind each or not."""
    encoder = ENCODERS[coding]()
    coded = b"".join(encoder.encode(part) + (encoder.flush() if flushes else b"") for part in parts)

    assert undo(coded + encoder.finish(), coding, 10_000) == b"".join(parts)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that gives memory back")
def test_an_encoder_takes_no_new_memory() -> None:
    """The next one has that of the one before: no page is taken from the system for it."""
    program = """
import resource
from gateway.http.encodings import ENCODERS
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        encoder = ENCODERS[b"gzip"]()
        encoder.encode(b"abcdefgh" * 2000) + encoder.finish()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert int(ended.stdout) < 200


def test_what_is_flushed_can_be_read() -> None:
    """Before the next part is there."""
    encoder = ENCODERS[b"gzip"]()
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for part in (b"one", b"two", b"three"):
        assert decoder.decompress(encoder.encode(part) + encoder.flush()) == part
