"""Clients that open connections, each with a full handshake."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import Path

import pytest

from benchmarks import handshaker
from benchmarks.workload import make_certificate
from tests.benchmarks.origin import origin


@pytest.mark.parametrize("rsa_bits", [0, 2048])
def test_each_connection_is_new_and_is_answered(tmp_path: Path, rsa_bits: int) -> None:
    """With a certificate of either kind; the server sees a request on each."""
    certificate = make_certificate(tmp_path, rsa_bits)
    with origin(certificate) as server:
        done = handshaker.work(server.port, "/", str(certificate.chain), time.monotonic() + 0.3, 0)

        assert done.failed == 0
        assert 0 < len(done.took) == len(server.heads)
        assert done.received > 0
        assert {head["Connection"] for head in server.heads} == {"close"}


def test_a_session_that_was_resumed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would cost the server less than a handshake."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setattr(ssl.SSLSocket, "session_reused", True)
    with origin(certificate) as server, pytest.raises(OSError, match="resumed"):
        handshaker.ask(ssl.create_default_context(cafile=certificate.chain), server.port, handshaker.request_bytes("/"))


def test_answers_with_another_status_have_failed(tmp_path: Path) -> None:
    """And so has a server that is not trusted: nothing is measured."""
    certificate = make_certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with origin(certificate) as server:
        refused = handshaker.work(server.port, "/missing", str(certificate.chain), time.monotonic() + 0.2, 0)
        stranger = make_certificate(other).chain
        untrusted = handshaker.work(server.port, "/", str(stranger), time.monotonic() + 0.1, 0)

    assert refused.failed == len(refused.took) > 0
    assert untrusted.failed > 0 == len(untrusted.took)


def test_the_program_says_what_all_clients_did(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One line of JSON, which is read as the counts of wrk are."""
    certificate = make_certificate(tmp_path)
    with origin(certificate) as server:
        handshaker.main([str(server.port), "/", "0.3", "2", str(certificate.chain)])
        said = json.loads(capfd.readouterr().out)

        assert said["requests"] == len(server.heads)
    assert said["failed"] == 0
    assert 0 < said["p50"] <= said["p99"]
