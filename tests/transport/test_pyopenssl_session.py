"""pyOpenSSL driven as `ssl` is; what its connections do is in `test_tls.py`."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure

from gateway.transport.memory_tls import MemoryTLS
from gateway.transport.pyopenssl_session import Incoming
from tests.transport.test_tls import Pair


class Sink:
    """A connection that is only written to."""

    def __init__(self) -> None:
        self.written = b""

    def bio_write(self, data: bytes) -> None:
        self.written += data


@given(
    st.lists(st.integers(0, 2**14 + 256), max_size=5), st.lists(st.integers(1, 20_000), max_size=8), st.integers(0, 9)
)
def test_whole_records_are_counted(sizes: list[int], cuts: list[int], more: int) -> None:
    """However they are cut on their way, and whatever of the next one has come."""
    sent = b"".join(b"\x17\x03\x03" + size.to_bytes(2, "big") + bytes(size) for size in sizes)
    sent += (b"\x17\x03\x03\x40\x00" + bytes(9))[:more]
    sink = Sink()
    incoming = Incoming(sink)

    at = 0
    for cut in [*cuts, len(sent)]:
        incoming.write(sent[at : at + cut])
        at += cut

    assert sink.written == sent
    assert incoming.pending == sum(sizes) + 5 * len(sizes)
    for size in sizes:
        before = incoming.pending
        incoming.was_read()
        assert incoming.pending == before - size - 5
    assert incoming.pending == 0


def test_what_is_left_of_a_record_is_remembered_when_all_others_were_read() -> None:
    """It is counted when its last octet has come."""
    record = b"\x17\x03\x03\x00\x64" + bytes(100)
    incoming = Incoming(Sink())

    incoming.write(record * 2 + record[:50])
    incoming.is_empty()
    assert incoming.pending == 0
    incoming.write(record[50:])

    assert incoming.pending == len(record)


class Counting:
    """Counts how often a connection is asked, and in vain."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)

        def call(*arguments: Any) -> Any:
            try:
                found = method(*arguments)
            except SSL.WantReadError:
                self.asked.append(f"{name} in vain")
                raise
            self.asked.append(name)
            return found

        return call


def test_nothing_is_asked_in_vain(tmp_path: Path) -> None:
    """An exception costs more than a record: a request and its answer are four calls."""
    pair = Pair(tmp_path, MemoryTLS, "pyOpenSSL")
    pair.carry()
    session: Any = pair.server._session
    counting = session.connection = session.incoming._connection = session.outgoing._connection = Counting(
        session.connection
    )

    pair.client.write(b"GET / HTTP/1.1")
    pair.carry()
    pair.server.write(b"HTTP/1.1 200 OK")
    pair.carry()

    assert counting.asked == ["bio_write", "recv", "send", "bio_read"]
    assert pair.client.wrappedProtocol.received == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_several_records_at_once(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Each is handed on, and the last is not waited for."""
    pair = Pair(tmp_path, MemoryTLS, "pyOpenSSL", version)
    pair.carry()

    for number in range(30):
        pair.client.write(b"%d," % number)
    pair.client.write(b"x" * 100_000)
    pair.carry()

    received = pair.server.wrappedProtocol.received
    assert received == b"".join(b"%d," % number for number in range(30)) + b"x" * 100_000
    assert pair.server.getHandle().get_protocol_version_name() == version.name.replace("v1_", "v1.")


def test_who_may_not_come_in_is_reset(tmp_path: Path) -> None:
    """Whatever OpenSSL has let in: nothing of a request is heard, and no ticket is given."""
    pair = Pair(tmp_path, MemoryTLS, "pyOpenSSL")
    pair.client.write(b"early")

    def refuse(_: SSL.Connection) -> None:
        raise PermissionError

    pair.server._sessions._check = refuse
    pair.carry()
    server = pair.server.wrappedProtocol
    pair.server.connectionLost(Failure(ConnectionAborted()))

    assert pair.server_wire.disconnected
    assert server.received == b""
    assert server.lost.check(PermissionError)
