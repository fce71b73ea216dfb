"""Tokens as a way to authenticate: which verifier is asked, and which tokens are taken at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import CredentialInvalid
from gateway.identity.claims import Expected
from gateway.identity.jwt import Rules, TokenVerifier
from gateway.identity.keys import FixedKeys, from_secret
from gateway.interfaces import Authenticator
from gateway.middleware.jwt import JwtAuthenticator, SharingJwtAuthenticator
from gateway.principal import Principal
from tests.tokens import START, said, sign

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange

ONE, TWO, ANY = ("one" * 12, "two" * 12, "any" * 12)


def verifier(secret: str, issuer: str | None) -> TokenVerifier:
    """A verifier for the tokens of one issuer."""
    return TokenVerifier(
        FixedKeys([from_secret(secret, ["HS256"])]),
        Rules(frozenset(["HS256"]), Expected(frozenset([issuer] if issuer else []))),
    )


def authenticator(*verifiers: TokenVerifier) -> JwtAuthenticator:
    """An authenticator with these verifiers."""
    return JwtAuthenticator(verifiers, lambda: START, 16_384)


def token(secret: str, issuer: str | None) -> bytes:
    """A token of an issuer."""
    return sign(secret, "HS256", said(iss=issuer)).encode()


BOTH = authenticator(verifier(ONE, "https://one"), verifier(TWO, "https://two"))


def test_of_several_the_verifier_of_the_issuer_is_asked(make: MakeExchange) -> None:
    """Each has its own keys."""
    for secret, issuer in ((ONE, "https://one"), (TWO, "https://two")):
        principal = BOTH.verify(token(secret, issuer), make())
        assert isinstance(principal, Principal)
        assert principal.claims["iss"] == issuer


@pytest.mark.parametrize(
    ("secret", "issuer"), [(ONE, "https://two"), (TWO, "https://one"), (ONE, "https://three"), (ONE, None)]
)
def test_one_issuer_cannot_speak_for_another(make: MakeExchange, secret: str, issuer: str | None) -> None:
    """Its keys do not verify tokens that name another issuer."""
    with pytest.raises(CredentialInvalid):
        BOTH.verify(token(secret, issuer), make())


def test_a_verifier_without_an_issuer_takes_what_is_left(make: MakeExchange) -> None:
    """Tokens that name no issuer, or one without a verifier."""
    rest = authenticator(verifier(ONE, "https://one"), verifier(ANY, None))

    assert isinstance(rest.verify(token(ANY, None), make()), Principal)
    assert isinstance(rest.verify(token(ANY, "https://three"), make()), Principal)
    with pytest.raises(CredentialInvalid):
        rest.verify(token(ANY, "https://one"), make())


def test_a_token_that_cannot_be_read_is_nobodys(make: MakeExchange) -> None:
    """Looking for its issuer raises no other error."""
    with pytest.raises(CredentialInvalid):
        BOTH.verify(b"a.b.c", make())


def test_tokens_of_other_kinds_can_be_left_to_others(make: MakeExchange) -> None:
    """To introspection, for example; a token that looks like a JWT is not left to it."""
    sharing = SharingJwtAuthenticator([verifier(ONE, None)], lambda: START, 16_384)

    def shown(value: bytes) -> bytes | None:
        return sharing.find(make([(b"Authorization", value)]))

    assert shown(b"Bearer opaque") is None
    assert shown(b"Bearer gw_a.b.c_0123") is None
    assert shown(b"Bearer eyJ.b.c") == b"eyJ.b.c"
    assert sharing.find(make()) is None
    assert BOTH.find(make([(b"Authorization", b"Bearer opaque")])) == b"opaque"


def test_it_is_an_authenticator(make: MakeExchange) -> None:
    """It withholds its field and nothing else."""
    made: Authenticator = BOTH
    exchange = make([(b"Authorization", b"Bearer x")])
    made.withhold(exchange)

    assert (made.name, made.challenge, made.cacheable) == ("jwt", b'Bearer realm="api"', True)
    assert made.fields == {b"authorization"}
    assert exchange.request.target == b"/users/7"
