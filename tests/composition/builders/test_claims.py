"""What claims must say: the verifier's word, unless the route has one of its own."""

from __future__ import annotations

from gateway.composition.builders.claims import expected
from gateway.config.schema.auth import AuthMethod
from gateway.config.schema.authorities import Introspection

VERIFIER = Introspection(
    url="https://id.example.com/ask", issuer=("https://id.example.com",), audience=("api",), user_claim="email"
)


def test_the_verifier_says_it() -> None:
    """Names of claims too."""
    found = expected(AuthMethod(type="introspection"), VERIFIER)

    assert (found.issuers, found.audience) == (frozenset({"https://id.example.com"}), frozenset({"api"}))
    assert found.user == "email"


def test_a_route_may_say_otherwise() -> None:
    """For the issuer and the audience, each by itself."""
    found = expected(AuthMethod(type="introspection", audience=("orders", "admin")), VERIFIER)

    assert (found.issuers, found.audience) == (frozenset({"https://id.example.com"}), frozenset({"orders", "admin"}))
