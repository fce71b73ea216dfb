from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from OpenSSL import SSL
from twisted.internet.task import Clock

from gateway.listening.certificate_error import CertificateError
from gateway.listening.certificates import (
    CertificateStore,
    ClientAuth,
    Identity,
    ServerNames,
    dns_names,
    read_identities,
)
from gateway.listening.client_lists import ClientLists
from gateway.listening.endpoint_parsers import parse_sni
from tests.pki import END, Authority, key_pem, pem

SOON = datetime.datetime(2080, 1, 1, tzinfo=datetime.UTC)


def names(places: list[Path]) -> list[tuple[str, ...]]:
    """The names of each identity that is found."""
    return [identity.names for identity in read_identities(places)]


def test_certificate_and_key_in_one_file(tmp_path: Path) -> None:
    """As haproxy and many scripts write them."""
    Authority().write_identity(tmp_path / "a.pem", "a.example", "www.a.example")

    assert names([tmp_path]) == [("a.example", "www.a.example")]


def test_several_of_both_in_one_file(tmp_path: Path) -> None:
    """In any order, with words between them."""
    (one, one_key), (two, two_key) = Authority("A").issue("a.example"), Authority("B").issue("b.example")
    (tmp_path / "all.pem").write_bytes(
        key_pem(two_key) + b"# the first:\n" + pem(one) + b"subject=b.example\n" + pem(two) + key_pem(one_key)
    )

    assert names([tmp_path]) == [("b.example",), ("a.example",)]


def test_certificate_and_key_in_files_of_their_own(tmp_path: Path) -> None:
    """As certbot writes them: `live/NAME/`, with the leaf once alone and once in the chain."""
    middle = Authority("Middle", parent=Authority("Root"))
    certificate, key = middle.issue("a.example")
    live = tmp_path / "live" / "a.example"
    live.mkdir(parents=True)
    (live / "cert.pem").write_bytes(pem(certificate))
    (live / "chain.pem").write_bytes(pem(middle.certificate))
    (live / "fullchain.pem").write_bytes(pem(certificate) + pem(middle.certificate))
    (live / "privkey.pem").write_bytes(key_pem(key))
    (live / "README").write_text("not a certificate")

    (found,) = read_identities([tmp_path])

    assert found.leaf == certificate
    assert found.chain == (middle.certificate,)


def test_the_chain_goes_up_to_the_root_and_leaves_it_out(tmp_path: Path) -> None:
    """Whatever the order of the files."""
    root = Authority("Root")
    upper = Authority("Upper", parent=root)
    lower = Authority("Lower", parent=upper)
    root.write(tmp_path / "0.pem")
    lower.write(tmp_path / "1.pem")
    upper.write(tmp_path / "2.pem")
    lower.write_identity(tmp_path / "3.pem", "a.example")

    (found,) = read_identities([tmp_path])

    assert found.chain == (lower.certificate, upper.certificate)


def test_of_two_certificates_for_a_key_the_longer_one_counts(tmp_path: Path) -> None:
    """A renewal beside the old one wins, whatever the files are called."""
    authority = Authority()
    old, key = authority.issue("a.example", until=SOON)
    new, _ = authority.issue("a.example", "b.example", key=key)
    (tmp_path / "a.pem").write_bytes(pem(new) + key_pem(key))
    (tmp_path / "z.pem").write_bytes(pem(old))

    assert names([tmp_path]) == [("a.example", "b.example")]


def test_several_places_in_their_order(tmp_path: Path) -> None:
    """Files and directories."""
    authority = Authority()
    authority.write_identity(tmp_path / "b.pem", "b.example")
    authority.write_identity(tmp_path / "more" / "a.pem", "a.example")

    assert names([tmp_path / "b.pem", tmp_path / "more"]) == [("b.example",), ("a.example",)]


def test_the_common_name_is_no_name() -> None:
    """RFC 9525: only the alternative names count."""
    certificate, _ = Authority().issue(common="a.example")

    assert dns_names(certificate) == ()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(CertificateError, match=r"^cannot read .*/none\.pem: no such file or directory$"):
        read_identities([tmp_path / "none.pem"])


def test_a_named_pipe_is_refused(tmp_path: Path) -> None:
    """Nobody may write to it: the start, or a reload, would wait for ever."""
    os.mkfifo(tmp_path / "pipe.pem")

    with pytest.raises(CertificateError, match=r"^cannot read .*/pipe\.pem: it is no regular file$"):
        read_identities([tmp_path / "pipe.pem"])


def test_a_key_without_certificate_is_named(tmp_path: Path) -> None:
    """It is a mistake in nine cases of ten, and silence would hide it."""
    authority = Authority()
    authority.write_identity(tmp_path / "a.pem", "a.example")
    _, key = authority.issue("b.example")
    (tmp_path / "b.key").write_bytes(key_pem(key))

    with pytest.raises(CertificateError, match=r"b\.key: no certificate belongs to this private key"):
        read_identities([tmp_path])


def test_no_key_at_all_is_told(tmp_path: Path) -> None:
    """A directory of authorities is no set of certificates to show."""
    Authority().write(tmp_path / "ca.pem")

    with pytest.raises(CertificateError, match="no private key in"):
        read_identities([tmp_path])


def test_an_encrypted_key_is_told(tmp_path: Path) -> None:
    """Nobody is there to type the password."""
    certificate, key = Authority().issue("a.example")
    (tmp_path / "a.pem").write_bytes(pem(certificate) + key_pem(key, b"secret"))

    with pytest.raises(CertificateError, match="the private key is encrypted"):
        read_identities([tmp_path])


@pytest.mark.parametrize("kind", ["CERTIFICATE", "PRIVATE KEY"])
def test_nonsense_in_a_block_is_told(tmp_path: Path, kind: str) -> None:
    """By file and kind."""
    (tmp_path / "a.pem").write_text(f"-----BEGIN {kind}-----\nbm9uc2Vuc2U=\n-----END {kind}-----\n")

    with pytest.raises(CertificateError, match=rf"a\.pem: not a {kind.lower()}"):
        read_identities([tmp_path])


def test_a_block_cut_short_is_told(tmp_path: Path) -> None:
    """A file that is being written."""
    (tmp_path / "a.pem").write_text("-----BEGIN CERTIFICATE-----\nMIIB")

    with pytest.raises(CertificateError, match=r"a\.pem: not a certificate"):
        read_identities([tmp_path])


def contexts(*names: tuple[str, ...]) -> tuple[ServerNames[SSL.Context], list[SSL.Context]]:
    """A table of certificates with these names."""
    authority = Authority()
    made = [(Identity(*authority.issue(*each), chain=()), SSL.Context(SSL.TLS_METHOD)) for each in names]
    return ServerNames(made, None), [context for _, context in made]


def test_the_exact_name_is_before_the_wildcard() -> None:
    """In either order of the files."""
    table, (wild, exact) = contexts(("*.example.com",), ("www.example.com",))

    assert table.find("www.example.com") is exact
    assert table.find("api.example.com") is wild


def test_a_wildcard_is_one_label() -> None:
    """RFC 9525 section 6.3."""
    table, _ = contexts(("*.example.com",))

    assert table.find("a.b.example.com") is None
    assert table.find("example.com") is None


def test_names_have_no_case_and_no_last_dot() -> None:
    """As in the DNS."""
    table, (only,) = contexts(("WWW.Example.com",))

    assert table.find("www.EXAMPLE.com.") is only


def test_the_first_is_the_default() -> None:
    """Unless another is named."""
    table, (first, _) = contexts(("b.example",), ("a.example",))

    assert table.default is first
    assert table.find("unknown.example") is None


def test_an_unknown_default_is_told(tmp_path: Path) -> None:
    """It would be a typing error."""
    Authority().write_identity(tmp_path / "a.pem", "a.example")

    with pytest.raises(CertificateError, match=r"no certificate is for the default name 'b\.example'"):
        CertificateStore([tmp_path], default="b.example")


def test_the_minimum_is_one_that_is_safe(tmp_path: Path) -> None:
    """TLS 1.1 cannot be asked for."""
    Authority().write_identity(tmp_path / "a.pem", "a.example")

    with pytest.raises(CertificateError, match=r"minTLS: expected 1\.2 or 1\.3, found '1\.1'"):
        CertificateStore([tmp_path], minimum="1.1")


def test_client_authorities_without_question_are_a_mistake(tmp_path: Path) -> None:
    """And a question without authorities could never be answered."""
    Authority().write_identity(tmp_path / "a.pem", "a.example")

    with pytest.raises(CertificateError, match="go together"):
        CertificateStore([tmp_path], client_auth=ClientAuth.REQUIRE)


def test_a_client_ca_without_certificate_is_told(tmp_path: Path) -> None:
    """Nobody could come in."""
    Authority().write_identity(tmp_path / "a.pem", "a.example")
    (tmp_path / "ca.txt").write_text("later")

    with pytest.raises(CertificateError, match=r"ca\.txt: no certificate in it"):
        CertificateStore([tmp_path], client_ca=tmp_path / "ca.txt", client_auth=ClientAuth.REQUEST)


def test_a_failed_reload_changes_nothing(tmp_path: Path) -> None:
    """All files are read before the first of them counts."""
    authority = Authority()
    authority.write_identity(tmp_path / "a.pem", "a.example")
    store = CertificateStore([tmp_path])
    before = store._names
    authority.write_identity(tmp_path / "a.pem", "new.example")
    (tmp_path / "b.pem").write_text("-----BEGIN PRIVATE KEY-----\n")

    with pytest.raises(CertificateError):
        store.read_again()

    assert store._names is before


def test_a_reload_sees_what_is_new(tmp_path: Path) -> None:
    """And forgets what is gone, once it counts."""
    authority = Authority()
    authority.write_identity(tmp_path / "a.pem", "a.example")
    store = CertificateStore([tmp_path])
    authority.write_identity(tmp_path / "a.pem", "new.example")

    store.read_again()()

    assert store._names.find("new.example") is not None
    assert store._names.find("a.example") is None


def test_what_is_shown_has_a_name_and_an_end(tmp_path: Path) -> None:
    """By its first DNS name, else its subject; a reload that counts renews it."""
    authority = Authority()
    authority.write_identity(tmp_path / "a.pem", "a.example", "b.example")
    store = CertificateStore([tmp_path])
    assert store.shown == [("a.example", END.timestamp())]

    certificate, key = authority.issue(common="printer", until=SOON)
    (tmp_path / "a.pem").write_bytes(pem(certificate) + key_pem(key))
    use = store.read_again()
    assert store.shown == [("a.example", END.timestamp())]
    use()

    assert store.shown == [("CN=printer", SOON.timestamp())]


def test_the_string_needs_certificates() -> None:
    """The one argument without a default."""
    with pytest.raises(CertificateError, match=r"certificates=: expected a directory or files"):
        parse_sni(Clock(), "8443")


def test_the_default_name_in_its_own_script(tmp_path: Path) -> None:
    """As certificates and clients have it; one that no host can have is told."""
    Authority().write_identity(tmp_path / "a.pem", "a.example")
    Authority().write_identity(tmp_path / "b.pem", "xn--strae-oqa.example")
    made = parse_sni(Clock(), "8443", str(tmp_path), default="Straße.example")

    names = made.certificates._names
    assert names.default is names.find("xn--strae-oqa.example")
    with pytest.raises(ValueError, match=r"default: expected a host name, found '☃\.example': Codepoint"):
        parse_sni(Clock(), "8443", str(tmp_path), default="☃.example")


def test_an_unknown_way_of_asking_clients_is_told(tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match="clientAuth: expected require or request, found 'maybe'"):
        parse_sni(Clock(), "8443", str(tmp_path), clientCA="ca.pem", clientAuth="maybe")


def test_what_is_as_before_is_not_made_anew(tmp_path: Path) -> None:
    """A reload of something else: contexts, and the tickets that they have given, stay; a list that is new counts."""
    authority, clients = Authority(), Authority("Clients")
    authority.write_identity(tmp_path / "a.pem", "a.example")
    clients.write(tmp_path / "clients.crt")
    lists = ClientLists()
    store = CertificateStore(
        [tmp_path / "a.pem"], client_ca=tmp_path / "clients.crt", client_auth=ClientAuth.REQUEST, lists=lists
    )
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: clients.write_list(tmp_path / "clients.crl"),  # of no account before it is named
        lambda: setattr(lists, "files", (tmp_path / "clients.crl",)),
        lambda: clients.write_list(tmp_path / "clients.crl", clients.issue("alice")[0]),
        lambda: setattr(lists, "in_handshake", False),
        lambda: authority.write_identity(tmp_path / "a.pem", "a.example"),
        lambda: Authority("Others").write(tmp_path / "clients.crt"),
    ]
    anew = []
    for change in changes:
        before = store._names
        change()
        store.read_again()()
        anew.append(store._names is not before)

    assert anew == [False, False, True, True, True, True, True]
