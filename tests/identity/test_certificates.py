"""The principals that client certificates stand for."""

from __future__ import annotations

import datetime
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from gateway.errors import CredentialInvalid
from gateway.identity.certificates import NAMES, CertificateRules, Client
from tests.pki import BEGIN, END, Authority

NOW = 1_800_000_000.0
AUTHORITY = Authority()
SPIFFE = "spiffe://example.org/shop/orders"


def certificate(*names: str, common: str = "Orders", until: datetime.datetime = END) -> bytes:
    """Make a certificate with these alternative names."""
    return AUTHORITY.issue(*names, common=common, until=until)[0].public_bytes(serialization.Encoding.DER)


def user(kind: str, der: bytes) -> str:
    """Return the user of a certificate, by one kind of name."""
    return CertificateRules(kind).principal(der, NOW).subject


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("san_uri", SPIFFE),
        ("san_dns", "orders.example"),
        ("san_email", "orders@example.org"),
        ("cn", "Orders"),
        ("subject", "CN=Orders"),
    ],
)
def test_the_name_that_counts_is_the_user(kind: str, expected: str) -> None:
    """Names of another kind are ignored: an authority may let people choose them."""
    der = certificate("ORDERS.example", SPIFFE, "orders@example.org", "second.example", common="Orders")

    assert user(kind, der) == expected


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_a_certificate_without_such_a_name_is_nobodys(kind: str) -> None:
    """It is refused: a name of another kind could be made to look like one of these."""
    other = certificate("192.0.2.1", common="Orders")
    if kind in ("cn", "subject"):
        other = nameless()

    with pytest.raises(CredentialInvalid):
        user(kind, other)


def nameless(*attributes: x509.NameAttribute[str]) -> bytes:
    """A certificate with this subject, by default an empty one."""
    builder = x509.CertificateBuilder(
        issuer_name=AUTHORITY.name,
        subject_name=x509.Name(attributes),
        public_key=AUTHORITY.key.public_key(),
        serial_number=1,
        not_valid_before=BEGIN,
        not_valid_after=END,
    )
    return builder.sign(AUTHORITY.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_of_two_uris_or_common_names_none_counts() -> None:
    """It is not clear which of them is meant."""
    with pytest.raises(CredentialInvalid):
        user("san_uri", certificate(SPIFFE, "spiffe://example.org/admin"))
    with pytest.raises(CredentialInvalid):
        user("cn", nameless(*(x509.NameAttribute(NameOID.COMMON_NAME, name) for name in ("a", "b"))))


@pytest.mark.parametrize("der", [b"", b"no certificate", certificate(SPIFFE)[:-40]])
def test_what_cannot_be_read_is_nobodys(der: bytes) -> None:
    """It is refused, and raises no other error."""
    with pytest.raises(CredentialInvalid):
        user("san_uri", der)


def test_it_ends_when_the_certificate_does() -> None:
    """Also on a connection that was opened before that."""
    end = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    rules, der = CertificateRules("cn"), certificate(until=end)

    assert rules.principal(der, NOW).expires == end.timestamp()
    with pytest.raises(CredentialInvalid):
        rules.principal(der, end.timestamp())


def test_it_is_known_by_its_fingerprint() -> None:
    """As `openssl x509 -fingerprint -sha256` shows it, for the deny-list."""
    der = certificate()

    principal = CertificateRules("cn").principal(der, NOW)

    assert (principal.method, principal.token_id) == ("mtls", sha256(der).hexdigest())


RULES = [
    Client("spiffe://example.org/shop/orders", "orders", frozenset({"buyer"}), frozenset({"read"})),
    Client("spiffe://example.org/shop/*", "", frozenset({"shop"})),
]


@pytest.mark.parametrize(
    ("name", "subject", "roles"),
    [
        (SPIFFE, "orders", {"buyer"}),
        (SPIFFE + "2", SPIFFE + "2", {"shop"}),
        ("spiffe://example.org/shop", "spiffe://example.org/shop", set()),
        ("spiffe://example.org/shop/v1.2/...", "spiffe://example.org/shop/v1.2/...", {"shop"}),
        ("spiffe://example.org.evil/shop/a", "spiffe://example.org.evil/shop/a", set()),
    ],
)
def test_the_first_that_matches_says_what_is_known(name: str, subject: str, roles: set[str]) -> None:
    """Names without an entry have no roles and no scopes."""
    principal = CertificateRules("san_uri", RULES).principal(certificate(name), NOW)

    assert (principal.subject, principal.roles) == (subject, frozenset(roles))
    assert principal.scopes == (frozenset({"read"}) if subject == "orders" else frozenset())


@pytest.mark.parametrize("rest", ["", "..", "../admin", "a/..", "a//b", "/a", "a/", "a%2fb", "a?b", "a#b", "a\\b"])
def test_a_spiffe_id_that_the_standard_forbids_is_nobodys(rest: str) -> None:
    """Whoever issued it, and whether or not an entry begins so: what reads it after us may read another one."""
    with pytest.raises(CredentialInvalid):
        CertificateRules("san_uri", RULES).principal(certificate(f"spiffe://example.org/shop/{rest}"), NOW)


def test_a_uri_of_another_scheme_has_no_dot_segments_where_it_matches_a_beginning() -> None:
    """It has no grammar of its own here."""
    rules = CertificateRules("san_uri", [Client("https://example.org/shop/*", "shop")])
    subjects = [
        rules.principal(certificate(f"https://example.org/shop/{rest}"), NOW).subject
        for rest in ("a", "../admin", "%2e%2E/admin", "a%2f..%2fadmin")
    ]
    assert subjects[0] == "shop"
    assert "shop" not in subjects[1:]


def test_all_others_can_be_refused() -> None:
    """For an authority that also issues certificates for other purposes."""
    rules = CertificateRules("san_uri", RULES, listed_only=True)

    assert rules.principal(certificate(SPIFFE), NOW).subject == "orders"
    with pytest.raises(CredentialInvalid):
        rules.principal(certificate("spiffe://example.org/mail"), NOW)
