"""Which backends of an upstream may be picked, from what health, ejection and breakers say of each.

Layer 2: decides only. Asked by the upstream when something about one of its
backends has changed, and by the admin listener for what it would do next.

# Note [Panic]
When fewer than a share of the backends are left, those few would get all the
traffic and fall over next; and it is likelier that what we believe is wrong
than that so many fail at once. Envoy then uses all of them, well or not. Here
those come back that were ejected for failures of the past, and only those: a
backend that fails its checks now is known to be of no use, so that one live
backend beside three that fail their checks keeps its exchanges, where Envoy
would send three in four of them into the void.

A sound backup is better than an ejected backend: where no other is sound, there is no panic as long as one of the
backups is. Backups are no reason to panic either: the share that must be left is that of the others, and among the
backups it is asked for only when there are no others.

Three things no panic overrides: a weight of 0, which is the operator's word,
a failed active check, and an open breaker, which promises no contact at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Generic, NamedTuple, Protocol, TypeVar

PANIC_THRESHOLD = 0.5
"""Share of the backends that must be left, or it is panic: Envoy's default."""


class Standing(Protocol):
    """What is known of one backend at one time.

    Attributes:
        weight: 0 while it drains.
        healthy: Whether its active checks pass, or there are none.
        ejected: Whether it is out for failures of real traffic.
        admits: Whether its breaker would let an attempt pass, or there is none.
        backup: Whether it is for when no other may be tried.
    """

    @property
    def weight(self) -> int: ...

    @property
    def healthy(self) -> bool: ...

    @property
    def ejected(self) -> bool: ...

    @property
    def admits(self) -> bool: ...

    @property
    def backup(self) -> bool: ...


class Lack(Enum):
    """Why no backend may be picked."""

    NONE = "none"
    """One may."""
    NO_BACKEND = "no_backend"
    """There is none, or all are drained or fail their checks."""
    BREAKERS_OPEN = "breakers_open"
    """There are some, and the breaker of each is open."""


S = TypeVar("S", bound=Standing)


class Selection(NamedTuple, Generic[S]):
    """Those that may be picked, in their order.

    Attributes:
        backends: Empty where `lack` says why; sound backups are among them, and are asked when the others were.
        panic: Whether some of them are ejected, and are used only because too few others are left.
        lack: Why there are none.
    """

    backends: list[S]
    panic: bool = False
    lack: Lack = Lack.NONE


def available(standings: Iterable[S], panic_threshold: float = PANIC_THRESHOLD) -> Selection[S]:
    """Choose which backends may be picked.

    Args:
        standings: All backends of the upstream.
        panic_threshold: Share of the backends that must be left, from 0.0 (panic only when none is) to 1.0.
    """
    weighted = [backend for backend in standings if backend.weight > 0]
    backups = [backend for backend in weighted if backend.backup]
    if not backups:
        return _among(weighted, panic_threshold)
    reserve = [backend for backend in backups if _sound(backend)]
    first = _among([backend for backend in weighted if not backend.backup], panic_threshold)
    if first.backends and (any(map(_sound, first.backends)) or not reserve):
        return Selection([*first.backends, *reserve], first.panic)
    second = Selection(reserve) if first.backends else _among(backups, panic_threshold)
    if second.backends:
        return second
    open_ = bool(weighted) and not any(backend.admits for backend in weighted)
    return Selection([], lack=Lack.BREAKERS_OPEN if open_ else Lack.NO_BACKEND)


def _sound(backend: Standing) -> bool:
    return backend.admits and backend.healthy and not backend.ejected


def _among(weighted: list[S], panic_threshold: float) -> Selection[S]:
    """Choose among backends that do not drain and are all backups, or none of them."""
    if not weighted:
        return Selection([], lack=Lack.NO_BACKEND)
    admitting = [backend for backend in weighted if backend.admits]
    if not admitting:
        return Selection([], lack=Lack.BREAKERS_OPEN)
    healthy = [backend for backend in admitting if backend.healthy]
    sound = [backend for backend in healthy if not backend.ejected]
    if sound and len(sound) >= panic_threshold * len(weighted):
        return Selection(sound)
    if not healthy:
        return Selection([], lack=Lack.NO_BACKEND)
    # Too few are left, see Note [Panic].
    return Selection(healthy, panic=len(healthy) > len(sound))
