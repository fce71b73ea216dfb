"""Which hash the secret of an unknown client is compared with, so that it takes as long as for a known one.

Layer 2. Used for the clients of the token endpoint (`gateway.identity.oauth`) and for the users of a file
(`gateway.identity.users`).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b, sha256

from gateway.identity.secrets import OF_NOBODY


class Decoys:
    """Chooses among the hashes of those who are known.

    The same name always gets the same hash, as the name of a known client does (D-52). Where hashes cost different
    times to compare with, unknown names have them in the same shares as known ones. Nobody outside can foretell which
    one a name gets: the choice is keyed with the hashes themselves, so a name whose time is another than foretold is no
    known one.

    Args:
        hashes: Of all who are known; none is as good as that of a secret which nobody has.
    """

    __slots__ = ("_hashes", "_key")

    def __init__(self, hashes: Iterable[str]) -> None:
        self._hashes = tuple(hashes) or (OF_NOBODY,)
        self._key = sha256("\n".join(self._hashes).encode()).digest()

    def of(self, name: str) -> str:
        """Return the hash to compare with for a name that nobody has."""
        drawn = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
        return self._hashes[int.from_bytes(drawn, "big") % len(self._hashes)]
