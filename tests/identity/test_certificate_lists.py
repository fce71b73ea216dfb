"""Lists of revoked certificates: which are taken, and what they say of a chain."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.identity import certificate_lists
from gateway.identity.certificate_lists import CertificateLists, ListUnusable, read_lists
from tests.pki import BEGIN, Authority

ROOT = Authority("Root")
MIDDLE = Authority("Middle", parent=ROOT)
ALICE, BOB = MIDDLE.issue("alice")[0], MIDDLE.issue("bob")[0]
NOON = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
SOON = NOON + datetime.timedelta(hours=1)
LATER = NOON + datetime.timedelta(hours=2)


def chain(*certificates: x509.Certificate) -> tuple[bytes, ...]:
    """A chain as a handshake has verified it."""
    return tuple(each.public_bytes(Encoding.DER) for each in certificates)


def cause(lists: CertificateLists, *certificates: x509.Certificate) -> str:
    """Why the first of these is refused."""
    return lists.verdict(chain(*certificates)).cause


def test_pem_and_der_are_read_and_pem_may_have_several() -> None:
    """With whatever stands between them."""
    one, two = ROOT.revoke(), MIDDLE.revoke(ALICE)
    both = b"# ours\n" + one.public_bytes(Encoding.PEM) + b"\n# and\n" + two.public_bytes(Encoding.PEM)

    assert read_lists(one.public_bytes(Encoding.DER)) == [one]
    assert read_lists(both) == [one, two]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither PEM nor DER"),
        (ROOT.revoke().public_bytes(Encoding.DER)[:-9], "neither PEM nor DER"),
        (ROOT.revoke().public_bytes(Encoding.PEM)[:-30], "cut short"),
        (ROOT.revoke().public_bytes(Encoding.PEM) + b"-----BEGIN X509 CRL-----\nMIIB", "cut short"),
        (b"-----BEGIN X509 CRL-----\nbm9uc2Vuc2U=\n-----END X509 CRL-----\n", "what is none"),
        (ROOT.certificate.public_bytes(Encoding.PEM), "neither PEM nor DER"),
    ],
)
def test_what_is_no_list_is_told(content: bytes, words: str) -> None:
    """Also the front half of one."""
    with pytest.raises(ListUnusable, match=words):
        read_lists(content)


def test_who_is_revoked_and_who_is_not() -> None:
    """By the serial number, of the authority that signed both."""
    lists = CertificateLists([ROOT.revoke(), MIDDLE.revoke(ALICE)], [ROOT.certificate, MIDDLE.certificate])
    above = (MIDDLE.certificate, ROOT.certificate)

    assert cause(lists, ALICE, *above) == "CN=alice is revoked"
    assert cause(lists, BOB, *above) == ""
    assert lists.verdict(chain(BOB, *above)).until == datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC).timestamp()


def test_who_was_let_in_by_an_authority_that_is_revoked() -> None:
    """The root has a list with the authority between."""
    lists = CertificateLists([ROOT.revoke(MIDDLE.certificate), MIDDLE.revoke()], [ROOT.certificate, MIDDLE.certificate])

    assert cause(lists, BOB, MIDDLE.certificate, ROOT.certificate) == "CN=Middle is revoked"


def test_an_authority_above_needs_no_list_and_the_clients_own_does() -> None:
    """Of whose certificates nothing is known, nobody gets in."""
    both = [ROOT.certificate, MIDDLE.certificate]
    direct = ROOT.issue("direct")[0]

    assert cause(CertificateLists([MIDDLE.revoke()], both), BOB, MIDDLE.certificate, ROOT.certificate) == ""
    assert cause(CertificateLists([MIDDLE.revoke()], both), direct, ROOT.certificate) == (
        "no list says anything of certificates of CN=Root"
    )
    assert CertificateLists([MIDDLE.revoke()], both).without() == ["CN=Root"]


def test_where_only_the_clients_own_certificate_is_known() -> None:
    """Its issuer is found among the authorities, by name and signature."""
    namesake = Authority("Middle")
    authorities = [namesake.certificate, ROOT.certificate, MIDDLE.certificate]
    lists = CertificateLists([namesake.revoke(), MIDDLE.revoke(ALICE)], authorities)

    assert cause(lists, ALICE) == "CN=alice is revoked"
    assert cause(lists, BOB) == ""
    assert "no list" in cause(lists, Authority("Middle").issue("stranger")[0])


def test_a_list_of_a_namesake_says_nothing() -> None:
    """Two authorities of one name, told apart by their keys."""
    other = Authority("Middle", parent=ROOT)
    lists = CertificateLists([other.revoke(ALICE), MIDDLE.revoke()], [MIDDLE.certificate, other.certificate])

    assert cause(lists, ALICE, MIDDLE.certificate, ROOT.certificate) == ""


def test_a_certificate_that_is_trusted_by_itself_is_no_exception() -> None:
    """No list says anything of it either."""
    alone = Authority("alone").certificate

    assert "no list" in cause(CertificateLists([MIDDLE.revoke()], [MIDDLE.certificate, alone]), alone)


def test_of_two_lists_the_newer_counts() -> None:
    """In either order: a certificate may be on hold for a while."""
    old, new = MIDDLE.revoke(ALICE), MIDDLE.revoke(BOB, since=BEGIN + datetime.timedelta(days=1))
    for given in ([old, new], [new, old]):
        lists = CertificateLists(given, [MIDDLE.certificate])
        assert (cause(lists, ALICE), cause(lists, BOB)) == ("", "CN=bob is revoked")


def test_the_list_that_ends_first_says_until_when() -> None:
    """After that nothing is known; nor before the last one begins."""
    given = [ROOT.revoke(until=SOON), MIDDLE.revoke(since=NOON, until=LATER)]
    lists = CertificateLists(given, [ROOT.certificate, MIDDLE.certificate])
    begin, noon, soon, later = (moment.timestamp() for moment in (BEGIN, NOON, SOON, LATER))

    assert lists.verdict(chain(BOB, MIDDLE.certificate, ROOT.certificate)) == ("", noon, soon)
    assert lists.times() == {"CN=Root": (begin, soon), "CN=Middle": (noon, later)}


class NoSigner(Authority):
    """An authority whose certificate says that it signs certificates, and no lists."""

    def __init__(self) -> None:
        super().__init__("No signer")
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name).serial_number(1)
        builder = builder.public_key(self.key.public_key()).not_valid_before(BEGIN).not_valid_after(SOON)
        self.certificate = builder.add_extension(usage, critical=True).sign(self.key, hashes.SHA256())


NO_SIGNER = NoSigner()
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\0")


def part(only_contains_ca_certs: bool = False, indirect_crl: bool = False) -> x509.IssuingDistributionPoint:
    """What a list is about."""
    where = None if only_contains_ca_certs or indirect_crl else [x509.UniformResourceIdentifier("http://a.example/crl")]
    return x509.IssuingDistributionPoint(where, None, False, only_contains_ca_certs, None, indirect_crl, False)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Authority("Middle").revoke(), "which no authority in a listener's `clientCA` has signed"),
        (lambda: Authority("Stranger").revoke(), "a list of CN=Stranger, which no authority"),
        (lambda: MIDDLE.revoke(extensions=[(x509.DeltaCRLIndicator(1), True)]), "a delta list of CN=Middle"),
        (lambda: MIDDLE.revoke(extensions=[(part(only_contains_ca_certs=True), True)]), "about a part of its"),
        (lambda: MIDDLE.revoke(extensions=[(part(indirect_crl=True), True)]), "about a part of its"),
        (lambda: MIDDLE.revoke(extensions=[(UNKNOWN, True)]), r"not known \(1\.2\.3\)"),
        (lambda: NO_SIGNER.revoke(), "signs no lists"),
    ],
)
def test_lists_that_would_leave_something_unsaid(
    make: Callable[[], x509.CertificateRevocationList], words: str
) -> None:
    """Signed by nobody who is trusted, or about less than it seems."""
    with pytest.raises(ListUnusable, match=words):
        CertificateLists([make()], [ROOT.certificate, MIDDLE.certificate, NO_SIGNER.certificate])


def test_a_list_may_say_where_it_is_published() -> None:
    """And its number."""
    made = MIDDLE.revoke(ALICE, extensions=[(part(), True), (x509.CRLNumber(7), False)])

    assert cause(CertificateLists([made], [MIDDLE.certificate]), ALICE) == "CN=alice is revoked"


def test_what_cannot_be_read_is_refused() -> None:
    """It was verified, so it hardly comes."""
    assert CertificateLists([], []).verdict((b"none",)).cause == "a certificate that cannot be read"


def test_chains_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten."""
    monkeypatch.setattr(certificate_lists, "MOST", 2)
    lists = CertificateLists([], [])
    for number in range(5):
        lists.verdict((b"%d" % number,))

    assert list(lists._verdicts) == [(b"3",), (b"4",)]
