from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.dialling.tls import Unverified, client_tls_options
from gateway.dialling.tls_errors import TLSSettingsError
from tests.pki import Authority, key_pem, pem


@dataclass
class Settings:
    """The `tls` block at its defaults."""

    ca: Path | str | None = None
    server_name: str | None = None
    client_cert: Path | str | None = None
    client_key: Path | str | None = None
    verify: bool = True


def test_verification_is_left_out_only_when_it_is_asked_for() -> None:
    """By `verify: false`, and by nothing else."""
    assert isinstance(client_tls_options("b.example", Settings(verify=False)), Unverified)
    assert not isinstance(client_tls_options("b.example", Settings()), Unverified)
    assert not isinstance(client_tls_options("b.example"), Unverified)


@pytest.mark.parametrize("field", ["ca", "client_cert"])
def test_a_missing_file_is_named(tmp_path: Path, field: str) -> None:
    """When the settings are read, not at the first request."""
    settings = Settings(**{field: tmp_path / "none.pem"})  # type: ignore[arg-type]

    with pytest.raises(TLSSettingsError, match=r"cannot read .*none\.pem: no such file or directory"):
        client_tls_options("b.example", settings)


def test_an_empty_authority_is_told(tmp_path: Path) -> None:
    """No certificate could be verified with it."""
    (tmp_path / "ca.pem").write_text("")

    with pytest.raises(TLSSettingsError, match=r"ca\.pem: no certificate in it"):
        client_tls_options("b.example", Settings(ca=tmp_path / "ca.pem"))


def test_nonsense_for_an_authority_is_told(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n")

    with pytest.raises(TLSSettingsError, match=r"ca\.pem: not a certificate"):
        client_tls_options("b.example", Settings(ca=tmp_path / "ca.pem"))


def test_an_authority_cut_short_is_told(tmp_path: Path) -> None:
    """Every certificate in the file is meant to be trusted, so one that cannot be read is an error."""
    first, second = pem(Authority("First").certificate), pem(Authority("Second").certificate)
    (tmp_path / "ca.pem").write_bytes(first + second[: len(second) // 2])

    with pytest.raises(TLSSettingsError, match=r"ca\.pem: not a certificate"):
        client_tls_options("b.example", Settings(ca=tmp_path / "ca.pem"))


def test_a_certificate_with_another_key_is_told(tmp_path: Path) -> None:
    """The error names both files."""
    authority = Authority()
    (tmp_path / "cert.pem").write_bytes(pem(authority.issue("c.example")[0]))
    (tmp_path / "key.pem").write_bytes(key_pem(authority.issue("c.example")[1]))
    settings = Settings(client_cert=tmp_path / "cert.pem", client_key=tmp_path / "key.pem")

    with pytest.raises(TLSSettingsError, match=r"cert\.pem and .*key\.pem are no certificate with its key"):
        client_tls_options("b.example", settings)


def test_a_key_alone_is_a_mistake(tmp_path: Path) -> None:
    """Without its certificate it is of no use."""
    with pytest.raises(TLSSettingsError, match="client_key without client_cert"):
        client_tls_options("b.example", Settings(client_key=tmp_path / "key.pem"))


def test_certificate_and_key_may_share_a_file(tmp_path: Path) -> None:
    """`client_key` need not be given then."""
    identity = Authority().write_identity(tmp_path / "both.pem", "c.example")

    assert client_tls_options("b.example", Settings(client_cert=identity)) is not None
