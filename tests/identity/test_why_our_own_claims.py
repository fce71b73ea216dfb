"""What PyJWT accepts and the gateway does not (D-59): when one of these fails, less code of our own is needed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import string

import jwt
import pytest

SECRET = "k" * 32
TOKEN = jwt.encode({"sub": "a"}, SECRET, "HS256")


def decode(token: str) -> dict[str, object]:
    """Let PyJWT decide alone."""
    return dict(jwt.decode(token, SECRET, ["HS256"]))


def encode(content: bytes) -> str:
    """Write base64url as RFC 7515 has it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_it_takes_the_last_of_two_members_with_one_name() -> None:
    """Another parser may take the first."""
    signed = encode(b'{"alg":"HS256"}') + "." + encode(b'{"sub":"a","sub":"b"}')
    signature = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()

    assert decode(f"{signed}.{encode(signature)}") == {"sub": "b"}


def test_it_takes_padding_after_the_signature() -> None:
    """RFC 7515 section 2 has none: a revoked or cached token would have a second spelling."""
    assert decode(TOKEN + "=") == {"sub": "a"}


@pytest.mark.parametrize("part", [1, 2])
def test_it_refuses_changed_unused_bits(part: int) -> None:
    """Earlier versions accepted them: another text with the same octets."""
    parts = TOKEN.split(".")
    others = []
    for last in string.ascii_letters + string.digits + "-_":
        changed = parts[part][:-1] + last
        same = base64.urlsafe_b64decode(changed + "==") == base64.urlsafe_b64decode(parts[part] + "==")
        if same and changed != parts[part]:
            others.append(".".join([*parts[:part], changed, *parts[part + 1 :]]))

    assert len(others) == 3
    for other in others:
        with pytest.raises(jwt.InvalidTokenError):
            decode(other)
