"""What attackers try with tokens: every one ends in 401, and no backend hears of it.

Each row is one attack of the tables in RFC 8725, the OWASP cheat sheet or the
PortSwigger labs. Gateways that verify by secret, by PEM file and by published
keys stand side by side, since each is the target of other attacks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.logger import capturedLogs, formatEvent

from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.tokens import (
    ISSUER,
    SECRET,
    START,
    b64,
    ec_key,
    ed_key,
    jwk,
    jwks,
    private_pem,
    protected,
    public_pem,
    rsa_key,
    said,
    sign,
)

Attack = Callable[[], str]

PUBLISHED = "http://127.0.0.1:9002/jwks"


def hs(claims: Any = None, header: Any = None) -> str:
    """A token signed with the right secret."""
    return sign(SECRET, "HS256", claims, header)


def rs(claims: Any = None, header: Any = None) -> str:
    """A token signed with the right RSA key."""
    return sign(rsa_key(), "RS256", claims, header)


def unsigned(algorithm: Any, signature: str = "") -> str:
    """A token that says it is signed in some way."""
    return f"{b64({'alg': algorithm, 'typ': 'JWT'})}.{b64(said())}.{signature}"


def confused(material: bytes, algorithm: str = "HS256", **header: Any) -> str:
    """A token signed by HMAC with the public key, which anybody may have, as the secret."""
    signed = f"{b64({'alg': algorithm, 'typ': 'JWT', **header})}.{b64(said())}"
    # Not by prepare_key, which knows this attack.
    return f"{signed}.{b64(jwt.get_algorithm_by_name(algorithm).sign(signed.encode(), material))}"


def part(token: str, place: int, change: Callable[[str], str]) -> str:
    """A token with one of its three parts changed."""
    parts = token.split(".")
    parts[place] = change(parts[place])
    return ".".join(parts)


def flip(text: str) -> str:
    """The same text with one character in the middle changed."""
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]


def same_octets(text: str) -> str:
    """Another text for the same octets: with the unused bits at its end set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(text) % 4 in (2, 3)
    return text[:-1] + alphabet[alphabet.index(text[-1]) | 1]


def nested(depth: int) -> str:
    """JSON that goes deep."""
    return json.dumps(said(x="deep")).replace('"deep"', "[" * depth + "]" * depth)


BY_SECRET: dict[str, Attack] = {
    **{f"alg {name}": partial(unsigned, name) for name in ("none", "None", "NONE", "nOnE", "", None, 0, ["HS256"])},
    "alg none with the old signature": lambda: part(hs(), 0, lambda _: b64({"alg": "none", "typ": "JWT"})),
    "alg with a space": lambda: hs(header=json.dumps({"alg": "HS256 ", "typ": "JWT"})),
    "alg in lower case": lambda: hs(header=json.dumps({"alg": "hs256", "typ": "JWT"})),
    "no alg": lambda: hs(header=json.dumps({"typ": "JWT"})),
    "another HMAC than configured": lambda: sign(SECRET, "HS512"),
    "alg twice": lambda: hs(header='{"alg":"none","alg":"HS256","typ":"JWT"}'),
    "alg twice, once escaped": lambda: hs(header='{"alg":"none","\\u0061lg":"HS256","typ":"JWT"}'),
    "signature cut off": lambda: hs().rpartition(".")[0] + ".",
    "signature and its dot cut off": lambda: hs().rpartition(".")[0],
    "signature shortened": lambda: hs()[:-4],
    "signature tampered with": lambda: part(hs(), 2, flip),
    "signature in another spelling": lambda: part(hs(), 2, same_octets),
    "signature with padding": lambda: hs() + "=",
    "signature of another token": lambda: part(hs(), 2, lambda _: hs(said(sub="bob")).split(".")[2]),
    "signed with an empty secret": lambda: confused(b""),
    "signed with another secret": lambda: confused(b"another-secret-of-forty-octets-or-more-octets"),
    "payload tampered with": lambda: part(hs(), 1, flip),
    "payload exchanged": lambda: part(hs(), 1, lambda _: b64(said(sub="root"))),
    "header exchanged": lambda: part(hs(), 0, lambda _: b64({"alg": "HS256", "typ": "JWT", "x": 1})),
    "crit": lambda: hs(header={"crit": ["exp"], "exp": START + 100}),
    "crit, empty": lambda: hs(header={"crit": []}),
    "b64 false": lambda: hs(header={"b64": False, "crit": ["b64"]}),
    "b64 without crit": lambda: hs(header={"b64": False}),
    "of another type": lambda: hs(header={"typ": "logout+jwt"}),
    "type is a list": lambda: hs(header={"typ": ["JWT"]}),
    "encrypted in form": lambda: f"{b64({'alg': 'dir', 'enc': 'A256GCM'})}.a.b.c.d",
    "four parts": lambda: hs() + ".x",
    "huge": lambda: hs(said(x="y" * 20_000)),
    "huge header": lambda: hs(header={"x": "y" * 5_000}),
    "deep": lambda: hs(nested(100)),
    "deep as a stack": lambda: hs(nested(5_000)),
    "deep header": lambda: hs(header='{"alg":"HS256","x":' + "[" * 900 + "]" * 900 + "}"),
    "sub twice": lambda: hs(json.dumps(said()).replace('"sub"', '"sub": "root", "sub"')),
    "exp twice": lambda: hs(json.dumps(said()).replace('"exp"', '"exp": 1, "exp"')),
    "inner member twice": lambda: hs(json.dumps(said(x=1)).replace('"x": 1', '"x": {"a": 1, "a": 2}')),
    "expired": lambda: hs(said(exp=START - 31)),
    "expired at the edge": lambda: hs(said(exp=START - 30)),
    "exp missing": lambda: hs(said(exp=None)),
    "exp null": lambda: hs(json.dumps({**said(), "exp": None})),
    "exp text": lambda: hs(said(exp=str(START + 100))),
    "exp true": lambda: hs(said(exp=True)),
    "exp infinite": lambda: hs(json.dumps(said()).replace(str(START + 3600), "Infinity")),
    "exp over every number": lambda: hs(json.dumps(said()).replace(str(START + 3600), "1e999")),
    "exp NaN": lambda: hs(json.dumps(said()).replace(str(START + 3600), "NaN")),
    "exp of too many digits": lambda: hs(json.dumps(said()).replace(str(START + 3600), "9" * 5_000)),
    "too early": lambda: hs(said(nbf=START + 31)),
    "nbf text": lambda: hs(said(nbf="tomorrow")),
    "issued tomorrow": lambda: hs(said(iat=START + 86_400)),
    "other audience": lambda: hs(said(aud="other")),
    "other audiences": lambda: hs(said(aud=["other", "apis", "ap"])),
    "audience missing": lambda: hs(said(aud=None)),
    "audience an object": lambda: hs(said(aud={"api": True})),
    "other issuer": lambda: hs(said(iss="https://evil.example.com")),
    "issuer with a slash": lambda: hs(said(iss=ISSUER + "/")),
    "issuer a list": lambda: hs(said(iss=[ISSUER])),
    "issuer missing": lambda: hs(said(iss=None)),
    "sub an object": lambda: hs(said(sub={"name": "alice"})),
    "sub true": lambda: hs(said(sub=True)),
    "half a character": lambda: hs(json.dumps(said()).replace("alice", "\\ud800")),
    "payload a list": lambda: hs("[]"),
    "payload a text": lambda: hs('"alice"'),
    "payload no JSON": lambda: hs("sub=alice"),
    "payload not UTF-8": lambda: hs(b'{"sub":"\xff"}'),
    "payload with a byte order mark": lambda: hs(b"\xef\xbb\xbf" + json.dumps(said()).encode()),
    "payload empty": lambda: hs(b""),
    "nothing": lambda: "..",
    "dots": lambda: "." * 5_000,
    "spaces in it": lambda: hs().replace(".", " . "),
    "two tokens": lambda: f"{hs()}, {hs()}",
    "characters of the other base64": lambda: part(hs(), 1, lambda text: text[:8] + "+" + text[9:]),
    "octets that are none": lambda: hs() + "\u00e9",
}

BY_PUBLIC_KEY: dict[str, Attack] = {
    "HS256 with the public key": lambda: confused(public_pem(rsa_key())),
    "HS256 with the public key, no last line end": lambda: confused(public_pem(rsa_key()).strip()),
    "HS256 with the public key as DER": lambda: confused(
        rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ),
    "HS512 with the public key": lambda: confused(public_pem(rsa_key()), "HS512"),
    "alg none": lambda: unsigned("none"),
    "another key of the same kind": lambda: sign(rsa_key("evil"), "RS256"),
    "a key of another kind": lambda: sign(ec_key(), "ES256"),
    "PS256 where RS256 is configured": lambda: sign(rsa_key(), "PS256"),
    "RS512 where RS256 is configured": lambda: sign(rsa_key(), "RS512"),
    "signature cut off": lambda: rs().rpartition(".")[0] + ".",
    "signature tampered with": lambda: part(rs(), 2, flip),
    "signature in another spelling": lambda: part(rs(), 2, same_octets),
    "signature all zeros": lambda: part(rs(), 2, lambda _: b64(bytes(256))),
    "signature too long": lambda: part(rs(), 2, lambda text: b64(bytes(4_000))),
    "its own key in the header": lambda: sign(rsa_key("evil"), "RS256", header={"jwk": jwk(rsa_key("evil"))}),
    "its own certificate in the header": lambda: sign(rsa_key("evil"), "RS256", header={"x5c": ["MIIB"]}),
    "kid of a file": lambda: confused(b"", kid="../../../../dev/null"),
}

BY_JWKS: dict[str, Attack] = {
    "kid unknown": lambda: rs(header={"kid": "nobody"}),
    "kid of another key": lambda: rs(header={"kid": "elliptic"}),
    "kid a path": lambda: sign(rsa_key("evil"), "RS256", header={"kid": "../../../../dev/null"}),
    "kid SQL": lambda: sign(rsa_key("evil"), "RS256", header={"kid": "x' UNION SELECT 'secret';--"}),
    "kid a command": lambda: sign(rsa_key("evil"), "RS256", header={"kid": "|/bin/true"}),
    "kid with a null": lambda: rs(header={"kid": "rsa\0"}),
    "kid null": lambda: rs(header={"kid": None}),
    "kid a number": lambda: rs(header={"kid": 1}),
    "kid a list": lambda: rs(header={"kid": ["rsa"]}),
    "kid a URL": lambda: sign(rsa_key("evil"), "RS256", header={"kid": "http://127.0.0.1:9003/key"}),
    "kid in another case": lambda: rs(header={"kid": "RSA"}),
    "kid endless": lambda: rs(header={"kid": "r" * 300}),
    "jku": lambda: sign(rsa_key("evil"), "RS256", header={"kid": "evil", "jku": "http://127.0.0.1:9003/jwks"}),
    "jku with a known kid": lambda: sign(
        rsa_key("evil"), "RS256", header={"kid": "rsa", "jku": "http://127.0.0.1:9003/"}
    ),
    "x5u": lambda: sign(rsa_key("evil"), "RS256", header={"kid": "rsa", "x5u": "http://127.0.0.1:9003/cert"}),
    "jwk with a known kid": lambda: sign(
        rsa_key("evil"), "RS256", header={"kid": "rsa", "jwk": jwk(rsa_key("evil"), "rsa")}
    ),
    "HS256 with the JWK as text": lambda: confused(json.dumps(jwk(rsa_key(), "rsa")).encode(), kid="rsa"),
    "HS256 with the public key": lambda: confused(public_pem(rsa_key()), kid="rsa"),
    "a secret that the set holds": lambda: confused(b"k" * 32, kid="shared"),
    "a key for encrypting": lambda: sign(rsa_key("encrypting"), "RS256", header={"kid": "encrypting"}),
    "an algorithm that the key is not for": lambda: sign(rsa_key("narrow"), "RS256", header={"kid": "narrow"}),
    "no kid, and no key fits": lambda: sign(rsa_key("evil"), "RS256"),
    "no kid, another algorithm": lambda: sign(ed_key(), "EdDSA"),
}


def is_refused(gateway: Harness, backend: str = "orders", **fields: str) -> None:
    """A request ends in 401 and in nothing else."""
    response = gateway.get("/orders/7", **fields)
    assert response.status == 401
    assert response.headers.get(b"gateway-reason") in (b"auth.invalid", b"auth.missing")
    assert (response.headers.get(b"www-authenticate") or b"").startswith(b"Bearer realm=")
    assert gateway.backend(backend).requests == []


@pytest.fixture(scope="module")
def by_secret() -> Harness:
    """A gateway that verifies by secret."""
    return protected()


@pytest.fixture(scope="module")
def by_public_key(tmp_path_factory: pytest.TempPathFactory) -> Harness:
    """A gateway that verifies by PEM file."""
    file: Path = tmp_path_factory.mktemp("keys") / "jwt.pem"
    file.write_bytes(public_pem(rsa_key()))
    return protected({"algorithms": ["RS256"], "public_key_file": str(file), "issuer": ISSUER, "audience": ["api"]})


@pytest.fixture(scope="module")
def by_jwks() -> Harness:
    """A gateway that verifies by published keys; an attacker has a server that it can reach."""
    settings = {"algorithms": ["RS256", "ES256"], "jwks_url": PUBLISHED, "issuer": ISSUER, "audience": ["api"]}
    gateway = protected(settings, "issuer", "evil")
    gateway.backend("issuer").answers(
        ok(
            jwks(
                jwk(rsa_key(), "rsa"),
                jwk(ec_key(), "elliptic"),
                jwk(rsa_key("encrypting"), "encrypting", use="enc"),
                jwk(rsa_key("narrow"), "narrow", alg="PS256"),
                {"kty": "oct", "kid": "shared", "k": b64(b"k" * 32)},
            )
        )
    )
    gateway.backend("evil").answers(ok(jwks(jwk(rsa_key("evil"), "evil"), jwk(rsa_key("evil"), "rsa"))))
    return gateway


@pytest.fixture(autouse=True)
def heard_nothing_yet(request: pytest.FixtureRequest) -> None:
    """Reset the backends' counts: the gateways are made once for all tests."""
    for name in ("by_secret", "by_public_key", "by_jwks"):
        if name in request.fixturenames:
            gateway: Harness = request.getfixturevalue(name)
            gateway.backend("orders").requests.clear()


@pytest.mark.parametrize("name", BY_SECRET)
def test_where_a_secret_verifies(by_secret: Harness, name: str) -> None:
    """Every attack on a token signed by HMAC, and on what any token says."""
    is_refused(by_secret, Authorization="Bearer " + BY_SECRET[name]())


@pytest.mark.parametrize("name", BY_PUBLIC_KEY)
def test_where_a_public_key_verifies(by_public_key: Harness, name: str) -> None:
    """Every attack that takes a public key for something else."""
    is_refused(by_public_key, Authorization="Bearer " + BY_PUBLIC_KEY[name]())


@pytest.mark.parametrize("name", BY_JWKS)
def test_where_published_keys_verify(by_jwks: Harness, name: str) -> None:
    """Every attack on the choice of the key; nothing is fetched from where a token says."""
    is_refused(by_jwks, Authorization="Bearer " + BY_JWKS[name]())

    assert by_jwks.backend("evil").connections == []


def test_the_same_gateways_take_good_tokens(by_secret: Harness, by_public_key: Harness, by_jwks: Harness) -> None:
    """Otherwise the tables above would prove nothing."""
    good = [(by_secret, hs()), (by_public_key, rs()), (by_jwks, rs(header={"kid": "rsa"}))]
    good += [(by_jwks, rs()), (by_jwks, sign(ec_key(), "ES256", header={"kid": "elliptic", "typ": "at+jwt"}))]
    good += [(by_secret, hs(said(exp=START - 29))), (by_secret, hs(said(nbf=START + 30, aud=["x", "api"])))]
    good += [(by_secret, hs(header={"typ": "application/at+JWT", "kid": "whatever"}))]

    for gateway, token in good:
        before = len(gateway.backend("orders").requests)
        assert gateway.get("/orders/7", Authorization=f"Bearer {token}").status == 200
        assert len(gateway.backend("orders").requests) == before + 1


SHOWN: dict[str, Callable[[], list[str]]] = {
    "no scheme": lambda: [hs()],
    "another scheme": lambda: [f"Basic {hs()}"],
    "no token": lambda: ["Bearer"],
    "scheme and space": lambda: ["Bearer "],
    "a tab between": lambda: [f"Bearer\t{hs()}"],
    "in quotes": lambda: [f'Bearer "{hs()}"'],
    "scheme twice": lambda: [f"Bearer Bearer {hs()}"],
    "two fields, both good": lambda: [f"Bearer {hs()}", f"Bearer {hs()}"],
    "two fields, the second good": lambda: ["Bearer x", f"Bearer {hs()}"],
    "two fields, the first good": lambda: [f"Bearer {hs()}", "Basic x"],
    "scheme as part of a word": lambda: [f"Bearers {hs()}"],
}


@pytest.mark.parametrize("name", SHOWN)
def test_ways_of_showing_it(by_secret: Harness, name: str) -> None:
    """One Authorization field, with the scheme and one token."""
    before = len(by_secret.backend("orders").requests)
    lines = "".join(f"Authorization: {value}\r\n" for value in SHOWN[name]())

    client = by_secret.send(f"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n{lines}\r\n".encode())

    assert client.responses()[0].status == 401
    assert len(by_secret.backend("orders").requests) == before


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_is_taken_in_any_case(by_secret: Harness, scheme: str) -> None:
    """RFC 9110 section 11.1, and one space or more after it."""
    assert by_secret.get("/orders/7", Authorization=f"{scheme} {hs()}").status == 200


def test_a_token_in_the_query_or_in_a_form_is_none(by_secret: Harness) -> None:
    """RFC 6750 allows both, but they end up in logs."""
    before = len(by_secret.backend("orders").requests)
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert by_secret.get(f"/orders/7?access_token={hs()}").status == 401
    assert by_secret.request("POST", "/orders/7", form, f"access_token={hs()}".encode()).status == 401
    assert by_secret.get("/orders/7", Cookie=f"access_token={hs()}; Authorization={hs()}").status == 401
    assert len(by_secret.backend("orders").requests) == before


SPOOFED = [
    "X-User-ID",
    "x-user-id",
    "X_User_ID",
    "X.User.ID",
    "X-User_ID",
    "X-USER-ROLES",
    "X_USER_ROLES",
    "X-User-Scopes",
    "x_user_scopes",
    "X-User-Anything",
    "X~User~Id",
    "X!User!Roles",
]


@pytest.mark.parametrize("path", ["/orders/7", "/open/7"])
@pytest.mark.parametrize("name", SPOOFED)
def test_who_a_client_says_it_is_does_not_reach_the_backend(by_secret: Harness, name: str, path: str) -> None:
    """In no spelling that a backend could take for the gateway's field, on open routes too."""
    head = f"GET {path} HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer {hs()}\r\n{name}: root\r\n\r\n"

    assert by_secret.send(head.encode()).responses()[0].status == 200
    heard = by_secret.backend("orders").last
    assert [value for _, value in heard.headers if b"root" in value] == []
    assert heard.headers.get(b"x-user-id") == (b"alice" if path == "/orders/7" else None)


def test_a_client_cannot_name_our_fields_hop_by_hop(by_secret: Harness) -> None:
    """`Connection: X-User-ID` would have the next hop drop it."""
    by_secret.get("/orders/7", Authorization=f"Bearer {hs()}", Connection="X-User-ID, X-User-Roles, close")

    heard = by_secret.backend("orders").last
    assert heard.headers.get(b"x-user-id") == b"alice"
    assert heard.headers.get(b"x-user-roles") == b"admin,editor"


def test_a_private_key_published_by_mistake_is_a_public_one() -> None:
    """Its private members are ignored."""
    settings = {"algorithms": ["RS256"], "jwks_url": PUBLISHED}
    gateway = protected(settings, "issuer")
    whole = json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(rsa_key()))
    gateway.backend("issuer").answers(ok(jwks({**whole, "kid": "rsa", "key_ops": ["sign", "verify"]})))

    assert gateway.get("/orders/7", Authorization=f"Bearer {rs(header={'kid': 'rsa'})}").status == 200


def test_refusals_are_the_same_whatever_was_wrong(by_secret: Harness) -> None:
    """Down to the last octet, but for the request's id and the date."""

    def seen(token: str) -> tuple[Any, ...]:
        response = by_secret.get("/orders/7", Authorization=f"Bearer {token}")
        changing = {b"x-request-id", b"date"}
        problem = {**response.json, "request_id": ""}
        return response.status, [field for field in response.headers if field[0].lower() not in changing], problem

    kinds = ["alg none", "expired", "other audience", "payload tampered with", "huge", "deep", "nothing"]

    assert len({repr(seen(BY_SECRET[kind]())) for kind in kinds}) == 1


def test_a_private_key_is_no_public_key(tmp_path: Path) -> None:
    """Nor a secret: both are errors of the configuration."""
    file = tmp_path / "jwt.pem"
    file.write_bytes(private_pem(rsa_key()))

    with pytest.raises(Exception, match="expected a public key or a certificate"):
        protected({"algorithms": ["RS256"], "public_key_file": str(file)})
    with pytest.raises(Exception, match="expected a `secret` for HS algorithms, found a key of another kind"):
        protected({"algorithms": ["HS256"], "secret": public_pem(rsa_key()).decode()})
    with pytest.raises(Exception, match="expected a `secret` for HS algorithms, found an empty one"):
        protected({"algorithms": ["HS256"], "secret": ""})


def test_a_secret_that_may_be_guessed_is_warned_about() -> None:
    """Whoever has a token can try secrets on it; the warning does not show the secret."""
    with capturedLogs() as events:
        protected({"algorithms": ["HS256"], "secret": "hunter2"})

    (warning,) = [line for event in events if "shorter" in (line := formatEvent(event))]
    assert warning.startswith("auth.jwt.default.secret: the secret is 25 octets shorter than its hash")
    assert "hunter2" not in warning
