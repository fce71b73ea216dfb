"""The token endpoint: what signs, and what a client's secret looks like."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]


@pytest.mark.parametrize("secret", ["hunter2", "sha256:00", ""])
def test_a_secret_is_never_written_as_it_is(complaints: Complaints, secret: str) -> None:
    """Nor as a hash that is fast to try."""
    (line,) = complaints(f"auth: {{oauth: {{clients: [{{id: a, secret_hash: '{secret}'}}]}}}}")

    assert "auth.oauth.clients[0].secret_hash: expected a hash of Argon2, scrypt or bcrypt" in line
    assert not secret or secret not in line


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("secret: s, signing_key_file: k.pem", "one of `secret` and `signing_key_file`"),
        ("secret: s, previous_key_files: [k.pem]", "one of `secret` and `signing_key_file`"),
        ("secret: ''", "expected a `secret`, found an empty one"),
    ],
)
def test_tokens_are_signed_in_one_way(complaints: Complaints, keys: str, said: str) -> None:
    """And by something."""
    assert any(said in line for line in complaints(f"auth: {{oauth: {{{keys}}}}}"))


def test_limits_on_secrets_hold_for_any_window(load_text: Load) -> None:
    """Not by default a bucket, which lets so many more pass where it was full."""
    auth = load_text("auth: {oauth: {rate_limit: {limit: 3}}}").auth

    assert auth is not None
    assert auth.oauth is not None
    assert (auth.oauth.rate_limit.limit, auth.oauth.rate_limit.algorithm) == (3, "sliding_window")
