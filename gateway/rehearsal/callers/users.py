"""Users of `auth.basic` that are made up: a file of users that has them beside its own.

A gateway reads its users from a file, so that one is written for the moment of reading. Users of the file stay, and can
be shown by whoever knows their passwords; one who is made up by the same name takes its place.

Tests: `tests/rehearsal/callers/test_users.py`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import scrypt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from gateway.config.schema.basic import Basic
from gateway.identity.users import UsersUnreadable, read_users

PASSWORD: Final = "rehearsal"  # noqa: S105  # of users that are made up: it opens nothing else
_NAME: Final = re.compile(r"[^:#\s\x00-\x1f\x7f-\x9f\u2028\u2029][^:\x00-\x1f\x7f-\x9f\u2028\u2029]{0,80}")
_SALT: Final = b"rehearsal-salt"


def name_of(claims: Mapping[str, Any]) -> str | None:
    """Return the name of a caller; None where it is none that a user can have."""
    name = claims.get("sub")
    return name if isinstance(name, str) and _NAME.fullmatch(name) and name == name.strip() else None


def shown(name: str) -> str:
    """Return what a caller shows in `Authorization`."""
    return f"Basic {b64encode(f'{name}:{PASSWORD}'.encode()).decode()}"


@contextmanager
def with_users(basic: Basic | None, callers: Sequence[Mapping[str, Any]]) -> Iterator[Basic | None]:
    """Give the section with the callers among its users, as long as the gateway is being built."""
    names = {name for name in map(name_of, callers) if name is not None}
    if basic is None or not names:
        yield basic
        return
    try:
        written = Path(basic.users_file).read_bytes()
        read_users(written)
    except (OSError, UsersUnreadable):
        yield basic  # whoever builds says what is wrong with it, and where
        return
    with TemporaryDirectory(prefix="gateway-users-") as directory:
        file = Path(directory, "users")
        kept = [line for line in written.split(b"\n") if line.partition(b":")[0].strip().decode("latin-1") not in names]
        # Of the least cost: the password is no secret.
        digest = scrypt(PASSWORD.encode(), salt=_SALT, n=2, r=1, p=1, dklen=32).hex()
        made = [f"{name}:scrypt:2:1:1${_SALT.decode()}${digest}".encode() for name in sorted(names)]
        file.write_bytes(b"\n".join([*kept, *made, b""]))
        yield basic.model_copy(update={"users_file": str(file)})
