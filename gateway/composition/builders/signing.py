"""Settings of `auth.oauth` into the keys that sign tokens, and into what verifies them.

Tests: `tests/flow/test_oauth.py::test_others_verify_with_the_published_keys`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from twisted.logger import Logger

from gateway.composition.builders.content_files import read_content
from gateway.composition.foundation import Foundation
from gateway.config.problems import unusable
from gateway.config.schema.auth import Auth
from gateway.config.schema.oauth import OAuth
from gateway.config.schema.tokens import JwtVerifier
from gateway.identity.keys import FixedKeys, Key, KeySource, lacks
from gateway.identity.signing import Issuer, SigningKey, SigningKeyUnusable

if TYPE_CHECKING:
    from gateway.composition.whole import Whole

_log = Logger()

OWN = "oauth"
"""The verifier that takes the tokens of our own endpoint, where `auth.jwt` has none of that name."""


def own_verifiers(auth: Auth, foundation: Foundation) -> dict[str, tuple[JwtVerifier, KeySource]]:
    """Make the verifiers that `auth.jwt` need not say: of our own tokens, as `oauth`, and as `default` without another.

    Raises:
        ConfigError: A key cannot be used.
    """
    names = [name for name in (OWN, "default") if name not in auth.jwt]
    if auth.oauth is None or not names:
        return {}
    issuer = token_issuer(auth, foundation)
    # Its keys are handed over here, without a file or a request.
    verifier = JwtVerifier.model_construct(
        algorithms=tuple(dict.fromkeys(key.algorithm for key in issuer.keys)),
        issuer=(issuer.issuer,) if issuer.issuer else (),
        audience=(issuer.audience,) if issuer.audience else (),
    )
    keys = [Key(frozenset([key.algorithm]), key.kid or None, key.verifying) for key in issuer.keys]
    return dict.fromkeys(names, (verifier, FixedKeys(keys)))


def token_issuer(auth: Auth, foundation: Foundation) -> Issuer:
    """Make what signs tokens, by `auth.oauth`.

    Raises:
        ConfigError: A key cannot be used.
    """
    oauth = auth.oauth
    assert oauth is not None
    previous = [_key(file, f"previous_key_files[{index}]") for index, file in enumerate(oauth.previous_key_files)]
    issuer, audience = oauth.issuer, oauth.audience
    lender = _lender(auth, oauth)
    if lender is not None:
        # It verifies the tokens that its secret signs: they say what it asks for, where nothing else is said.
        issuer = issuer or next(iter(lender.issuer), None)
        audience = audience or next(iter(lender.audience), None)
    return Issuer(_signing_key(auth, oauth, foundation), previous, issuer or "", audience or "", oauth.expires_in)


def _lender(auth: Auth, oauth: OAuth) -> JwtVerifier | None:
    """Return the verifier whose secret signs, None where the endpoint has a key of its own."""
    if oauth.signing_key_file is not None or oauth.secret is not None:
        return None
    default = auth.jwt.get("default")
    return default if default is not None and default.secret is not None and "HS256" in default.algorithms else None


def _signing_key(auth: Auth, oauth: OAuth, foundation: Foundation) -> SigningKey:
    if oauth.signing_key_file is not None:
        return _key(oauth.signing_key_file, "signing_key_file")
    lender = _lender(auth, oauth)
    secret = oauth.secret if lender is None else lender.secret
    if secret is not None:
        if lender is None:
            warn_of_short_secret("auth.oauth.secret", secret.get_secret_value(), ["HS256"])
        return SigningKey.of_secret(secret.get_secret_value())
    return foundation.carried.get("oauth key", partial(_generated, foundation.whole))


def warn_of_short_secret(key: str, secret: str, algorithms: Iterable[str]) -> None:
    """Tell the operator of a secret that may be found out.

    Args:
        key: Where it stands.
        secret: It is not told.
        algorithms: That it is for.
    """
    if missing := lacks(secret, algorithms):
        _log.warn(
            "{key}: the secret is {missing} octets shorter than its hash (RFC 7518 section 3.2): whoever has a token "
            "can try secrets until one fits",
            key=key,
            missing=missing,
        )


def _generated(whole: Whole | None) -> SigningKey:
    _log.warn("auth.oauth has no signing_key_file: tokens are signed with a key that ends with this process")
    return SigningKey.generated() if whole is None else SigningKey.of_pem(whole.agreed("oauth key", SigningKey.new_pem))


def _key(file: str, key: str) -> SigningKey:
    try:
        return SigningKey.of_pem(read_content(file, f"auth.oauth.{key}"))
    except SigningKeyUnusable as error:
        raise unusable(f"auth.oauth.{key}", f"{file}: {error}") from None
