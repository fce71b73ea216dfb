"""A member of an upstream as registries say it: a URL and a weight, checked before it is anything else.

What a registry says is as little to be believed as what a client says: whoever can write there must not be able to send
traffic to a socket of this machine, to put a password into a log, or to fill the memory.

Tests: `tests/discovery/test_members.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from gateway.config import patterns
from gateway.config.problems import Unexpected
from gateway.config.texts import without_credentials

MOST = 5_000
"""Members of one upstream."""
LONGEST = 2_000
"""Characters of a URL."""
HEAVIEST = 1_000_000
"""As `weight` in the configuration."""
SHOWN = 100
"""Characters of what was refused that the log shows."""


class Member(NamedTuple):
    """What is known of a member.

    Attributes:
        url: In its normal form: its identity.
        weight: Its share of the traffic, 0 for none.
        backup: Whether it is for when no other may be tried.
    """

    url: str
    weight: int = 1
    backup: bool = False


class Refused(Exception):
    """This is no member; the words say why, and hold no secret."""


def from_url(url: object, weight: object = 1, backup: bool = False) -> Member:
    """Read a member that is said as a URL.

    Raises:
        Refused: It is none.
    """
    if not isinstance(url, str) or len(url) > LONGEST:
        raise Refused(f"expected a URL, found {_shown(url)}")
    if not url.lower().startswith(("http://", "https://", "h2c://")):
        # Not unix:, which the configuration has: a registry does not know the files of this machine.
        raise Refused(f"expected a URL with http://, https:// or h2c://, found {_shown(url)}")
    try:
        normal = patterns.backend_url(url)
    except Unexpected as error:
        raise Refused(f"expected {error.expected}, found {_shown(url)}") from None
    if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= HEAVIEST:
        raise Refused(f"expected a weight from 0 to {HEAVIEST}, found {_shown(weight)}")
    return Member(normal, weight, backup)


def from_address(scheme: str, host: object, port: object, weight: object = 1, backup: bool = False) -> Member:
    """Read a member that is said as an address, or a name, and a port.

    Raises:
        Refused: It is none.
    """
    if not isinstance(host, str) or any(one in host for one in "/@?#\\"):
        raise Refused(f"expected an address, found {_shown(host)}")
    if port is not None and (isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536):
        raise Refused(f"expected a port, found {_shown(port)}")
    bracketed = f"[{host}]" if ":" in host else host
    return from_url(f"{scheme}://{bracketed}" + ("" if port is None else f":{port}"), weight, backup)


def from_value(value: object) -> Member:
    """Read a member that is said as a URL, or as a mapping `{url, weight}`; further keys may be there.

    Raises:
        Refused: It is none.
    """
    if isinstance(value, dict):
        return from_url(value.get("url"), value.get("weight", 1))
    return from_url(value)


def from_text(text: bytes) -> Member:
    """Read a member as `from_value` does, from a text that is a URL or JSON.

    Raises:
        Refused: It is none.
    """
    try:
        decoded = text.decode().strip()
        return from_value(json.loads(decoded) if decoded.startswith(("{", '"')) else decoded)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise Refused(f"expected a URL or JSON with `url` and `weight`, found {_shown(text[:SHOWN])}") from None


def collect(said: Iterable[Any], read: Callable[[Any], Member | None]) -> tuple[list[Member], list[str]]:
    """Read all that a place says; returns the members, each URL once and in one order, and why others are refused.

    Args:
        said: What it says.
        read: Reads one of these; None for one that is not meant; raises `Refused`.
    """
    found: dict[str, Member] = {}
    refused: list[str] = []
    for one in said:
        try:
            member = read(one)
        except Refused as error:
            refused.append(str(error))
            continue
        if member is not None:
            found.setdefault(member.url, member)
    return [found[url] for url in sorted(found)], refused


def texts(value: object) -> Iterator[str]:
    """Yield the texts of a list, where it is one."""
    if isinstance(value, list):
        for one in value:
            if isinstance(one, str):
                yield one


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return json.dumps(without_credentials(text[: LONGEST + 1])[:SHOWN])
