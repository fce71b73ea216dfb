"""Orders of an operator about credentials: forget cached results, or refuse a credential from now on.

Layer 2. Given through the admin listener, obeyed at once, and sent to the other
instances as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import inf, isfinite
from typing import Any

from gateway.identity.results import Results
from gateway.identity.revocations import Revocations
from gateway.identity.tunnels import OpenTunnels
from gateway.principal import Principal

MAX_NAME = 1024
"""Most characters of a user, key id or token id in an order."""

_CHOICES: dict[str, Callable[[Principal], str]] = {
    "user": lambda principal: principal.subject,
    "key_id": lambda principal: principal.key_id,
    "jti": lambda principal: principal.token_id,
}

FORGET_BY = frozenset(_CHOICES)
REVOKE_BY = frozenset(["key_id", "jti"])


class OrderUnreadable(ValueError):
    """It is not an order; the text says what was expected."""


class NoRoom(Exception):
    """The deny-list is full, and no entry on it has expired."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order.

    Attributes:
        revoke: Whether to refuse the credential from now on; False to verify it again when it comes next.
        kind: `user`, `key_id` or `jti`; empty for all credentials.
        name: The user, key id or token id.
        until: Unix seconds when the credential expires; infinite where that is not known.
    """

    revoke: bool
    kind: str = ""
    name: str = ""
    until: float = inf

    def encode(self) -> bytes:
        """Encode the order for the other instances."""
        said = asdict(self)
        if self.until == inf:
            del said["until"]
        return json.dumps(said).encode()


def decode(octets: bytes) -> Order:
    """Decode an order of another instance.

    Raises:
        OrderUnreadable: It is not an order.
    """
    try:
        said = json.loads(octets)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("kind", ""), str):
        raise OrderUnreadable("expected an object in JSON, with a kind")
    revoke, kind = bool(said.get("revoke")), said.get("kind", "")
    if not revoke and kind == "":
        return Order(False)
    return read(revoke, {kind: said.get("name")}, said.get("until", inf))


def read(revoke: bool, said: dict[str, Any], until: Any = inf) -> Order:
    """Make an order of what an operator sends: one member, `user`, `key_id` or `jti`.

    Raises:
        OrderUnreadable: It is another one, or its value is not a text.
    """
    known = REVOKE_BY if revoke else FORGET_BY
    if len(said) != 1 or not known.issuperset(said):
        raise OrderUnreadable(f"expected one of {', '.join(sorted(known))}")
    ((kind, name),) = said.items()
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise OrderUnreadable(f"expected a text of 1 to {MAX_NAME} characters for {kind}")
    if isinstance(until, bool) or not isinstance(until, int | float) or (until != inf and not isfinite(until)):
        raise OrderUnreadable("expected Unix seconds for expires")
    return Order(revoke, kind, name, float(until))


class Control:
    """Obeys orders, and passes them on.

    Args:
        results: The cached results.
        revocations: The deny-list.
        tunnels: The open tunnels: they are closed when their credential is revoked.
        wall_clock: Unix seconds.
        tell: Sends an order to the other instances.
    """

    def __init__(
        self,
        results: Results,
        revocations: Revocations,
        tunnels: OpenTunnels,
        wall_clock: Callable[[], float],
        tell: Callable[[Order], None] | None = None,
    ) -> None:
        self._results = results
        self._revocations = revocations
        self._tunnels = tunnels
        self._wall_clock = wall_clock
        self._tell = tell

    def give(self, order: Order) -> int:
        """Obey an order here and send it to the other instances; return how many principals were forgotten here.

        Raises:
            NoRoom: The deny-list is full.
        """
        forgotten = self.obey(order)
        if self._tell is not None:
            self._tell(order)
        return forgotten

    def standing(self) -> list[Order]:
        """Return the orders that are still in force: an entry of the deny-list each."""
        now = self._wall_clock()
        return [Order(True, kind, name, until) for kind, name, until in self._revocations.entries() if until > now]

    def obey(self, order: Order) -> int:
        """Obey an order here; return how many principals were forgotten.

        Raises:
            NoRoom: The deny-list is full.
        """
        if order.revoke:
            now = self._wall_clock()
            if not self._revocations.add(order.kind, order.name, now, order.until):
                raise NoRoom("the deny-list is full")
            if order.until > now:
                self._tunnels.end(order.kind, order.name)
        if not order.kind:
            return self._results.clear()
        of = _CHOICES[order.kind]
        return self._results.forget(lambda principal: of(principal) == order.name)
