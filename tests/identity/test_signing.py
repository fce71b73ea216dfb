"""Access tokens: their claims, the keys that sign them, and the set that is published."""

from __future__ import annotations

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from gateway.identity.signing import Issuer, SigningKey, SigningKeyUnusable

SECRET = "a secret of more than thirty-two octets"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: str = "") -> bytes:
    """Write a private key as a file has it."""
    encryption: KeySerializationEncryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


KEYS = {
    "RS256": SigningKey.of_pem(pem(RSA)),
    "ES256": SigningKey.of_pem(pem(EC)),
    "HS256": SigningKey.of_secret(SECRET),
}


def issuer(key: SigningKey, *previous: SigningKey) -> Issuer:
    """Make an issuer as a configuration does."""
    return Issuer(key, previous, "https://gateway.example.com", "api", 3600.0)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_says_what_rfc_9068_asks_for(algorithm: str) -> None:
    """The header has the type and the algorithm."""
    issued = issuer(KEYS[algorithm]).issue("acme", ("read", "write"), ("partner",), 1000.9, "id-1")

    header = jwt.get_unverified_header(issued.token)
    assert (header["typ"], header["alg"]) == ("at+jwt", algorithm)
    claims = jwt.decode(issued.token, options={"verify_signature": False})
    assert claims == {
        "iss": "https://gateway.example.com",
        "sub": "acme",
        "client_id": "acme",
        "aud": "api",
        "iat": 1000,
        "exp": 4600,
        "jti": "id-1",
        "scope": "read write",
        "roles": ["partner"],
    }
    assert (issued.token_id, issued.expires) == ("id-1", 4600)


def test_what_is_not_there_is_not_said() -> None:
    """Without issuer, audience, scopes and roles the token has no such claims."""
    issued = Issuer(KEYS["ES256"], (), "", "", 60.0).issue("acme", (), (), 0.0, "id-1")

    claims = jwt.decode(issued.token, options={"verify_signature": False})
    assert set(claims) == {"sub", "client_id", "iat", "exp", "jti"}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_another_library_verifies_with_what_is_published(algorithm: str) -> None:
    """The token's `kid` finds the key in the set."""
    made = issuer(KEYS[algorithm])
    token = made.issue("acme", ("read",), (), 1000.0, "id-1").token

    published = jwt.PyJWKSet.from_dict(json.loads(made.jwks()))
    key = published[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, [algorithm], audience="api", options={"verify_exp": False})

    assert claims["sub"] == "acme"


def test_only_public_members_are_published() -> None:
    """Neither a private exponent nor a secret."""
    made = issuer(KEYS["RS256"], KEYS["ES256"], KEYS["HS256"])

    keys = json.loads(made.jwks())["keys"]

    assert [set(key) for key in keys] == [
        {"kty", "n", "e", "kid", "alg", "use"},
        {"kty", "crv", "x", "y", "kid", "alg", "use"},
    ]
    assert json.loads(issuer(KEYS["HS256"]).jwks()) == {"keys": []}


def test_the_name_of_a_key_is_its_thumbprint() -> None:
    """The example of RFC 7638 section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok"
        "njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
        "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8aw"
        "apJzKnqDKgw"
    )
    key = SigningKey("RS256", None, None, {"kty": "RSA", "n": modulus, "e": "AQAB"})

    assert key.kid == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_same_file_has_the_same_name() -> None:
    """So every instance that reads it publishes the same `kid`."""
    assert SigningKey.of_pem(pem(EC)).kid == KEYS["ES256"].kid
    assert SigningKey.generated().kid != SigningKey.generated().kid


def test_tokens_of_a_key_before_are_still_known() -> None:
    """Tokens of other keys, with another algorithm, or changed, are not."""
    before = issuer(KEYS["RS256"]).issue("acme", (), (), 1000.0, "id-1").token
    now = issuer(KEYS["ES256"], KEYS["RS256"])

    assert (now.read(before) or {})["jti"] == "id-1"
    assert issuer(KEYS["ES256"]).read(before) is None
    assert now.read(before[:-4] + "AAAA") is None
    assert now.read(jwt.encode({"sub": "acme"}, "", "none")) is None
    assert now.read("a refresh token") is None


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "PEM private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "PEM private key"),
        (pem(EC, "password"), "without a password"),
        (pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "2048 bits or more, found 1024"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "P-256"),
    ],
)
def test_a_file_that_cannot_sign_is_told(octets: bytes, words: str) -> None:
    """The error says what was expected."""
    with pytest.raises(SigningKeyUnusable, match=words):
        SigningKey.of_pem(octets)
