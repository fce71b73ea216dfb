"""Which lists handshakes go by; real handshakes: `tests/system/test_crl.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.schema.auth import Auth
from gateway.identity.certificate_lists import ListUnusable
from gateway.listening.client_lists import ClientLists
from tests.pki import Authority

ONE, OTHER = Authority("One"), Authority("Other")


def lists(*files: Path, revoked: str = "handshake") -> ClientLists:
    """What a configuration says."""
    made = ClientLists()
    made.follow(Auth.model_validate({"mtls": {"crl": list(map(str, files)), "revoked": revoked}}))
    return made


def test_a_listener_goes_by_those_of_its_own_authorities(tmp_path: Path) -> None:
    """Another listener may have others."""
    made = lists(ONE.write_list(tmp_path / "one.crl"), OTHER.write_list(tmp_path / "other.crl"))

    found = made.read([ONE.certificate])

    assert found is not None
    assert list(found.times()) == ["CN=One"]
    assert [each.issuer for each in found.of([ONE.certificate, OTHER.certificate])] == [ONE.name]


def test_without_lists_or_where_requests_go_by_them_handshakes_do_not(tmp_path: Path) -> None:
    """Nothing is read; nor after a configuration without `auth`."""
    missing = tmp_path / "none.crl"
    assert lists().read([ONE.certificate]) is None
    assert lists(missing, revoked="forbidden").read([ONE.certificate]) is None
    made = lists(missing)
    made.follow(None)
    assert made.read([ONE.certificate]) is None


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """With the reason."""
    nonsense = tmp_path / "nonsense.crl"
    nonsense.write_text("later")

    with pytest.raises(ListUnusable, match=r"cannot read .*none\.crl: no such file"):
        lists(tmp_path / "none.crl").read([ONE.certificate])
    with pytest.raises(ListUnusable, match=r"nonsense\.crl: expected a list of revoked certificates, found neither"):
        lists(nonsense).read([ONE.certificate])
