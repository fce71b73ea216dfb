"""The rules of the token endpoint (RFC 6749): reading a request, and the scopes that a client may have.

Layer 2. `gateway.answering.token_endpoint` takes the request, has the secret
compared and answers. Refusals are raised as `TokenRefused`, with the error codes
of RFC 6749 section 5.2.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from gateway.errors import ClientRefused, TokenRefused
from gateway.identity.decoys import Decoys

MOST_PARAMETERS = 32
"""Most parameters of a form; only five have a meaning."""

_SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
"""Scopes as they are written (RFC 6749 section 3.3)."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client that may get tokens.

    Attributes:
        id: Its `client_id`.
        secret_hash: The hash of its secret; not shown in `repr`.
        scopes: Scopes that it may ask for.
        roles: Roles that its tokens have.
        refreshes: Whether it gets refresh tokens.
    """

    id: str
    secret_hash: str
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    refreshes: bool = False

    def __repr__(self) -> str:
        return f"Client({self.id!r})"


class Credentials(NamedTuple):
    """The id and the secret that a request shows."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.id!r})"


class Clients:
    """Clients by id.

    Attributes:
        decoy: Returns the hash to compare with for an id that nobody has.
    """

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = {client.id: client for client in clients}
        self.decoy = Decoys(client.secret_hash for client in clients).of

    def find(self, name: str) -> Client | None:
        """Return the client with this id; None where there is none."""
        return self._clients.get(name)


def read_form(body: bytes) -> dict[str, str]:
    """Read `application/x-www-form-urlencoded`; parameters without a value count as absent (section 3.2).

    Raises:
        TokenRefused: It is not a form, or has a parameter twice.
    """
    form: dict[str, str] = {}
    seen: set[str] = set()
    pairs = body.split(b"&") if body else []
    if len(pairs) > MOST_PARAMETERS:
        raise TokenRefused("invalid_request", "There are too many parameters.")
    for pair in pairs:
        name, _, value = (_decoded(part) for part in pair.partition(b"="))
        if name in seen:
            raise TokenRefused("invalid_request", "A parameter is there more than once.")
        seen.add(name)
        if name and value:
            form[name] = value
    return form


def read_credentials(authorization: Sequence[bytes], form: dict[str, str]) -> Credentials:
    """Return the client id and the secret of a request (section 2.3.1).

    Args:
        authorization: Values of the Authorization field.
        form: The parameters.

    Raises:
        ClientRefused: There are none that can be read.
        TokenRefused: The secret is there in two ways, which section 2.3 forbids.
    """
    name, secret = form.get("client_id"), form.get("client_secret")
    if not authorization:
        if name is None or secret is None:
            raise ClientRefused("The client does not authenticate.")
        return Credentials(name, secret)
    if len(authorization) > 1 or secret is not None:
        raise TokenRefused("invalid_request", "The client authenticates in more than one way.")
    found = _basic(authorization[0])
    if name is not None and name != found.id:
        raise TokenRefused("invalid_request", "The client gives itself two names.")
    return found


def read_scopes(asked: str | None) -> tuple[str, ...] | None:
    """Return the scopes that a request names, each once; None where it names none.

    Raises:
        TokenRefused: They are not written as section 3.3 says.
    """
    if asked is None:
        return None
    if not _SCOPES.fullmatch(asked):
        raise TokenRefused("invalid_scope", "The scope is malformed.")
    return tuple(dict.fromkeys(asked.split(" ")))


def narrow(asked: tuple[str, ...] | None, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return those of the scopes asked for that the client may have; all that it may have where it asks for none.

    Raises:
        TokenRefused: It may have none of them.
    """
    if asked is None:
        return tuple(allowed)
    granted = tuple(scope for scope in asked if scope in allowed)
    if not granted:
        raise TokenRefused("invalid_scope", "The client may have none of these scopes.")
    return granted


def _basic(value: bytes) -> Credentials:
    scheme, _, encoded = value.strip().partition(b" ")
    if scheme.lower() != b"basic":
        raise ClientRefused("The way to authenticate is not supported.")
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except ValueError:
        raise ClientRefused("The credentials cannot be read.") from None
    if not colon or not name or not secret:
        raise ClientRefused("The credentials cannot be read.")
    try:
        return Credentials(_decoded(name), _decoded(secret))
    except TokenRefused:
        raise ClientRefused("The credentials cannot be read.") from None


def _decoded(part: bytes) -> str:
    try:
        text = unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise TokenRefused("invalid_request", "A parameter is not text.")
    return text
