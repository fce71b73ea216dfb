"""The open tunnels, by the credential that opened them.

Layer 2. `gateway.middleware.tunnels` enters them here. `gateway.identity.orders` closes those whose credential is
revoked, and a new configuration those whose API key or user it does not have any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.message import Tunnel
from gateway.principal import Principal

if TYPE_CHECKING:
    from gateway.identity.certificate_lists import CertificateLists, Chain

POLICY_VIOLATION = 1008
"""Close code that tells a WebSocket's client that it may not go on (RFC 6455 section 7.4.1)."""

REVOKED = "the credential was revoked"
ENDED = "the credential has ended"


class CertifiedTunnels:
    """Open tunnels by the chain of certificates that their client showed, whoever it is on the route."""

    __slots__ = ("_lists", "_open")

    def __init__(self) -> None:
        self._open: dict[object, tuple[Tunnel, Chain]] = {}
        self._lists: CertificateLists | None = None

    def add(self, exchange: object, tunnel: Tunnel, chain: Chain) -> None:
        """Enter the tunnel of an exchange until `remove`; close it where new lists came while the backend thought."""
        self._open[exchange] = (tunnel, chain)
        if self._lists is not None and self._lists.verdict(chain).cause:
            tunnel.close(POLICY_VIOLATION, REVOKED)

    def remove(self, exchange: object) -> None:
        """Forget the tunnel of an exchange that is over, if it had one."""
        self._open.pop(exchange, None)

    def judge(self, lists: CertificateLists) -> None:
        """Close the tunnels of whom new lists refuse, from now on."""
        self._lists = lists
        for tunnel, chain in list(self._open.values()):
            if lists.verdict(chain).cause:
                tunnel.close(POLICY_VIOLATION, REVOKED)

    def __len__(self) -> int:
        return len(self._open)


class OpenTunnels:
    """Open tunnels by kind and name of their credential, as in the deny-list."""

    __slots__ = ("_by_name", "_known")

    def __init__(self) -> None:
        # Dictionaries, not sets: tunnels are closed in this order, and a set's order differs from process to process.
        self._by_name: dict[tuple[str, str], dict[Tunnel, None]] = {}
        self._known: dict[str, Mapping[str, bytes]] = {}

    def add(self, tunnel: Tunnel, principal: Principal) -> None:
        """Enter a tunnel until `remove`.

        Args:
            tunnel: A tunnel that is open, or about to be.
            principal: The caller that opened it.
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
        """Close the tunnels of a credential; return how many.

        Args:
            kind: `jti` or `key_id`.
            name: The token id or key id.
        """
        tunnels = list(self._by_name.get((kind, name), ()))
        for tunnel in tunnels:
            tunnel.close(POLICY_VIOLATION, REVOKED)
        return len(tunnels)

    def known_are(self, kind: str, known: Mapping[str, bytes]) -> None:
        """Close the tunnels of credentials that a new configuration does not have any more, or has with another digest.

        Args:
            kind: As for `end`.
            known: Digests by name: of the keys of the memory store, of the users of a file.
        """
        before, self._known[kind] = self._known.get(kind, {}), known
        if before is known:
            return
        for name, digest in before.items():
            if known.get(name) != digest:
                self.end(kind, name)

    def __len__(self) -> int:
        return len(self._by_name)


def _names(principal: Principal) -> list[tuple[str, str]]:
    names = (("jti", principal.token_id), ("key_id", principal.key_id))
    return [(kind, name) for kind, name in names if name]
