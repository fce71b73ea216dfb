"""Keys: read for the algorithms that they are for, and used for no others."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.keys import FixedKeys, JoinedKeys, Key, KeyUnusable, from_jwks, from_pem, from_secret, lacks
from tests.tokens import SECRET, b64, ec_key, ed_key, jwk, private_pem, public_pem, rsa_key

ALL = ("HS256", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA")
MADE = {"RS256": rsa_key, "PS256": rsa_key, "ES256": ec_key, "EdDSA": ed_key}


def signature(algorithm: str, key: Any, octets: bytes = b"octets") -> bytes:
    """Sign octets."""
    made: bytes = jwt.get_algorithm_by_name(algorithm).sign(octets, key)
    return made


def test_a_secret_is_for_hmac_only() -> None:
    """Whatever algorithms are configured beside."""
    key = from_secret(SECRET, ALL)

    assert key.algorithms == {"HS256"}
    assert key.verifies("HS256", b"octets", signature("HS256", SECRET.encode()))
    assert not key.verifies("HS256", b"octets!", signature("HS256", SECRET.encode()))


@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_should_be_as_long_as_its_hash(algorithm: str, least: int) -> None:
    """RFC 7518 section 3.2; for other algorithms there is no such rule."""
    assert lacks("x" * least, [algorithm, "RS256"]) == 0
    assert lacks("x" * (least - 3), [algorithm, "HS256"]) == 3
    assert lacks("", ["RS256"]) == 0


@pytest.mark.parametrize(
    "text",
    [public_pem(rsa_key()).decode(), private_pem(ec_key()).decode(), '{"kty": "oct"}'],
    ids=["public", "private", "JWK"],
)
def test_a_key_of_another_kind_is_no_secret(text: str) -> None:
    """Anybody may have a public key; the error does not repeat it."""
    with pytest.raises(KeyUnusable, match="expected a secret, found a public key") as error:
        from_secret(text, ["HS256"])

    assert "BEGIN" not in str(error.value)


@pytest.mark.parametrize("algorithm", MADE)
def test_a_public_key_is_read_from_pem(algorithm: str) -> None:
    """And verifies what its private half signed."""
    private: Any = MADE[algorithm]()
    key = from_pem(public_pem(private), [algorithm])

    assert key.algorithms == {algorithm}
    assert key.verifies(algorithm, b"octets", signature(algorithm, private))
    assert not key.verifies(algorithm, b"octets!", signature(algorithm, private))
    assert not key.verifies(algorithm, b"octets", b"")
    assert not key.verifies(algorithm, b"octets", bytes(64))


def test_a_certificate_stands_for_its_key() -> None:
    """Some issuers publish certificates."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, rsa_key().public_key(), 1, now, now + datetime.timedelta(days=1))
        .sign(rsa_key(), hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )

    key = from_pem(certificate, ["RS256"])

    assert key.verifies("RS256", b"octets", signature("RS256", rsa_key()))


@pytest.mark.parametrize(
    "pem",
    [b"", b"secret", private_pem(rsa_key()), public_pem(rsa_key())[:100]],
    ids=["nothing", "text", "private", "half"],
)
def test_what_is_no_public_key_is_refused(pem: bytes) -> None:
    """A private key too: it should not be in the gateway's configuration."""
    with pytest.raises(KeyUnusable, match="expected a public key or a certificate in PEM"):
        from_pem(pem, ["RS256"])


def test_a_key_for_other_algorithms_is_refused() -> None:
    """It could verify nothing."""
    with pytest.raises(KeyUnusable, match="expected a key for ES256 or ES384, found one of another kind"):
        from_pem(public_pem(rsa_key()), ["HS256", "ES256", "ES384"])


def test_a_short_rsa_key_is_refused() -> None:
    """RFC 7518 section 3.3."""
    with pytest.raises(KeyUnusable, match="expected an RSA key of 2048 bits or more, found 1024"):
        from_pem(public_pem(rsa.generate_private_key(65537, 1024)), ["RS256"])


def test_a_curve_is_for_one_algorithm() -> None:
    """A curve with another hash is another algorithm."""
    assert from_pem(public_pem(ec.generate_private_key(ec.SECP384R1())), ALL).algorithms == {"ES384"}
    with pytest.raises(KeyUnusable, match="expected an RSA key"):
        from_pem(public_pem(ec.generate_private_key(ec.SECP256K1())), ALL)


def test_a_set_is_read_key_by_key() -> None:
    """With their names."""
    keys = from_jwks({"keys": [jwk(rsa_key(), "a"), jwk(ec_key(), "b"), jwk(ed_key())]}, ALL)

    assert [(key.kid, sorted(key.algorithms)) for key in keys] == [
        ("a", ["PS256", "RS256", "RS512"]),
        ("b", ["ES256"]),
        (None, ["EdDSA"]),
    ]
    assert keys[0].verifies("RS256", b"octets", signature("RS256", rsa_key()))


def test_ed448_is_eddsa_too() -> None:
    """RFC 8037."""
    private = ed448.Ed448PrivateKey.generate()
    made = jwt.get_algorithm_by_name("EdDSA").to_jwk(private.public_key(), as_dict=True)

    (key,) = from_jwks({"keys": [made]}, ALL)

    assert key.verifies("EdDSA", b"octets", private.sign(b"octets"))


@pytest.mark.parametrize(
    "member",
    [
        {"kty": "oct", "kid": "a", "k": b64(b"k" * 32)},
        {"kty": "oct", "alg": "HS256", "k": b64(b"k" * 32)},
        jwk(rsa_key(), use="enc"),
        jwk(rsa_key(), use=["sig"]),
        {**jwk(rsa_key()), "key_ops": ["encrypt"]},
        jwk(rsa_key(), alg="none"),
        jwk(rsa_key(), alg="ES256"),
        jwk(rsa_key(), alg=["RS256"]),
        {**jwk(rsa_key()), "kid": 7},
        {"kty": "RSA", "n": "!!", "e": "AQAB"},
        {"kty": "RSA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-999"},
        {"kty": "OKP", "crv": "X25519", "x": b64(bytes(32))},
        {"kty": ["RSA"]},
        {},
        "RSA",
        None,
    ],
)
def test_what_cannot_be_used_is_left_out(member: Any) -> None:
    """Secrets above all, since anybody can read the set. The other keys of the set are used."""
    assert [key.kid for key in from_jwks({"keys": [member, jwk(rsa_key(), "good")]}, ALL)] == ["good"]


def test_algorithms_that_are_not_configured_are_left_out() -> None:
    """From a key's algorithms; a key that is left with none is left out too."""
    keys = from_jwks({"keys": [jwk(rsa_key(), "a"), jwk(ec_key(), "b"), jwk(rsa_key(), "c", alg="RS512")]}, ["RS256"])

    assert [(key.kid, *key.algorithms) for key in keys] == [("a", "RS256")]


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "RSA"}])
def test_what_is_no_set_is_told(document: dict[str, Any]) -> None:
    """That is another error than a set without keys."""
    with pytest.raises(KeyUnusable, match="expected a JWK set"):
        from_jwks(document, ALL)


def test_a_key_shows_nothing_of_itself() -> None:
    """In a traceback, for example."""
    assert SECRET not in repr(from_secret(SECRET, ["HS256"]))


def test_a_secret_and_published_keys_go_together() -> None:
    """All are tried; only published keys can come later."""
    secret, published = from_secret(SECRET, ALL), Key(frozenset(["RS256"]), "a", None)

    class Published(FixedKeys):
        def more(self, algorithm: str, kid: str | None, found: Callable[[], bool]) -> Any:
            return f"looking for {kid}"

    keys = JoinedKeys(FixedKeys([secret]), Published([published]))

    assert list(keys.keys("a")) == [secret, published]
    assert keys.more("RS256", "b", lambda: False) == "looking for b"  # type: ignore[comparison-overlap]  # as above
    assert FixedKeys([secret]).more("RS256", "b", lambda: False) is None  # type: ignore[func-returns-value]  # that is its answer


JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=2)
BASE64 = st.binary(max_size=40).map(b64)


@given(
    st.fixed_dictionaries(
        {"kty": st.sampled_from(["RSA", "EC", "OKP", "oct"])},
        optional={
            "crv": st.sampled_from(["P-256", "P-384", "Ed25519", "Ed448", "X25519"]) | JUNK,
            **dict.fromkeys(["n", "e", "x", "y"], BASE64 | JUNK),
            **dict.fromkeys(["use", "alg", "kid", "key_ops"], JUNK),
        },
    )
)
def test_whatever_is_published_is_a_key_or_left_out(member: dict[str, Any]) -> None:
    """No other error is raised: the other keys of the set are good."""
    assert len(from_jwks({"keys": [member]}, ALL)) <= 1


EC_KEYS = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
}


@given(st.sampled_from(sorted(EC_KEYS)), st.binary(max_size=40), st.data())
def test_what_pyjwt_says_of_a_signature_on_a_curve(algorithm: str, signed: bytes, data: st.DataObject) -> None:
    """The same: of good ones, of those of other octets, and of such as are changed, cut, longer or zero."""
    private = EC_KEYS[algorithm]
    theirs = jwt.get_algorithm_by_name(algorithm)
    good = theirs.sign(signed, private)
    half = len(good) // 2
    place = data.draw(st.integers(0, len(good) - 1))
    shown = data.draw(
        st.sampled_from(
            [
                good,
                good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :],
                good[:-1],
                good + b"\0",
                b"",
                bytes(len(good)),
                bytes(half) + good[half:],
                good[:half] + bytes(half),
                b"\xff" * len(good),
                good[half:] + good[:half],
            ]
        )
        | st.binary(max_size=140)
    )
    asked = data.draw(st.sampled_from([signed, signed + b"x"]))
    key = Key(frozenset([algorithm]), None, private.public_key())

    assert key.verifies(algorithm, asked, shown) is theirs.verify(asked, private.public_key(), shown)
    assert key.verifies(algorithm, signed, good)
