"""Twisted opens the files of an `ssl:` endpoint itself, and finds what was lent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config.lent_files import lent
from gateway.listening.certificate_error import CertificateError
from gateway.listening.certificates import read_identities
from gateway.listening.endpoint_files import files_of
from gateway.listening.lent_certificates import readable
from tests.pki import Authority
from tests.rights import closed, open_place


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a key, that may be closed; nothing is lent afterwards."""
    with open_place() as found:
        Authority().write_identity(found / "live" / "both.pem", "gateway.test")
        yield found
    lent.end()
    lent.used.clear()


def test_it_is_given_copies_of_what_it_may_not_read(place: Path) -> None:
    """As long as it parses, and of these files only."""
    (place / "key.pem").write_bytes(b"now")
    (place / "cert.pem").write_bytes(b"certificate")
    lent.lend({str(place / "key.pem"): b"then", str(place / "cert.pem"): b"another"})
    description = f"ssl:8443:privateKey={place}/key.pem:certKey={place}/cert.pem"

    with closed(place / "key.pem"), readable(description) as named:
        key, certificate = files_of(named)
        assert Path(key).read_bytes() == b"then"
        assert certificate == str(place / "cert.pem")
    with readable(description) as named:
        assert named == description
    assert not Path(key).exists()


@pytest.mark.parametrize("description", ["tcp:80", "sni:8443:certificates=/a", "ssl:8443:privateKey=/nowhere.pem"])
def test_other_strings_are_as_they_are(description: str) -> None:
    """Ours read their files as we do, and a file that is not there is for Twisted to tell."""
    lent.lend({"/b": b""})
    try:
        with readable(description) as named:
            assert named == description
    finally:
        lent.end()


def test_a_directory_that_may_not_be_listed(place: Path) -> None:
    """What was lent of it is found; without that, it is said that it may not be read, not that it has no key."""
    both = place / "live" / "both.pem"
    lent.lend({str(both): both.read_bytes()})
    with closed(place / "live"):
        (found,) = read_identities([place / "live"])
        assert found.names == ("gateway.test",)
        lent.end()

        with pytest.raises(CertificateError, match=r"cannot read \S+/live: permission denied"):
            read_identities([place / "live"])
