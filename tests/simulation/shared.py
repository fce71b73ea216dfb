"""Targets that several clients ask for, whose answers a cache may keep: what each client gets is its own all the same.

Each client says who it is (`X-Who`), and a backend makes its content of that. It says so in `Vary`, or that nobody else
may have the answer. Runs without caches draw what they drew before there were any.
"""

from __future__ import annotations

import random
from hashlib import blake2b
from typing import Any

from gateway.headers import Headers

WHO = b"X-Who"
FIRST = 10**9
"""Numbers of targets from here on are shared."""
MOST = 1_000_000
"""Octets of an answer that is kept, at most."""
_TARGETS = 1
_CALLERS = 2

_KEPT = (
    b"max-age=60",
    b"max-age=60",
    b"max-age=5",
    b"public, s-maxage=1",
    b"max-age=1, stale-while-revalidate=3",
    b"max-age=1, stale-if-error=20",
    b"max-age=0, must-revalidate",
    b"no-cache",
)
_OWN = (b"private, max-age=5", b"no-store", b"private")
_ASKED = (b"no-cache", b"max-age=0", b"only-if-cached", b"no-store", b"min-fresh=2")


def shares(seed: int) -> bool:
    """Whether the run of a seed has caches."""
    return random.Random(f"caches {seed}").random() < 0.35  # nothing is kept secret


def cache(chance: random.Random) -> dict[str, Any]:
    """Draw the cache of a route."""
    return {
        "coalesce": chance.random() < 0.7,
        "max_entry": chance.choice((100, MOST, MOST)),
        "stale_while_revalidate": chance.choice((0, 2)),
        "stale_if_error": chance.choice((0, 10)),
        "ttl": chance.choice((0, 0, 2)),
    }


def caller(chance: random.Random) -> bytes:
    """Draw who a client is."""
    return b"%d" % chance.randrange(_CALLERS)


def request(
    chance: random.Random, route: bytes, who: bytes, sizes: dict[bytes, int], some: tuple[int, ...]
) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], None]:
    """Draw a request for a target that others ask for too."""
    target = b"/%b/%d" % (route, FIRST + chance.randrange(_TARGETS))
    sizes.setdefault(target, chance.choice(some))
    fields = [(WHO, who)]
    if chance.random() < 0.15:
        fields.append((b"Cache-Control", chance.choice(_ASKED)))
    return chance.choice((b"GET", b"GET", b"GET", b"HEAD")), target, fields, None


def is_shared(target: bytes) -> bool:
    """Whether several clients ask for a target, or one does again."""
    number = target.rpartition(b"/")[2]
    return number.isdigit() and int(number) >= FIRST


def own(target: bytes, who: bytes | None) -> bytes:
    """Return what the content of an answer is made of."""
    return b"%b~%b" % (target, who) if is_shared(target) and who is not None else target


def says(chance: random.Random, target: bytes, headers: Headers) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Draw what an answer says of itself, and whether it is a 304.

    Args:
        chance: Draws.
        target: That the client asked for.
        headers: Of the request.
    """
    who = headers.get(WHO)
    if not is_shared(target) or who is None:
        return [], False
    if chance.random() < 0.2:
        return [(b"Cache-Control", chance.choice(_OWN))], False
    fields = [(b"Cache-Control", chance.choice(_KEPT)), (b"Vary", WHO)]
    tag = b'"%b"' % blake2b(own(target, who), digest_size=4).hexdigest().encode()
    if chance.random() < 0.7:
        fields.append((b"ETag", tag))
    return fields, headers.get(b"if-none-match") == tag and chance.random() < 0.8


def is_kept(headers: Headers) -> bool:
    """Whether an answer came from a cache; its Gateway-Reason then says why it is stale."""
    return b"; hit" in (headers.get(b"cache-status") or b"")
