"""Which tokens are taken, and the principal that they make; tests/flow/test_token_attacks.py has the attacks."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import AuthUnavailable, CredentialInvalid
from gateway.identity.claims import Expected
from gateway.identity.jwt import MOST_HEADERS, MOST_KEYS, NOBODY, Rules, TokenVerifier, unverified_issuer
from gateway.identity.keys import FixedKeys, Key, from_jwks, from_secret
from gateway.principal import Principal, find_claim
from tests.tokens import ISSUER, SECRET, START, b64, jwk, rsa_key, said, sign

RULES = Rules(frozenset(["HS256"]), Expected(frozenset([ISSUER]), frozenset(["api"])))
FIXED = FixedKeys([from_secret(SECRET, ["HS256"])])


def verify(claims: Any = None, rules: Rules = RULES, now: float = START) -> Principal:
    """Verify a token with these claims."""
    answer = TokenVerifier(FIXED, rules).verify(sign(SECRET, "HS256", claims).encode(), now)
    assert isinstance(answer, Principal)
    return answer


def test_a_token_says_who_is_calling() -> None:
    """Its principal has the user, roles, scopes, id and end, and all claims."""
    principal = verify()

    assert principal == Principal(
        subject="alice",
        roles=frozenset(["editor", "admin"]),
        scopes=frozenset(["read", "write"]),
        method="jwt",
        claims=said(),
        token_id="token-1",
        expires=START + 3600,
    )


def test_a_token_of_the_shape_in_the_requirements_is_taken() -> None:
    """R-JWT-12: sub, roles, exp, iat, where no issuer and no audience is configured."""
    claims = {"sub": "user123", "roles": ["user", "admin"], "exp": START + 3600, "iat": START}

    principal = verify(claims, Rules(frozenset(["HS256"])))

    assert (principal.subject, sorted(principal.roles)) == ("user123", ["admin", "user"])


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"sub": 42}, "subject", "42"),
        ({"sub": None}, "subject", ""),
        ({"roles": "a b"}, "roles", {"a", "b"}),
        ({"roles": None}, "roles", frozenset()),
        ({"roles": []}, "roles", frozenset()),
        ({"scope": ["read", "write"]}, "scopes", {"read", "write"}),
        ({"scope": "  read   write "}, "scopes", {"read", "write"}),
        ({"scope": ""}, "scopes", frozenset()),
        ({"jti": None}, "token_id", ""),
        ({"exp": START + 0.5}, "expires", START + 0.5),
        ({"aud": ["x", "api"]}, "subject", "alice"),
    ],
)
def test_claims_in_their_forms(changes: dict[str, Any], attribute: str, value: Any) -> None:
    """Texts or lists: issuers differ."""
    assert getattr(verify(said(**changes)), attribute) == value


def test_claims_are_found_by_path() -> None:
    """As Keycloak has them; a claim whose name has dots comes before a path."""
    paths = Expected(roles="realm_access.roles", scopes="https://example.com/scopes", user="act.sub")
    rules = replace(RULES, expected=paths)
    claims = said(
        **{"realm_access": {"roles": ["admin"]}, "https://example.com/scopes": ["read"], "act": {"sub": "bob"}}
    )

    principal = verify(claims, rules)

    assert (principal.subject, *principal.roles, *principal.scopes) == ("bob", "admin", "read")


@pytest.mark.parametrize("path", ["a.b.c", "x", "a.x", "a.b.c.d", "l.0", ""])
def test_a_path_that_leads_nowhere_finds_nothing(path: str) -> None:
    """It does not lead through texts or lists."""
    assert find_claim({"a": {"b": "c"}, "l": [1]}, path) is None


DOTS = {
    "resource_access": {"api.example.com": {"roles": ["admin"]}, "api": {"other": 1}},
    "https://example.com/tenant": "t1",
    "a.b": {"c": "whole"},
    "a": {"b.c": "nested", "b": {"c": "deep", "d": "way back"}},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("resource_access.api.example.com.roles", ["admin"]),
        (("resource_access", "api.example.com", "roles"), ["admin"]),
        (("resource_access", "api", "example", "com", "roles"), None),
        ("https://example.com/tenant", "t1"),
        (("https://example.com/tenant",), "t1"),
        (("a.b", "c"), "whole"),
        (("a", "b", "c"), "deep"),
        (("a", "b.c"), "nested"),
        (("a", "b.c", "d"), None),
        ("a.b.c", "whole"),
        ("a.b.d", "way back"),
        ("resource_access.api.other", 1),
        ("resource_access.api.example.com.none", None),
    ],
)
def test_names_with_dots(path: str | tuple[str, ...], found: object) -> None:
    """A list names a path; of the ways to split a dotted path, the longest first name counts."""
    assert find_claim(DOTS, path) == found


@given(st.floats(-200, 200), st.floats(0, 100))
def test_exp_and_nbf_hold_with_the_leeway(off: float, leeway: float) -> None:
    """Good from nbf - leeway until, but not at, exp + leeway."""
    claims = said(nbf=START, exp=START + 50)
    good = -leeway <= off < 50 + leeway

    try:
        verify(claims, replace(RULES, leeway=leeway), START + off)
    except CredentialInvalid:
        assert not good or min(abs(off + leeway), abs(off - 50 - leeway)) < 1e-3
    else:
        assert good or min(abs(off + leeway), abs(off - 50 - leeway)) < 1e-3


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["x", "1700000000", "", None, True, [1], {}])
def test_a_time_that_is_no_number_refuses_the_token(name: str, value: object) -> None:
    """RFC 7519 section 2, NumericDate, whatever a route asks for (D-132); what is not there says nothing."""
    claims = said()
    with pytest.raises(CredentialInvalid, match=f"{name} is not a time"):
        verify({**claims, name: value}, replace(RULES, required=()))
    claims.pop(name, None)
    verify(claims, replace(RULES, required=()))


def test_a_token_without_an_end_is_taken_where_none_is_asked_for() -> None:
    """`required_claims` decides whether `exp` must be there."""
    assert verify(said(exp=None), replace(RULES, required=())).expires == inf


@pytest.mark.parametrize("missing", ["exp", "sub", "realm.name"])
def test_required_claims_must_be_there(missing: str) -> None:
    """By name or path."""
    with pytest.raises(CredentialInvalid):
        verify(said(exp=None, sub=None), replace(RULES, required=(missing,)))


def test_a_refusal_names_its_cause_for_the_log() -> None:
    """And shows no part of the token."""
    with pytest.raises(CredentialInvalid) as error:
        verify(said(exp=1, sub="hunter2"))

    assert error.value.detail == "expired"


class Late:
    """Keys that come, or do not, when the issuer is asked for them."""

    def __init__(self, *keys: Key, error: Exception | None = None) -> None:
        self.there: tuple[Key, ...] = ()
        self.asked: list[str | None] = []
        self._keys = keys
        self._error = error

    def keys(self, kid: str | None) -> Sequence[Key]:
        return self.there

    def more(self, algorithm: str, kid: str | None, found: Callable[[], bool]) -> Any:
        self.asked.append(kid)
        return self._look()

    async def _look(self) -> None:
        if self._error is not None:
            raise self._error
        self.there = self._keys


def wait(answer: Any) -> Principal:
    """Run a coroutine that does not wait."""
    try:
        answer.send(None)
    except StopIteration as done:
        principal: Principal = done.value
        return principal
    raise AssertionError("it waits")


TOKEN = sign(rsa_key(), "RS256", header={"kid": "a"}).encode()
BY_RSA = replace(RULES, algorithms=frozenset(["RS256"]))


def test_a_key_without_a_name_may_be_followed_by_another() -> None:
    """A held key may fit the token's header, and the token be signed by its successor."""
    before, after = (from_jwks({"keys": [jwk(rsa_key(name))]}, ["RS256"]) for name in ("two", "one"))
    for header in ({}, {"kid": "a"}):
        source = Late(*after)
        source.there = tuple(before)
        token = sign(rsa_key(), "RS256", header=header).encode()

        assert wait(TokenVerifier(source, BY_RSA).verify(token, START)).subject == "alice"
        assert source.asked == [header.get("kid")]


def test_a_token_without_a_name_may_be_signed_by_a_key_to_come() -> None:
    """All held keys are tried for it, and then the issuer is asked."""
    source = Late(*from_jwks({"keys": [jwk(rsa_key(), "a")]}, ["RS256"]))
    source.there = tuple(from_jwks({"keys": [jwk(rsa_key("two"), "b")]}, ["RS256"]))

    assert wait(TokenVerifier(source, BY_RSA).verify(sign(rsa_key(), "RS256").encode(), START)).subject == "alice"


def test_a_key_that_is_named_and_did_not_sign_is_an_answer() -> None:
    """RFC 7515 section 4.1.4: a new key would have another name, so the issuer is not asked."""
    source = Late(*from_jwks({"keys": [jwk(rsa_key(), "a")]}, ["RS256"]))
    source.there = tuple(from_jwks({"keys": [jwk(rsa_key("two"), "a")]}, ["RS256"]))

    with pytest.raises(CredentialInvalid):
        TokenVerifier(source, BY_RSA).verify(TOKEN, START)
    assert source.asked == []


def test_keys_that_were_tried_are_not_tried_again() -> None:
    """One answer of the issuer may wake a thousand forged tokens."""
    tried: list[int] = []

    class Counting(Key):
        __slots__ = ()

        def verifies(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
            tried.append(1)
            return False

    keys = [Counting(frozenset(["RS256"]), None, number) for number in range(3)]
    source = Late(*keys)
    source.there = tuple(keys)

    with pytest.raises(CredentialInvalid):
        wait(TokenVerifier(source, BY_RSA).verify(sign(rsa_key(), "RS256").encode(), START))
    assert len(tried) == 3


def test_a_key_that_is_not_there_is_waited_for() -> None:
    """The token is verified with it when it has come."""
    source = Late(*from_jwks({"keys": [jwk(rsa_key(), "a")]}, ["RS256"]))

    assert wait(TokenVerifier(source, BY_RSA).verify(TOKEN, START)).subject == "alice"
    assert source.asked == ["a"]


def test_a_key_that_does_not_come_is_a_refusal() -> None:
    """The issuer does not have it either."""
    with pytest.raises(CredentialInvalid):
        wait(TokenVerifier(Late(), BY_RSA).verify(TOKEN, START))


def test_an_issuer_that_does_not_answer_is_no_refusal() -> None:
    """The token may be good: `AuthUnavailable`."""
    with pytest.raises(AuthUnavailable):
        wait(TokenVerifier(Late(error=AuthUnavailable()), BY_RSA).verify(TOKEN, START))


def test_without_a_name_a_few_keys_are_tried() -> None:
    """For each key a signature is computed."""
    tried: list[int] = []

    class Counting(Key):
        __slots__ = ()

        def verifies(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
            tried.append(1)
            return False

    source = FixedKeys(Counting(frozenset(["RS256"]), None, None) for _ in range(20))

    with pytest.raises(CredentialInvalid):
        TokenVerifier(source, BY_RSA).verify(sign(rsa_key(), "RS256").encode(), START)
    assert len(tried) == MOST_KEYS


@pytest.mark.parametrize(
    ("token", "issuer"),
    [
        (sign(SECRET, "HS256"), ISSUER),
        (sign(SECRET, "HS256", said(iss=7)), None),
        (sign(SECRET, "HS256", "[]"), None),
        ("a.b.c", None),
        (f"{b64({})}.{b64(said())}.", ISSUER),
        ("x" * 20_000, None),
    ],
)
def test_an_issuer_can_be_read_before_anything_is_verified(token: str, issuer: str | None) -> None:
    """To choose the verifier."""
    assert unverified_issuer(token.encode(), 16_384) == issuer


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["alg", "typ", "kid", "crit", "exp", "nbf", "iat", "iss", "aud", "sub", "roles", "scope", "jti"]


def refused_or_not(verifier: TokenVerifier, token: bytes) -> bool:
    """Whether a token is refused; any other error fails the test."""
    try:
        verifier.verify(token, START)
    except CredentialInvalid:
        return True
    return False


@given(st.binary(max_size=200) | st.from_regex(rb"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2}", fullmatch=True))
def test_whatever_is_shown_is_refused(token: bytes) -> None:
    """No other error is raised."""
    assert refused_or_not(TokenVerifier(FIXED, RULES), token)


@given(st.dictionaries(st.sampled_from(NAMES), JUNK), st.dictionaries(st.sampled_from(NAMES), JUNK))
def test_whatever_a_signed_token_says_it_is_taken_or_refused(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Whatever claims an issuer signs, no other error is raised."""
    whole = json.dumps({"alg": "HS256", **header})

    refused_or_not(TokenVerifier(FIXED, RULES), sign(SECRET, "HS256", json.dumps({**said(), **claims}), whole).encode())


@given(st.integers(0, 2_000), st.integers(1, 255))
def test_a_token_with_another_octet_is_refused(place: int, change: int) -> None:
    """Whichever octet is changed, and to whatever."""
    token = bytearray(sign(SECRET, "HS256").encode())
    token[place % len(token)] ^= change

    assert refused_or_not(TokenVerifier(FIXED, RULES), bytes(token))


HEADERS = st.fixed_dictionaries(
    {"alg": st.sampled_from(["HS256", "HS512", "none", 1])},
    optional={
        "typ": st.sampled_from(["JWT", "at+jwt", "dpop+jwt", 2]),
        "kid": st.sampled_from(["one", "two", 3, "k" * 300]),
        "crit": st.just(["exp"]),
    },
)
OTHER = "another secret of forty octets, for tests"
SHOWN = st.lists(st.tuples(HEADERS, st.sampled_from([SECRET, OTHER])), max_size=30)


def outcome(verifier: TokenVerifier, token: bytes) -> Principal | str:
    """The principal of a token, or why there is none."""
    try:
        answer = verifier.verify(token, START)
    except CredentialInvalid as error:
        return str(error.detail)
    assert isinstance(answer, Principal)
    return answer


@given(SHOWN)
def test_a_verifier_that_knows_headers_says_what_a_new_one_says(shown: list[tuple[dict[str, Any], str]]) -> None:
    """Whatever it was shown before, signed by whomever."""
    warm = TokenVerifier(FIXED, RULES)
    for header, secret in shown * 2:
        token = signed_by_hand(header, secret)
        assert outcome(warm, token) == outcome(TokenVerifier(FIXED, RULES), token)


def signed_by_hand(header: dict[str, Any], secret: str = SECRET) -> bytes:
    """A token with this header, as it is; the signature is HS256's."""
    start = f"{b64(json.dumps(header))}.{b64(json.dumps(said()))}"
    return f"{start}.{b64(hmac.digest(secret.encode(), start.encode(), 'sha256'))}".encode()


def test_headers_that_are_known_are_bounded_and_signed() -> None:
    """An issuer with many keys cannot fill the memory, and nobody else can put a header there."""
    verifier = TokenVerifier(FIXED, RULES)
    for number in range(3 * MOST_HEADERS):
        header = {"alg": "HS256", "kid": str(number)}
        before = dict(verifier._headers)
        assert outcome(verifier, signed_by_hand(header, OTHER)) == NOBODY
        assert verifier._headers == before
        assert isinstance(outcome(verifier, signed_by_hand(header)), Principal)
        assert 0 < len(verifier._headers) <= MOST_HEADERS
