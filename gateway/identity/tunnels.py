"""The tunnels that are open, by the credential that they were opened with.

Layer 2. `gateway.middleware.tunnels` enters them here; `gateway.identity.orders` has those closed whose credential is
refused from now on, and a new configuration those whose API key it has no more.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.message import Tunnel
from gateway.principal import Principal

POLICY_VIOLATION = 1008
"""RFC 6455 section 7.4.1: what a WebSocket's client is told where it may not go on."""

REVOKED = "the credential was revoked"
ENDED = "the credential has ended"


class OpenTunnels:
    """Tunnels by the names that revocations call their credentials by."""

    __slots__ = ("_by_name", "_keys")

    def __init__(self) -> None:
        # Dictionaries, since they are closed in this order: that of a set is another in each process.
        self._by_name: dict[tuple[str, str], dict[Tunnel, None]] = {}
        self._keys: Mapping[str, bytes] = {}

    def add(self, tunnel: Tunnel, principal: Principal) -> None:
        """Enter a tunnel until `remove`.

        Args:
            tunnel: That is open, or about to be.
            principal: Who opened it.
        """
        for name in _names(principal):
            self._by_name.setdefault(name, {})[tunnel] = None

    def remove(self, tunnel: Tunnel, principal: Principal) -> None:
        """Forget a tunnel that is over."""
        for name in _names(principal):
            tunnels = self._by_name.get(name)
            if tunnels is not None:
                tunnels.pop(tunnel, None)
                if not tunnels:
                    del self._by_name[name]

    def end(self, kind: str, name: str) -> int:
        """Close the tunnels of a credential; returns how many they were.

        Args:
            kind: `jti` or `key_id`.
            name: Which one.
        """
        tunnels = list(self._by_name.get((kind, name), ()))
        for tunnel in tunnels:
            tunnel.close(POLICY_VIOLATION, REVOKED)
        return len(tunnels)

    def keys_are(self, keys: Mapping[str, bytes]) -> None:
        """Close the tunnels of keys that a new configuration has no more, or under another digest.

        Args:
            keys: Digests of the keys of the memory store, by id.
        """
        before, self._keys = self._keys, keys
        for key_id, digest in before.items():
            if keys.get(key_id) != digest:
                self.end("key_id", key_id)

    def __len__(self) -> int:
        return len(self._by_name)


def _names(principal: Principal) -> list[tuple[str, str]]:
    names = (("jti", principal.token_id), ("key_id", principal.key_id))
    return [(kind, name) for kind, name in names if name]
