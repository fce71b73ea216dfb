"""Settings of `auth.oauth` into the token endpoint, and the documents about it.

Tests: `tests/flow/test_oauth.py::test_others_verify_with_the_published_keys`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from hyperlink import URL

from gateway.answering.form import FormLeaf
from gateway.answering.token_endpoint import REVOKE, TOKEN, TokenEndpoint
from gateway.composition.builders.guesses import guess_limit, secret_checker
from gateway.composition.builders.rates import Rates
from gateway.composition.builders.signing import token_issuer
from gateway.composition.builders.storage import redis_store
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.oauth import OAuth
from gateway.errors import AuthUnavailable
from gateway.identity.oauth import Client, Clients
from gateway.identity.orders import Control, NoRoom, Order
from gateway.identity.refresh import GrantStore, MemoryGrants
from gateway.interfaces import Middleware
from gateway.limiting.keys import limit_key
from gateway.middleware.client_limit import ClientLimit
from gateway.middleware.guesses import Guesses, Words
from gateway.middleware.rate_limit import Counted
from gateway.serving.respond import render_error, render_token_error
from gateway.serving.tree import ContentLeaf, Leaf

JWKS = "/oauth/jwks.json"
METADATA = "/.well-known/oauth-authorization-server"

LEEWAY = 30.0
"""Seconds that a verifier allows for by default."""

MakeSteps = Callable[[str, str], list[Middleware]]
"""Makes the steps of a path of ours, by what logs and metrics call it and where it is."""


def token_paths(
    settings: Settings, foundation: Foundation, control: Control, rates: Rates, steps: MakeSteps
) -> dict[bytes, Leaf]:
    """Make what answers the paths of the token endpoint; none where it is not configured.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        control: Refuses tokens from now on, at every instance.
        rates: Makes the limits that hold for all paths, and opens where requests are counted.
        steps: Makes the steps before the answers.

    Raises:
        ConfigError: A key or a hash cannot be used.
    """
    auth = settings.auth
    if auth is None or auth.oauth is None:
        return {}
    oauth = auth.oauth
    wall_clock = foundation.wall_clock
    issuer = token_issuer(auth, foundation)
    by_client, by_both, by_address = (
        guess_limit("oauth", label, oauth.rate_limit) for label in ("client", "client+ip", "ip")
    )
    decisions = foundation.metrics.counter("gateway_rate_limit_decisions_total")
    counted = [Counted(limit, limit_key(["ip"], "")) for limit in (by_client, by_both, by_address)]
    places = {path: rates.own(name, path, counted) for path, name in ((TOKEN, "oauth.token"), (REVOKE, "oauth.revoke"))}
    limit = ClientLimit(
        rates.store(),
        by_client,
        by_both,
        by_address,
        partial(decisions.add, "oauth.token"),
        {path.encode(): own.refund for path, own in places.items() if own.refund is not None},
    )
    endpoint = TokenEndpoint(
        Clients(_clients(oauth)),
        issuer,
        Guesses(secret_checker("oauth", foundation), limit, Words("client", "secret", "at the token endpoint")),
        _grants(settings, oauth, foundation),
        oauth.refresh_expires_in,
        limit,
        partial(_deny, control, max([LEEWAY, *(verifier.leeway for verifier in auth.jwt.values())])),
        wall_clock,
        foundation.random_bytes,
    )
    forms = ((TOKEN, "oauth.token", endpoint.token), (REVOKE, "oauth.revoke", endpoint.revoke))
    paths: dict[bytes, Leaf] = {
        path.encode(): FormLeaf(name, path, [*steps(name, path), *places[path].steps], answer, render_token_error)
        for path, name, answer in forms
    }
    documents = {METADATA: _metadata(oauth, published=bool(issuer.keys[0].public))}
    if issuer.keys[0].public:
        documents[JWKS] = issuer.jwks()
    for path, document in documents.items():
        if document:
            paths[path.encode()] = _document(
                [*steps("oauth.keys", path), *rates.own("oauth.keys", path).steps], document
            )
    return paths


def _clients(oauth: OAuth) -> list[Client]:
    return [
        Client(client.id, client.secret_hash.get_secret_value(), client.scopes, client.roles, client.refresh_tokens)
        for client in oauth.clients
    ]


def _deny(control: Control, leeway: float, token_id: str, until: float) -> None:
    try:
        # For as long as a verifier whose clock is late may take the token.
        control.give(Order(True, "jti", token_id, until + leeway))
    except NoRoom:
        raise AuthUnavailable("There are too many revoked tokens.") from None


def _grants(settings: Settings, oauth: OAuth, foundation: Foundation) -> GrantStore:
    if oauth.refresh_store == "redis":
        from gateway.storage.grants import RedisGrants

        return RedisGrants(redis_store(settings.redis, foundation))
    if foundation.whole is not None:
        return foundation.whole.grants
    return foundation.carried.get("oauth grants", MemoryGrants)


def _document(steps: list[Middleware], document: bytes) -> ContentLeaf:
    # Keys are published before they sign: who verifies may keep them for a while.
    return ContentLeaf(
        steps, lambda exchange: (200, b"application/json", document), render_error, b"public, max-age=300"
    )


def _metadata(oauth: OAuth, published: bool) -> bytes:
    """Return the metadata document (RFC 8414 section 2); empty where the issuer is no URL that could be asked."""
    try:
        issuer = URL.from_text(oauth.issuer or "")
    except ValueError:
        return b""
    if issuer.scheme not in ("http", "https") or not issuer.host:
        return b""
    here = issuer.replace(userinfo="", path=(), query=(), fragment="").to_text()
    methods = ["client_secret_basic", "client_secret_post"]
    grants = ["client_credentials", *(["refresh_token"] if any(one.refresh_tokens for one in oauth.clients) else [])]
    document = {
        "issuer": oauth.issuer,
        "token_endpoint": here + TOKEN,
        "token_endpoint_auth_methods_supported": methods,
        "grant_types_supported": grants,
        "response_types_supported": [],
        "revocation_endpoint": here + REVOKE,
        "revocation_endpoint_auth_methods_supported": methods,
    }
    if published:
        document["jwks_uri"] = here + JWKS
    return json.dumps(document).encode()
