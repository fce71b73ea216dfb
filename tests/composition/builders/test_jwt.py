"""Settings of `auth.jwt` into what verifies: files are read, what is wrong is told before it is in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, eventAsText

from gateway.config import ConfigError
from tests.tokens import ISSUER, SECRET, ec_key, private_pem, protected, public_pem, rsa_key, said, sign


def status(settings: dict[str, Any], token: str) -> int:
    """Ask a gateway with this verifier."""
    return protected(settings).get("/orders/7", Authorization=f"Bearer {token}").status


def test_a_file_is_a_public_key(tmp_path: Path) -> None:
    """Of the kind that the algorithms want."""
    file = tmp_path / "jwt.pem"
    file.write_bytes(public_pem(ec_key()))

    assert status({"algorithms": ["RS256", "ES256"], "public_key_file": str(file)}, sign(ec_key(), "ES256")) == 200


def test_a_secret_and_a_file_go_together(tmp_path: Path) -> None:
    """Each for its own algorithms: the key is no secret for that."""
    file = tmp_path / "jwt.pem"
    file.write_bytes(public_pem(rsa_key()))
    settings = {"algorithms": ["HS256", "RS256"], "public_key_file": str(file), "secret": SECRET}

    assert status(settings, sign(rsa_key(), "RS256")) == 200
    assert status(settings, sign(SECRET, "HS256")) == 200


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (None, "expected a file that can be read, found an error: No such file or directory"),
        (b"secret", "expected a public key or a certificate in PEM"),
        (private_pem(rsa_key()), "expected a public key or a certificate in PEM"),
        (public_pem(ec_key()), "expected a key for RS256, found one of another kind"),
    ],
    ids=["missing", "text", "private", "elliptic"],
)
def test_a_file_that_cannot_be_used_is_told_with_its_name(tmp_path: Path, octets: bytes | None, words: str) -> None:
    """As an error of the configuration: what was in force stays."""
    file = tmp_path / "jwt.pem"
    if octets is not None:
        file.write_bytes(octets)

    with pytest.raises(ConfigError) as error:
        protected({"algorithms": ["RS256"], "public_key_file": str(file)})

    assert str(error.value) == f"auth.jwt.default.public_key_file: {file}: {words}"


def test_a_verifier_that_no_route_uses_is_looked_at_too(tmp_path: Path) -> None:
    """It is to be right before a route uses it."""
    gateway = protected()
    jwt = {**gateway.configuration["auth"]["jwt"], "unused": {"public_key_file": str(tmp_path / "none.pem")}}

    with pytest.raises(ConfigError, match=r"auth\.jwt\.unused\.public_key_file"):
        gateway.apply(auth={"jwt": jwt})
    assert gateway.get("/orders/7", Authorization=f"Bearer {sign(SECRET, 'HS256')}").status == 200


@pytest.mark.parametrize(
    ("settings", "route", "warning"),
    [
        ({}, {}, "Verifier default: tokens are taken whatever their issuer and audience"),
        ({"issuer": ISSUER}, {}, "Verifier default: tokens are taken whatever their audience"),
        ({"issuer": ISSUER}, {"audience": "api"}, ""),
        ({"issuer": ISSUER, "audience": "api"}, {}, ""),
        ({"issuer": ISSUER, "require": {"client_id": "web"}}, {}, ""),
        (
            {"issuer": ISSUER, "require": {"tid": "t1"}},
            {},
            "Verifier default: tokens are taken whatever their audience",
        ),
        ({}, {"issuer": ISSUER, "audience": ["api"]}, ""),
    ],
)
def test_a_route_that_takes_anybodys_tokens_is_warned_about(
    settings: dict[str, Any], route: dict[str, Any], warning: str
) -> None:
    """C-23: what the verifier leaves open, the route may say."""
    with capturedLogs() as events:
        protected({"algorithms": ["HS256"], "secret": SECRET, **settings}, **route)

    warned = [str(eventAsText(event)) for event in events if event["log_level"].name == "warn"]
    assert len(warned) == bool(warning)
    assert all(warning in text for text in warned)


def test_a_reload_without_a_verifier_lets_its_keys_go() -> None:
    """No timer, no connection to its issuer."""
    gateway = protected({"algorithms": ["RS256"], "jwks_url": "http://127.0.0.1:9002/jwks"}, "issuer")
    gateway.get("/orders/7", Authorization=f"Bearer {sign(rsa_key(), 'RS256', said())}")
    assert gateway.backend("issuer").requests
    gateway.apply(routes=[], auth=None)
    asked = len(gateway.backend("issuer").requests)
    gateway.advance(600)

    assert len(gateway.backend("issuer").requests) == asked
    assert gateway.metric("gateway_jwks_keys", verifier="default") == 0
