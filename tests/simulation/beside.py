"""What routes of a simulation have asked beside their clients' requests: copies of them, and parts of answers.

Copies go to an upstream with a base path, so that backends know them. Parts have targets of their own, made of the
client's. Runs without them draw what they drew before there were any.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from gateway.body import HIGH_WATER
from gateway.forwarding.copied import MOST
from gateway.forwarding.mirror import Copy
from gateway.forwarding.subrequest import Subrequest
from gateway.memory.transport import WIRE

COPY = b"/copy"
PARTS = (b"part1", b"part2")
ROUTE = "c"
NOTHING = "nothing"
"""What stands in the place of a part that failed, where that is so drawn."""
_SIZES = (0, 1, 40, 3_000)


class Sizes(dict[bytes, int]):
    """Octets of the answer to each target; to a copy as many as to its original."""

    def get(self, target: bytes, default: Any = None) -> Any:
        """Return them."""
        return super().get(target.removeprefix(COPY), default)


def happens(seed: int) -> bool:
    """Whether the run of a seed has copies and parts."""
    return random.Random(f"beside {seed}").random() < 0.35  # nothing is kept secret


def draw(chance: random.Random, upstreams: list[dict[str, Any]], routes: list[dict[str, Any]]) -> None:
    """Add what gets copies, copies, and a route with parts."""
    spare = upstreams[-1]
    shadow = spare | {"name": "shadow", "backends": [one | {"url": _copies(one["url"])} for one in spare["backends"]]}
    shadow.pop("health_check", None)
    upstreams.append(shadow)
    for route in routes:
        if chance.random() < 0.7:
            route["mirror"] = {"upstream": "shadow", "ratio": chance.choice((1, 1, 0.5))}
    parts = [
        {
            "name": name.decode(),
            "upstream": chance.choice(("main", "spare")),
            "path": f"/{name.decode()}/${{param.n}}",
            "timeout": chance.choice((0.5, 2)),
            "on_failure": chance.choice(("fail", "omit", {"default": NOTHING})),
        }
        for name in PARTS
    ]
    made: dict[str, Any] = {"name": ROUTE, "path": f"/{ROUTE}/:n", "aggregate": {"parts": parts}, "timeout": 4}
    if "retry" in routes[0] and chance.random() < 0.5:
        made["retry"] = routes[0]["retry"]
    routes.append(made)


def _copies(url: str) -> str:
    return url + COPY.decode()


def request(
    chance: random.Random, number: int, sizes: dict[bytes, int]
) -> tuple[bytes, bytes, list[tuple[bytes, bytes]], None]:
    """Draw a request for an answer with parts."""
    for part in PARTS:
        sizes[b"/%b/%d" % (part, number)] = chance.choice(_SIZES)
    return chance.choice((b"GET", b"GET", b"HEAD")), b"/%b/%d" % (ROUTE.encode(), number), [], None


def is_part(target: bytes) -> bool:
    """Whether it is asked for a part of an answer: such a one is JSON."""
    return target.startswith(b"/part")


def has_parts(target: bytes) -> bool:
    """Whether a client asked for an answer with parts."""
    return target.startswith(b"/c/")


def belong(target: bytes, body: bytes, complete: bool, wanted: Mapping[bytes, bytes], confused: set[bytes]) -> None:
    """Look whether the parts of an answer are those of its exchange.

    Args:
        target: That the client asked for.
        body: What came.
        complete: Whether that is all.
        wanted: What is said of each part's target.
        confused: Targets whose answers may be anything.
    """
    if not complete:
        return
    for name, said in json.loads(body).items():
        part = b"/%b/%b" % (name.encode(), target.rpartition(b"/")[2])
        if part not in confused and said != NOTHING:
            assert said == {"is": wanted[part].decode()}, f"{target!r} got {name} as {said!r:.60}"


def memory_is_bounded(watched: Any, at_once: int) -> None:
    """Look at what waits for upstreams that get copies.

    Args:
        watched: Whatever has a deadline.
        at_once: Octets of a content that may come in one piece, since rules have changed it.
    """
    for timed in watched:
        copy = timed._asker if isinstance(timed, Subrequest) else None
        if isinstance(copy, Copy) and copy.copied is not None:
            waits, waiting = copy.copied._waits, copy.copied.body._waiting
            assert waits <= MOST, f"{waits} octets of a copy wait"
            assert waiting <= HIGH_WATER + WIRE + at_once, f"{waiting} octets of a copy wait"
