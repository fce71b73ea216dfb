"""Names and passwords as a way to authenticate: HTTP Basic (RFC 7617).

Tests: `tests/flow/test_basic.py::test_others_are_asked_for_it`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable
from typing import Protocol

from gateway.errors import CredentialInvalid
from gateway.exchange import Exchange
from gateway.identity.bearer import FIELDS
from gateway.identity.users import Users, credential_id
from gateway.principal import Principal

_control = re.compile(r"[\x00-\x1f\x7f]").search


class Proving(Protocol):
    """Finds out whether a password is right (`gateway.middleware.guesses.Guesses`)."""

    async def right(self, exchange: Exchange, name: str, secret: str, encoded: str, decoy: bool) -> bool: ...


class BasicAuthenticator:
    """Looks for a name and a password; see `gateway.interfaces.Authenticator`.

    Note [A credential is compared with one hash]

    What `find` returns begins with the hash that the password is to be compared with. So what was found out of a
    credential, right or wrong, is kept for this hash: when the file has another one for the user, or the user no more,
    nothing is found any more, and what was kept of all other users stays.

    Args:
        users: Who there is.
        guesses: Counts attempts, and compares passwords.
        realm: For the challenge.
    """

    name = "basic"
    cacheable = True
    fields = FIELDS

    def __init__(self, users: Users, guesses: Proving, realm: str) -> None:
        self._users = users
        self._guesses = guesses
        self.challenge = b'Basic realm="%b", charset="UTF-8"' % realm.encode()

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the name and the password of a request, behind the hash to compare with; see the note."""
        headers = exchange.request.headers
        value = headers.index.get(b"authorization")
        if value is None:
            return None
        if len(headers.index) != len(headers.fields) and len(headers.get_all(b"authorization")) > 1:
            raise CredentialInvalid("two Authorization fields")
        scheme, _, encoded = value.partition(b" ")
        if scheme.lower() != b"basic":
            return None
        try:
            name, colon, password = base64.b64decode(encoded.strip(b" "), validate=True).decode().partition(":")
        except ValueError:  # UnicodeDecodeError is one, too
            raise CredentialInvalid("a name and a password that cannot be read") from None
        if not colon or not name or _control(name) or _control(password):  # RFC 7617 section 2
            raise CredentialInvalid("no name, or characters that neither name nor password may have")
        known = self._users.find(name)
        mark = b"\0decoy\0" if known is None else b"\0user\0"
        return b"%b%b%b:%b" % ((known or self._users.decoy(name)).encode(), mark, name.encode(), password.encode())

    def verify(self, credential: bytes, exchange: Exchange) -> Awaitable[Principal]:
        """Return whose name and password it is."""
        encoded, kind, shown = credential.decode().split("\0")
        name, _, password = shown.partition(":")
        return self._wait(exchange, name, password, encoded, kind == "decoy")

    def withhold(self, exchange: Exchange) -> None:
        """Do nothing: a password is shown in its field only."""

    async def _wait(self, exchange: Exchange, name: str, password: str, encoded: str, decoy: bool) -> Principal:
        if not await self._guesses.right(exchange, name, password, encoded, decoy):
            raise CredentialInvalid("unknown user, or wrong password")
        return Principal(name, method="basic", token_id=credential_id(name))
